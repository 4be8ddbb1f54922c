"""Cron expressions. croniter walks naive wall-clock time; what a clock change means is ours.

Who wins an argument: Debian's cron (crontab(5), cron(8)), except that six fields mean seconds
first, as in Quartz and robfig/cron. A schedule none of whose second, minute and hour fields begins
with `*` has fixed times: one in a gap of the clock runs at the first instant after it, one in an
overlap runs the first time. Every other one is a wildcard schedule and follows real time.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal

from cron_descriptor import Options, get_description
from croniter import CroniterError, croniter

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule.bounds import Recurring
from dispatch_app.domain.schedule.zones import segments, to_datetime, to_moment

Dst = Literal["run_once", "skip", "run_twice"]

_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FIELDS = ("second", "minute", "hour", "day of month", "month", "day of week")
_RANGES = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_STEP = re.compile(r"(?:^|,)([^,/]*)/([^,]*)")
_ONE_SECOND = timedelta(seconds=1)


class Cron(Recurring, frozen=True, omit_defaults=True, kw_only=True, tag="cron"):
    """Occurs whenever the wall clock of its zone matches `cron`."""

    cron: str
    #: what a fixed time in a gap or an overlap of the clock means
    dst: Dst = "run_once"

    def next_after(self, moment: int) -> int | None:
        """The first occurrence strictly after `moment`."""
        if self.start_time is not None:
            moment = max(moment, self.start_time - 1)
        if self.end_time is not None and moment >= self.end_time:
            return None
        return self.within(_next(self.cron, self.timezone, self.dst, moment))

    def check(self) -> None:
        """Refuse an expression that is wrong, or never fires.

        Raises:
            InvalidInput: which field, which value, what is allowed.
        """
        super().check()
        fields = _fields(self.cron)
        try:
            _ahead(" ".join(fields), datetime(2000, 1, 1))
        except CroniterError as error:
            raise InvalidInput({"cron": f"{self.cron!r}: {error}"}) from error
        if _ahead(" ".join(fields), datetime(2000, 1, 1)) is None:
            raise InvalidInput({"cron": f"{self.cron!r} never fires: there is no such date."})

    def describe(self) -> str:
        """It in words."""
        options = Options()
        options.use_24hour_time_format = True
        words = get_description(" ".join(_normal(self.cron)), options)
        return words if self.timezone == "UTC" else f"{words} ({self.timezone})"


@lru_cache(maxsize=20_000)
def _next(expression: str, zone: str, dst: Dst, moment: int) -> int | None:
    """The first occurrence after `moment`; shared by all tasks with this expression and zone."""
    fields = _fields(expression)
    normal = " ".join(fields)
    fixed = not any(field.startswith("*") for field in fields[:3])
    utc = to_datetime(moment)
    for segment in segments(zone, utc):
        if fixed and segment.start > utc and segment.gap and dst != "skip":
            first, end = segment.gap
            skipped = _ahead(normal, first)
            if skipped is not None and skipped < end:
                return to_moment(segment.start)
        start = max(utc + _ONE_SECOND, segment.start).replace(microsecond=0) + segment.offset
        if fixed and dst != "run_twice" and segment.overlap_end:
            start = max(start, segment.overlap_end)
        match = _ahead(normal, start)
        if match is None:
            return None
        if match - segment.offset < segment.end:
            return to_moment(match - segment.offset)
    return None


def _ahead(normal: str, start: datetime) -> datetime | None:
    """The first wall-clock time that matches, not before `start`; None if there is none."""
    try:
        found: datetime = croniter(
            normal, start - _ONE_SECOND, second_at_beginning=True, implement_cron_bug=True
        ).get_next(datetime)
    except CroniterError as error:
        if "failed to find next date" in str(error):
            return None
        raise
    return found


def _normal(expression: str) -> list[str]:
    """The fields as they were written, nicknames expanded, `?` as `*`."""
    text = expression.strip().lower()
    text = _NICKNAMES.get(text, text)
    return ["*" + part[1:] if part.startswith("?") else part for part in text.split()]


@lru_cache(maxsize=10_000)
def _fields(expression: str) -> tuple[str, ...]:
    """Six fields, seconds first.

    Raises:
        InvalidInput: which field, which value, what is allowed.
    """
    fields = _normal(expression)
    if expression.strip().startswith("@") and expression.strip().lower() not in _NICKNAMES:
        names = ", ".join(_NICKNAMES)
        raise InvalidInput({"cron": f"{expression!r:.80} is not one of {names}."})
    if len(fields) not in (5, 6):
        raise InvalidInput(
            {"cron": f"{expression!r:.80} has {len(fields)} fields; it needs five (minute hour "
                     "day-of-month month day-of-week), or six with seconds first."}
        )  # fmt: skip
    six = fields if len(fields) == 6 else ["0", *fields]
    for name, (low, high), field in zip(_FIELDS, _RANGES, six, strict=True):
        _check_field(expression, name, low, high, field)
    return tuple(six)


def _check_field(expression: str, name: str, low: int, high: int, field: str) -> None:
    def refuse(text: str) -> InvalidInput:
        return InvalidInput(
            {"cron": f"{expression!r:.80}: {text} (the {name} field, {low}-{high})."}
        )

    if re.search(r"(?:^|[,\-/(])[rh](?:$|[,\-/(])", field):
        raise refuse(f"{field!r} is random, write numbers")
    for number in re.findall(r"(?<![\w#/])\d+", field.replace("-", " ")):
        if not low <= int(number) <= high:
            raise refuse(f"{number} is out of range")
    for first, last in re.findall(r"(?:^|,)(\d+)-(\d+)", field):
        if int(first) > int(last):
            raise refuse(f"the range {first}-{last} runs backwards")
    for _, step in _STEP.findall(field):
        if not step.isdigit() or not 1 <= int(step) <= high:
            raise refuse(f"the step {step!r} has to be from 1 to {high}")
