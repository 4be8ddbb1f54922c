"""What every recurring schedule has: a zone, a first and a last moment, a number of runs."""

from __future__ import annotations

import msgspec

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule.zones import check as check_zone


class Recurring(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="type"):
    """The bounds of a recurring schedule; moments in ms."""

    timezone: str = "UTC"
    #: no occurrence before it
    start_time: int | None = None
    #: no occurrence after it; one exactly at it still runs
    end_time: int | None = None
    #: occurrences dispatched in all; planning counts them
    max_runs: int | None = None

    def check(self) -> None:
        """Refuse bounds that leave nothing.

        Raises:
            InvalidInput.
        """
        check_zone(self.timezone)
        if self.max_runs is not None and self.max_runs < 1:
            raise InvalidInput({"max_runs": f"Has to be at least 1, not {self.max_runs}."})
        first, last = self.start_time, self.end_time
        if first is not None and last is not None and last < first:
            raise InvalidInput({"end_time": "Lies before start_time."})

    def within(self, moment: int | None) -> int | None:
        """The moment, unless the schedule has ended by then."""
        if moment is None or (self.end_time is not None and moment > self.end_time):
            return None
        return moment
