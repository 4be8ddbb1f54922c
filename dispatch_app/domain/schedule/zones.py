"""Wall clock to instant and back: the one module that touches pytz.

A zone is a row of segments of constant offset. Within one, wall clock and instants run alike;
between two of them the wall clock jumps forward (a gap) or back (an overlap). Whoever walks the
segments has every gap and overlap before their eyes and need not guess.

pytz carries its own copy of the IANA data, so that a machine without any has the same zones.
"""

from __future__ import annotations

import difflib
from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

import msgspec
import pytz

from dispatch_app.domain.errors import InvalidInput

_EPOCH = datetime(1970, 1, 1)
#: Before and after all that a schedule may name.
_FIRST, _LAST = datetime(1, 1, 2), datetime(9999, 12, 30)


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
    near = difflib.get_close_matches(name, pytz.all_timezones, n=3, cutoff=0.5)
    hint = f"; did you mean {', '.join(near)}?" if near else ', such as "Europe/Berlin".'
    raise InvalidInput({"timezone": f"{name!r:.80} is not an IANA time zone{hint}"})


def segments(name: str, moment: datetime) -> Iterator[Segment]:
    """The segments of a zone from the one that holds `moment` (naive UTC) on.

    Raises:
        InvalidInput: no such zone.
    """
    starts, offsets = _table(name)
    at = bisect_right(starts, moment) - 1
    while at < len(starts):
        end = starts[at + 1] if at + 1 < len(starts) else _LAST
        yield Segment(starts[at], end, offsets[at], offsets[max(at - 1, 0)])
        at += 1


def local(name: str, moment: int) -> datetime:
    """The moment (ms) as an aware datetime with the zone's offset.

    Raises:
        InvalidInput: no such zone.
    """
    utc = to_datetime(moment)
    segment = next(segments(name, utc))
    return (utc + segment.offset).replace(tzinfo=timezone(segment.offset))


def to_datetime(moment: int) -> datetime:
    """Milliseconds since 1970 as naive UTC."""
    return _EPOCH + timedelta(milliseconds=moment)


def to_moment(utc: datetime) -> int:
    """Naive UTC as milliseconds since 1970."""
    return (utc - _EPOCH) // timedelta(milliseconds=1)


@lru_cache(maxsize=1_000)
def _table(name: str) -> tuple[list[datetime], list[timedelta]]:
    check(name)
    zone: Any = pytz.timezone(name)
    starts: list[datetime] = list(getattr(zone, "_utc_transition_times", []))
    if not starts:
        return [_FIRST], [zone.utcoffset(_EPOCH) or timedelta(0)]
    infos = zone._transition_info
    offsets = [info[0] for info in infos]
    # what comes before the first transition is its local mean time
    return [_FIRST, *starts[1:]], offsets
