"""One moment."""

from __future__ import annotations

import msgspec

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule import zones
from dispatch_app.domain.schedule.bounds import check_calendars, spread_in_words
from dispatch_app.domain.schedule.phrases import PHRASES, Language

#: ms
LONGEST_DELAY = 100 * 365 * 86_400_000


class Once(
    msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="type", tag="one-time"
):
    """Runs once: at `start_time`, or `delay` after it was stored; both in ms."""

    start_time: int | None = None
    delay: int | None = None
    timezone: str = "UTC"
    #: as in `bounds.Recurring`
    jitter: int = 0
    calendars: tuple[str, ...] = ()
    #: the moment from which `delay` counts; see `settled`
    anchor: int = 0

    @property
    def moment(self) -> int:
        """When, ms."""
        return self.anchor + (self.delay or 0) if self.start_time is None else self.start_time

    def settled(self, key: str, moment: int) -> Once:
        """The same with its delay counted from `moment`."""
        return self if self.delay is None else msgspec.structs.replace(self, anchor=moment)

    def next_after(self, moment: int) -> int | None:
        """Its moment, if that lies after `moment`."""
        return self.moment if self.moment > moment else None

    def check(self) -> None:
        """Refuse an unknown zone, a moment off the calendar, two moments or none.

        Raises:
            InvalidInput.
        """
        zones.check(self.timezone)
        check_calendars(self.calendars)
        if (self.start_time is None) is (self.delay is None):
            raise InvalidInput({"start_time": "Give either start_time or delay."})
        zones.check_moment("start_time", self.start_time)
        if self.delay is not None and not 0 <= self.delay <= LONGEST_DELAY:
            raise InvalidInput({"delay": "Has to be from 0 seconds to 100 years."})

    def describe(self, language: Language = "en") -> str:
        """It in words."""
        words = PHRASES[language].once.format(zones.in_words(self.timezone, self.moment))
        return words + spread_in_words(self.jitter, self.calendars, language)
