"""What every recurring schedule has: a zone, a first and a last moment, a number of runs."""

from __future__ import annotations

import msgspec

from dispatch_app.domain.durations import human
from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule import zones
from dispatch_app.domain.schedule.phrases import PHRASES, Language

#: ms; a longer jitter would be another schedule
LONGEST_JITTER = 86_400_000
#: Calendars that one schedule names.
MOST_CALENDARS = 10


class Recurring(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="type"):
    """The bounds of a recurring schedule; moments in ms."""

    timezone: str = "UTC"
    #: no occurrence before it
    start_time: int | None = None
    #: no occurrence after it; one exactly at it still runs
    end_time: int | None = None
    #: occurrences dispatched in all; planning counts them
    max_runs: int | None = None
    #: ms by which an occurrence is dispatched late, at most; see `timeline.Timeline.due_at`
    jitter: int = 0
    #: names of calendars, all of which have to allow an occurrence
    calendars: tuple[str, ...] = ()

    def check(self) -> None:
        """Refuse bounds that leave nothing.

        Raises:
            InvalidInput.
        """
        zones.check(self.timezone)
        check_calendars(self.calendars)
        if self.max_runs is not None and self.max_runs < 1:
            raise InvalidInput({"max_runs": f"Has to be at least 1, not {self.max_runs}."})
        first, last = self.start_time, self.end_time
        zones.check_moment("start_time", first)
        zones.check_moment("end_time", last)
        if first is not None and last is not None and last < first:
            raise InvalidInput({"end_time": "Lies before start_time."})

    def within(self, moment: int | None) -> int | None:
        """The moment, unless the schedule, or the calendar of four-digit years, has ended."""
        last = zones.LAST if self.end_time is None else min(self.end_time, zones.LAST)
        return None if moment is None or moment > last else moment

    def bounds_in_words(self, language: Language) -> str:
        """Its zone and its bounds, to be read after what it does."""
        phrases = PHRASES[language]
        parts = [] if self.timezone == "UTC" else [f" ({self.timezone})"]
        for phrase, moment in ((phrases.start, self.start_time), (phrases.end, self.end_time)):
            if moment is not None:
                parts.append(phrase.format(zones.in_words(self.timezone, moment)))
        if self.max_runs is not None:
            phrase = phrases.at_most if self.max_runs > 1 else phrases.just_once
            parts.append(phrase.format(self.max_runs))
        return "".join(parts) + spread_in_words(self.jitter, self.calendars, language)


def spread_in_words(jitter: int, calendars: tuple[str, ...], language: Language) -> str:
    """How late it may be, and which calendars have to allow it; read after all else."""
    phrases = PHRASES[language]
    late = phrases.jitter.format(human(jitter)) if jitter else ""
    return late + (phrases.calendars.format(", ".join(calendars)) if calendars else "")


def check_calendars(names: tuple[str, ...]) -> None:
    """Refuse too many calendars.

    Raises:
        InvalidInput.
    """
    if len(names) > MOST_CALENDARS:
        raise InvalidInput({"calendars": f"Has to be {MOST_CALENDARS} names at most."})
