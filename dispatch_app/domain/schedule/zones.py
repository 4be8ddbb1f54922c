"""Wall clock to instant and back: the one module that touches pytz.

A zone is a row of segments of constant offset. Within one, wall clock and instants run alike;
between two of them the wall clock jumps forward (a gap) or back (an overlap). Whoever walks the
segments has every gap and overlap before their eyes and need not guess.

All zone data comes from pytz's own copy of IANA's, so that a machine without any knows the same
zones. pytz itself reads only the 32-bit half of its files, which ends in 2037; what follows comes
from the other half by `zoneinfo`, up to the end of 2100. After that a zone keeps its offset.
"""

from __future__ import annotations

import difflib
from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
import pytz
from pytz.tzinfo import DstTzInfo

from dispatch_app.domain.errors import InvalidInput

#: What a fixed time on the wall clock means that the clock skips or repeats: Debian's rule (once,
#: right after a gap; once, the first time), the same without what falls into a gap, or twice.
Dst = Literal["run_once", "skip", "run_twice"]

#: Of IANA's zone data, such as "2025b".
VERSION: str = pytz.OLSON_VERSION  # type: ignore[attr-defined]  # unknown to its stubs
_EPOCH = datetime(1970, 1, 1)
#: No clock is farther from UTC.
_FARTHEST = timedelta(days=1)
#: Before and after all that a schedule may name: no zone's wall clock leaves the calendar there.
_FIRST, _LAST = datetime(1, 1, 2), datetime(9999, 12, 30)
#: A zone whose list goes on to here has changes that pytz does not list.
_LISTED_TO = datetime(2037, 1, 1)
#: Seconds since 1970: pytz's lists end with 2037, ours with 2100.
_END_OF_LIST, _END_OF_RULES = 2_145_916_800, 4_133_980_800
#: Seconds; shorter than any stretch between two changes after 2037 (in Gaza, almost a week).
_STRIDE = 6 * 86_400


class Segment(msgspec.Struct, frozen=True):
    """A stretch of time in which a zone keeps one offset.

    Attributes:
        start: its first instant, naive UTC.
        end: the instant after it.
        offset: wall clock minus UTC.
        before: the offset of the segment before it.
    """

    start: datetime
    end: datetime
    offset: timedelta
    before: timedelta

    @property
    def gap(self) -> tuple[datetime, datetime] | None:
        """The wall-clock times that never were, from the first to the one after the last."""
        if self.offset <= self.before:
            return None
        return self.start + self.before, self.start + self.offset

    @property
    def overlap_end(self) -> datetime | None:
        """The wall-clock time until which this segment repeats what the one before it had."""
        return self.start + self.before if self.offset < self.before else None


def check(name: str) -> None:
    """Refuse a name that is no IANA time zone.

    Raises:
        InvalidInput: with the nearest names.
    """
    if name in pytz.all_timezones_set:
        return
    known = {known.lower(): known for known in pytz.all_timezones}
    near = difflib.get_close_matches(name.lower()[:64], known, n=3, cutoff=0.5)
    names = ", ".join(known[one] for one in near)
    hint = f"; did you mean {names}?" if near else ', such as "Europe/Berlin".'
    raise InvalidInput({"timezone": f"{name!r:.64} is not an IANA time zone{hint}"})


def check_moment(field: str, moment: int | None) -> None:
    """Refuse a moment that some zone's calendar cannot show.

    Raises:
        InvalidInput: for that field.
    """
    if moment is not None and not to_moment(_FIRST) <= moment <= LAST:
        raise InvalidInput({field: "Has to lie between the years 1 and 9999."})


def segments(name: str, moment: datetime) -> Iterator[Segment]:
    """The segments of a zone from the one that holds `moment` (naive UTC) on.

    Raises:
        InvalidInput: no such zone.
    """
    starts, offsets = _table(name, far=False)
    at = bisect_right(starts, moment) - 1
    if at + 1 == len(starts):
        starts, offsets = _table(name, far=True)
        at = bisect_right(starts, moment) - 1
    while at < len(starts):
        if at + 1 == len(starts):
            starts, offsets = _table(name, far=True)
        end = starts[at + 1] if at + 1 < len(starts) else _LAST
        yield Segment(starts[at], end, offsets[at], offsets[max(at - 1, 0)])
        at += 1


def instants(name: str, wall: datetime, dst: Dst) -> tuple[int, ...]:
    """The instants, ms, that a wall-clock time means: one, or by policy none or two.

    Raises:
        InvalidInput: no such zone.
    """
    found = []
    for segment in segments(name, wall - _FARTHEST):
        if segment.start > wall + _FARTHEST:
            break
        gap = segment.gap
        if gap and gap[0] <= wall < gap[1]:
            return () if dst == "skip" else (to_moment(segment.start),)
        if segment.start + segment.offset <= wall < segment.end + segment.offset:
            found.append(to_moment(wall - segment.offset))
    return tuple(found if dst == "run_twice" else found[:1])


def local(name: str, moment: int) -> datetime:
    """The moment (ms) as an aware datetime with the zone's offset.

    Raises:
        InvalidInput: no such zone.
    """
    utc = to_datetime(moment)
    segment = next(segments(name, utc))
    return (utc + segment.offset).replace(tzinfo=timezone(segment.offset))


def in_words(name: str, moment: int) -> str:
    """The moment (ms) on the wall clock, with the zone's offset.

    Raises:
        InvalidInput: no such zone.
    """
    return f"{local(name, moment):%Y-%m-%d %H:%M:%S %z}"


def to_datetime(moment: int) -> datetime:
    """Milliseconds since 1970 as naive UTC."""
    return _EPOCH + timedelta(milliseconds=moment)


def to_moment(utc: datetime) -> int:
    """Naive UTC as milliseconds since 1970."""
    return (utc - _EPOCH) // timedelta(milliseconds=1)


#: The last moment of all, ms.
LAST = to_moment(_LAST)


@lru_cache(maxsize=2_000)
def _table(name: str, *, far: bool) -> tuple[list[datetime], list[timedelta]]:
    """The starts (naive UTC) and the offsets of a zone's segments, neighbours never alike.

    Args:
        far: whether to 2100, or only as far as pytz lists them.
    """
    check(name)
    changes = list(_listed(name))
    if far and changes[-1][0] >= _LISTED_TO:
        changes.extend(_ruled(name))
    starts, offsets = [changes[0][0]], [changes[0][1]]
    for start, offset in changes:
        if offset != offsets[-1]:
            starts.append(start)
            offsets.append(offset)
    return starts, offsets


def _listed(name: str) -> Iterator[tuple[datetime, timedelta]]:
    """The changes that pytz lists: each one's instant and the offset from it on."""
    zone = pytz.timezone(name)
    if not isinstance(zone, DstTzInfo):
        yield _FIRST, zone.utcoffset(_EPOCH) or timedelta(0)
        return
    # pytz has no public name for its list; without it one would have to probe for every change
    table: Any = zone
    for start, (offset, *_) in zip(
        table._utc_transition_times, table._transition_info, strict=True
    ):
        yield max(start, _FIRST), offset


def _ruled(name: str) -> Iterator[tuple[datetime, timedelta]]:
    """The changes that come where pytz's list ends, likewise."""
    with pytz.open_resource(name) as file:  # type: ignore[attr-defined]  # unknown to its stubs
        zone = ZoneInfo.from_file(file, key=name)

    def offset(second: int) -> timedelta:
        return datetime.fromtimestamp(second, zone).utcoffset() or timedelta(0)

    low = _END_OF_LIST
    while low < _END_OF_RULES:
        high = low + _STRIDE
        if offset(low) != offset(high):
            change = _halve(low, high, offset)
            yield to_datetime(change * 1000), offset(change)
        low = high


def _halve(low: int, high: int, offset: Callable[[int], timedelta]) -> int:
    """The first second after `low` that has the offset of `high`."""
    after = offset(high)
    while high - low > 1:
        middle = (low + high) // 2
        if offset(middle) == after:
            high = middle
        else:
            low = middle
    return high
