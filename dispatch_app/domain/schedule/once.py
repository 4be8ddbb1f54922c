"""One moment."""

from __future__ import annotations

import msgspec

from dispatch_app.domain.schedule import zones


class Once(
    msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="type", tag="one-time"
):
    """Runs once, at `start_time` (ms)."""

    start_time: int
    timezone: str = "UTC"

    def next_after(self, moment: int) -> int | None:
        """Its moment, if that lies after `moment`."""
        return self.start_time if self.start_time > moment else None

    def check(self) -> None:
        """Refuse an unknown zone, and a moment off the calendar.

        Raises:
            InvalidInput.
        """
        zones.check(self.timezone)
        zones.check_moment("start_time", self.start_time)

    def describe(self) -> str:
        """It in words."""
        return f"Once, at {zones.local(self.timezone, self.start_time):%Y-%m-%d %H:%M:%S %z}"
