"""Cron schedules: an expression on the wall clock of a zone, and what a clock change means to it.

Debian's rule, cron(8): a schedule none of whose second, minute and hour fields begins with `*` has
fixed times; one in a gap of the clock runs at the first instant after it (together with one that is
due there anyway), one in an overlap runs the first time. Every other one is a wildcard schedule and
follows real time: what the clock leaves out never is, what it shows twice is twice.

`dst` changes that for fixed times: `skip` drops those in a gap, `run_twice` runs those in an
overlap both times.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal

import msgspec

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule import words
from dispatch_app.domain.schedule.bounds import Recurring
from dispatch_app.domain.schedule.expression import Expression, parse
from dispatch_app.domain.schedule.zones import Segment, segments, to_datetime, to_moment

Dst = Literal["run_once", "skip", "run_twice"]

#: As crontabs of robfig/cron and cronie name a zone: "CRON_TZ=Asia/Tokyo 0 9 * * *".
_ZONE_PREFIX = re.compile(r"\s*(?:CRON_)?TZ=(\S+)\s+(.*)", re.DOTALL)
_ONE_SECOND = timedelta(seconds=1)


class Cron(Recurring, frozen=True, omit_defaults=True, kw_only=True, tag="cron"):
    """Occurs whenever the wall clock of its zone matches `cron`.

    A zone that the expression itself names becomes its `timezone`.
    """

    cron: str
    #: what a fixed time in a gap or an overlap of the clock means
    dst: Dst = "run_once"

    def __post_init__(self) -> None:
        prefix = _ZONE_PREFIX.fullmatch(self.cron)
        if prefix and self.timezone in ("UTC", prefix[1]):
            msgspec.structs.force_setattr(self, "timezone", prefix[1])
            msgspec.structs.force_setattr(self, "cron", prefix[2])

    def next_after(self, moment: int) -> int | None:
        """The first occurrence strictly after `moment`, a whole second."""
        if self.start_time is not None:
            moment = max(moment, self.start_time - 1)
        if self.within(moment + 1) is None:
            return None
        return self.within(_next(self.cron, self.timezone, self.dst, moment // 1000))

    def check(self) -> None:
        """Refuse an expression that is wrong, or never fires.

        Raises:
            InvalidInput: which field, which value, what is allowed.
        """
        super().check()
        prefix = _ZONE_PREFIX.fullmatch(self.cron)
        if prefix:
            raise InvalidInput(
                {"cron": f'It names the zone "{prefix[1]:.64}", timezone another one; keep one.'}
            )
        parse(self.cron)

    def describe(self) -> str:
        """It in words."""
        return words.describe(parse(self.cron)) + self.bounds_in_words()

    def note(self, moment: int) -> str | None:
        """What a change of the clock means to the occurrence at `moment`; None: nothing."""
        here, *later = _two_segments(self.timezone, to_datetime(moment))
        wall = to_datetime(moment) + here.offset
        if here.gap and (wall == here.gap[1] or self._is_first_after_dropped(here, moment)):
            return self._note_on_gap(here, here.gap)
        if here.overlap_end and wall < here.overlap_end:
            return f"The clock shows {wall:%H:%M} twice on this day; this is the second time."
        if later and later[0].overlap_end and wall >= later[0].start + later[0].offset:
            once = parse(self.cron).fixed and self.dst != "run_twice"
            only = ", and the only one that runs" if once else ""
            return f"The clock shows {wall:%H:%M} twice on this day; this is the first time{only}."
        return None

    def _is_first_after_dropped(self, here: Segment, moment: int) -> bool:
        """Whether `skip` dropped the occurrence before this one."""
        if self.dst != "skip" or not _has_fixed_time_in_gap(parse(self.cron), here):
            return False
        before = to_moment(here.start - _ONE_SECOND)
        return _next(self.cron, self.timezone, self.dst, before // 1000) == moment

    def _note_on_gap(self, here: Segment, gap: tuple[datetime, datetime]) -> str:
        change = f"The clock goes forward from {gap[0]:%Y-%m-%d %H:%M} to {gap[1]:%Y-%m-%d %H:%M}"
        if not _has_fixed_time_in_gap(parse(self.cron), here):
            return f"{change}."
        fate = "was left out" if self.dst == "skip" else "runs now, once"
        return f"{change}; what was due in between {fate}."


@lru_cache(maxsize=20_000)
def _next(text: str, zone: str, dst: Dst, second: int) -> int | None:
    """The first occurrence after a second since 1970; shared by all tasks of the same schedule."""
    expression = parse(text)
    earliest = to_datetime(second * 1000) + _ONE_SECOND
    for segment in segments(zone, earliest):
        begins = segment.start >= earliest
        if begins and dst != "skip" and _has_fixed_time_in_gap(expression, segment):
            return to_moment(segment.start)
        wall = max(earliest, segment.start) + segment.offset
        if expression.fixed and dst != "run_twice" and segment.overlap_end:
            wall = max(wall, segment.overlap_end)
        match = expression.first_from(wall)
        if match is None:
            return None
        if match - segment.offset < segment.end:
            return to_moment(match - segment.offset)
    return None


def _has_fixed_time_in_gap(expression: Expression, segment: Segment) -> bool:
    """Whether the clock leaves out a fixed time of it where the segment begins."""
    if segment.gap is None or not expression.fixed:
        return False
    match = expression.first_from(segment.gap[0])
    return match is not None and match < segment.gap[1]


def _two_segments(zone: str, utc: datetime) -> list[Segment]:
    """The segment of a zone that holds an instant, and the one after it if there is one."""
    return [segment for segment, _ in zip(segments(zone, utc), range(2), strict=False)]
