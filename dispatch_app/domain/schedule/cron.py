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
from datetime import timedelta
from functools import lru_cache, partial
from typing import Literal

import msgspec

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule import hashed, notes, words
from dispatch_app.domain.schedule.bounds import Recurring
from dispatch_app.domain.schedule.expression import Expression, parse
from dispatch_app.domain.schedule.phrases import Language
from dispatch_app.domain.schedule.zones import Dst, Segment, segments, to_datetime, to_moment

#: As crontabs of robfig/cron and cronie name a zone: "CRON_TZ=Asia/Tokyo 0 9 * * *".
_ZONE_PREFIX = re.compile(r"\s*(?:CRON_)?TZ=(\S+)\s+(.*)", re.DOTALL)
_ONE_SECOND = timedelta(seconds=1)


class Cron(Recurring, frozen=True, omit_defaults=True, kw_only=True, tag="cron"):
    """Occurs whenever the wall clock of its zone matches `cron`.

    A zone that the expression itself names becomes its `timezone`.
    """

    cron: str
    #: where the seconds of a six-field expression stand: Quartz has them first, croniter last
    seconds: Literal["first", "last"] = "first"
    #: False: day of month and day of week both have to match, whatever they begin with
    day_or: bool = True
    #: what a fixed time in a gap or an overlap of the clock means
    dst: Dst = "run_once"
    #: the expression with numbers for each `H`, if it has one; see `settled`
    resolved: str = ""

    def __post_init__(self) -> None:
        prefix = _ZONE_PREFIX.fullmatch(self.cron)
        if prefix and self.timezone in ("UTC", prefix[1]):
            msgspec.structs.force_setattr(self, "timezone", prefix[1])
            msgspec.structs.force_setattr(self, "cron", prefix[2])

    @property
    def plain(self) -> str:
        """The expression with seconds, if any, first, and no `H` once it is settled."""
        return self.resolved or _seconds_first(self.cron, self.seconds)

    @property
    def expression(self) -> Expression:
        """It, parsed.

        Raises:
            InvalidInput: it is none.
        """
        return parse(self.plain, self.day_or)

    def settled(self, key: str, moment: int) -> Cron:
        """The same with a number, hashed from `key`, for each `H` in it."""
        text = _seconds_first(self.cron, self.seconds)
        if not hashed.is_hashed(text):
            return self
        return msgspec.structs.replace(self, resolved=hashed.expand(text, key))

    def next_after(self, moment: int) -> int | None:
        """The first occurrence strictly after `moment`, a whole second."""
        if self.start_time is not None:
            moment = max(moment, self.start_time - 1)
        if self.within(moment + 1) is None:
            return None
        return self.within(self._next_after_second(moment // 1000))

    def check(self) -> None:
        """Refuse an expression that is wrong, or never fires.

        Raises:
            InvalidInput: which field, which value, what is allowed.
        """
        super().check()
        if self.seconds == "last" and len(self.cron.split()) != 6:
            raise InvalidInput({"seconds": "Only an expression of six fields has seconds."})
        prefix = _ZONE_PREFIX.fullmatch(self.cron)
        if prefix:
            raise InvalidInput(
                {"cron": f'It names the zone "{prefix[1]:.64}", timezone another one; keep one.'}
            )
        self.settled("", 0).expression  # noqa: B018 - parsing is the check

    def describe(self, language: Language = "en") -> str:
        """It in words."""
        return words.describe(self.expression, language) + self.bounds_in_words(language)

    def note(self, moment: int, language: Language = "en") -> str | None:
        """What a change of the clock means to the occurrence at `moment`; None: nothing."""
        return notes.note(
            self.timezone,
            moment,
            policy=self.dst if self.expression.fixed else "run_twice",
            language=language,
            fell_into_gap=partial(_has_fixed_time_in_gap, self.expression),
            is_first_after=self._is_first_after_dropped,
        )

    def _is_first_after_dropped(self, here: Segment, moment: int) -> bool:
        """Whether `skip` dropped the occurrence before this one."""
        before = to_moment(here.start - _ONE_SECOND)
        return self._next_after_second(before // 1000) == moment

    def _next_after_second(self, second: int) -> int | None:
        return _next(self.plain, self.day_or, self.timezone, self.dst, second)


@lru_cache(maxsize=20_000)
def _next(text: str, day_or: bool, zone: str, dst: Dst, second: int) -> int | None:
    """The first occurrence after a second since 1970; shared by all tasks of the same schedule."""
    expression = parse(text, day_or)
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


def _seconds_first(text: str, seconds: str) -> str:
    fields = text.split()
    if seconds == "last" and len(fields) == 6:
        fields.insert(0, fields.pop())
        return " ".join(fields)
    return text


def _has_fixed_time_in_gap(expression: Expression, segment: Segment) -> bool:
    """Whether the clock leaves out a fixed time of it where the segment begins."""
    if segment.gap is None or not expression.fixed:
        return False
    match = expression.first_from(segment.gap[0])
    return match is not None and match < segment.gap[1]
