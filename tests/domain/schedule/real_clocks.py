"""Every change of any zone's clock from 1970 to 2037, and what the clock showed around it: by
`zoneinfo`, which `dispatch_app` has no part of.

The data are those that come with pytz, since two copies may be of different years. They are read by
other code, and from the half of the files that pytz leaves alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from io import BytesIO
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytz

#: Seconds since 1970: the first that is looked at, and the one after the last.
FIRST, END = 0, 2_145_916_800
#: The one clock since 1970 that was off by parts of a minute, which pytz rounds, until 1972.
ROUNDED = "Africa/Monrovia"
#: Seconds; no clock changes twice within it, as `test_clock_changes` sees to.
_STRIDE = 2 * 86_400
_EPOCH = datetime(1970, 1, 1)


class Change(NamedTuple):
    """The second from which a clock has another offset, and the two offsets in seconds."""

    at: int
    before: int
    after: int

    @property
    def edges(self) -> tuple[datetime, datetime]:
        """The wall-clock times between which it leaves out, or repeats, all that there are."""
        low, high = sorted((self.before, self.after))
        return wall_at(self.at + low), wall_at(self.at + high)

    @property
    def kind(self) -> tuple[int, int, int]:
        """The offsets, and the time of day that it comes at."""
        return self.before, self.after, (self.at + self.before) % 86_400


class Clock:
    """A clock that was read once each real minute, from so many seconds before a change to so many
    after it."""

    def __init__(self, zone: ZoneInfo, change: Change, around: int) -> None:
        self.first, self.last = change.at - around, change.at + around
        self.readings = [
            (second, shown(zone, second)) for second in range(self.first, self.last + 1, 60)
        ]
        self._seconds: dict[datetime, list[int]] = defaultdict(list)
        for second, wall in self.readings:
            self._seconds[wall].append(second)

    def seconds_showing(self, wall: datetime) -> list[int]:
        """When it showed that."""
        return self._seconds.get(wall, [])

    def first_second_past(self, wall: datetime) -> int:
        """When it first showed more than that."""
        return next(second for second, shown in self.readings if shown > wall)

    def covers(self, wall: datetime) -> bool:
        """Whether it went from less than that to that or more."""
        return self.readings[0][1] < wall <= self.readings[-1][1]


def wall_at(second: int) -> datetime:
    """What a clock without any offset shows."""
    return _EPOCH + timedelta(seconds=second)


def shown(zone: ZoneInfo, second: int) -> datetime:
    """What the clock of a zone shows."""
    return datetime.fromtimestamp(second, zone).replace(tzinfo=None)


@cache
def zone_of(name: str) -> ZoneInfo:
    """The zone; the same one for all its names."""
    with pytz.open_resource(name) as file:
        return _read(file.read())


def changes_of(name: str) -> tuple[Change, ...]:
    """All changes of a zone, in order."""
    return _changes_of(zone_of(name))


@cache
def all_changes() -> dict[Change, str]:
    """Every change once, whoever had it, with the name of one who had."""
    names = (name for name in pytz.all_timezones if name != ROUNDED)
    return {change: name for name in names for change in changes_of(name)}


def one_of_each_kind() -> dict[Change, str]:
    """The latest change of each kind."""
    latest = {change.kind: change for change in sorted(all_changes())}
    return {change: all_changes()[change] for change in latest.values()}


@cache
def _read(data: bytes) -> ZoneInfo:
    return ZoneInfo.from_file(BytesIO(data))


@cache
def _changes_of(zone: ZoneInfo) -> tuple[Change, ...]:
    return tuple(_look_for_changes(zone))


def _look_for_changes(zone: ZoneInfo) -> Iterator[Change]:
    before = _offset(zone, FIRST)
    for low in range(FIRST, END, _STRIDE):
        after = _offset(zone, low + _STRIDE)
        if after != before:
            yield Change(_first_second_with(zone, after, low, low + _STRIDE), before, after)
        before = after


def _first_second_with(zone: ZoneInfo, offset: int, low: int, high: int) -> int:
    """The first second after `low` that has the offset of `high`, by halving."""
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, middle) == offset:
            high = middle
        else:
            low = middle
    return high


def _offset(zone: ZoneInfo, second: int) -> int:
    offset = datetime.fromtimestamp(second, zone).utcoffset()
    return round(offset.total_seconds())
