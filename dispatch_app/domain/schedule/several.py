"""Several schedules on one task: it runs whenever one of them says so, once where more than one
does."""

from __future__ import annotations

import msgspec

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule.cron import Cron
from dispatch_app.domain.schedule.interval import Interval
from dispatch_app.domain.schedule.once import Once
from dispatch_app.domain.schedule.phrases import Language
from dispatch_app.domain.schedule.steps import Steps

Single = Once | Interval | Steps | Cron

#: Schedules of one task.
MOST = 20


class Several(
    msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="type", tag="several"
):
    """Occurs whenever one of its schedules does. Each keeps its own bounds and counts its own
    `max_runs`; `timeline.Timeline` sees to that."""

    schedules: tuple[Single, ...]

    @property
    def timezone(self) -> str:
        """The zone in which its occurrences are shown: that of the first."""
        return self.schedules[0].timezone

    @property
    def calendars(self) -> tuple[str, ...]:
        """All that its schedules name."""
        return tuple(dict.fromkeys(name for each in self.schedules for name in each.calendars))

    def settled(self, key: str, moment: int) -> Several:
        """The same with each of them settled."""
        return Several(schedules=tuple(each.settled(key, moment) for each in self.schedules))

    def next_after(self, moment: int) -> int | None:
        """The first occurrence of any of them strictly after `moment`."""
        found = (each.next_after(moment) for each in self.schedules)
        return min((moment for moment in found if moment is not None), default=None)

    def check(self) -> None:
        """Refuse a list that is empty or too long, and what one of them refuses.

        Raises:
            InvalidInput.
        """
        if not 1 <= len(self.schedules) <= MOST:
            raise InvalidInput({"schedule": f"Has to be a list of 1 to {MOST} schedules."})
        for index, each in enumerate(self.schedules):
            try:
                each.check()
            except InvalidInput as error:
                raise error.under(str(index)) from error

    def describe(self, language: Language = "en") -> str:
        """It in words."""
        return "; ".join(each.describe(language) for each in self.schedules)
