"""Every so many days, weeks, months or years on the wall clock of a zone.

Unlike a fixed length of time, such a step keeps the time of day over a change of the clock. What
falls into a gap or an overlap of it follows `dst` as cron's fixed times do. A month that has no
such day takes its last one, and the next month the full day again: each occurrence is counted from
the first, not from the one before.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import MAXYEAR, datetime, timedelta
from itertools import islice
from typing import Literal

import msgspec

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule import notes, zones
from dispatch_app.domain.schedule.bounds import Recurring
from dispatch_app.domain.schedule.phrases import PHRASES, Language
from dispatch_app.domain.schedule.zones import Dst, Segment

Unit = Literal["days", "weeks", "months", "years"]
#: Days that a step of each unit may have at most; for a first guess that is never too late.
_LONGEST = {"days": 1, "weeks": 7, "months": 31, "years": 366}
_DAY = 86_400_000
#: Most of a unit: a hundred years.
MOST = {"days": 36_500, "weeks": 5_200, "months": 1_200, "years": 100}


class Steps(Recurring, frozen=True, omit_defaults=True, kw_only=True, tag="steps"):
    """Occurs at `start_time` and every `count` units after it; without one, from `anchor` on, the
    moment of its creation, which is no occurrence itself."""

    unit: Unit
    count: int = 1
    #: what a wall-clock time in a gap or an overlap of the clock means
    dst: Dst = "run_once"
    #: see `settled`
    anchor: int = 0

    def settled(self, key: str, moment: int) -> Steps:
        """The same, counted from its start or, if it has none, from `moment`."""
        anchor = moment if self.start_time is None else self.start_time
        return msgspec.structs.replace(self, anchor=anchor)

    def next_after(self, moment: int) -> int | None:
        """The first occurrence strictly after `moment`."""
        for wall in self._walls_near(moment):
            for instant in zones.instants(self.timezone, wall, self.dst):
                if instant > moment:
                    return self.within(instant)
        return None

    def note(self, moment: int, language: Language = "en") -> str | None:
        """What a change of the clock means to the occurrence at `moment`; None: nothing."""
        return notes.note(
            self.timezone,
            moment,
            policy=self.dst,
            language=language,
            fell_into_gap=self._fell_into_gap,
            is_first_after=lambda here, at: self.next_after(zones.to_moment(here.start) - 1) == at,
        )

    def check(self) -> None:
        """Refuse what cannot be planned.

        Raises:
            InvalidInput.
        """
        super().check()
        if not 1 <= self.count <= MOST[self.unit]:
            raise InvalidInput({f"every.{self.unit}": f"Has to be from 1 to {MOST[self.unit]}."})

    def describe(self, language: Language = "en") -> str:
        """It in words."""
        one, several = PHRASES[language].step[self.unit]
        words = several.format(self.count) if self.count > 1 else one
        return words + self.bounds_in_words(language)

    def _fell_into_gap(self, here: Segment) -> bool:
        assert here.gap is not None
        near = islice(self._walls_near(zones.to_moment(here.start)), 8)
        return any(here.gap[0] <= wall < here.gap[1] for wall in near)

    def _walls_near(self, moment: int) -> Iterator[datetime]:
        """The wall-clock times of its occurrences, in order, from a few days before `moment` on."""
        first = zones.local(self.timezone, self.anchor).replace(tzinfo=None)
        # a change of the clock moves an occurrence by a day at most
        passed = (moment - self.anchor) // _DAY - 2
        number = max(passed // (_LONGEST[self.unit] * self.count), 0)
        number = max(number, 1 if self.start_time is None else 0)
        while (wall := self._wall(first, number)) is not None:
            yield wall
            number += 1

    def _wall(self, first: datetime, number: int) -> datetime | None:
        """The wall-clock time of an occurrence; None: beyond the calendar."""
        steps = number * self.count
        if self.unit in ("days", "weeks"):
            try:
                return first + timedelta(**{self.unit: steps})
            except OverflowError:
                return None
        months = first.year * 12 + first.month - 1 + steps * (12 if self.unit == "years" else 1)
        year, month = divmod(months, 12)
        if year > MAXYEAR:
            return None
        last = calendar.monthrange(year, month + 1)[1]
        return first.replace(year=year, month=month + 1, day=min(first.day, last))
