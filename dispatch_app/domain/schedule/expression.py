"""A cron expression as a whole, on naive wall-clock time: what it matches, and when.

The matching is our own. croniter 7 refuses or misreads forms that settled cases agree on (`LW`,
`L-3`, `5L`, `31W`, `1,2,3#1` in `tests/cases`), changed what stored expressions mean between
releases, and cannot say which field is wrong; numbers per field and a walk over the days are less
than what would have to be translated and guarded around it. The tests hold both side by side.

Who wins an argument: Debian's cron, crontab(5), except that six fields mean seconds first, as in
Quartz and robfig/cron. If either day field begins with `*` or `?` both must match, else either may.
"""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections.abc import Iterator
from datetime import MAXYEAR, date, datetime, time
from functools import lru_cache

import msgspec

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule import days, fields

NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
#: Characters; far more than all minutes, hours and days listed one by one.
_LONGEST = 1_000
#: After so many years the calendar repeats, weekdays included.
_CALENDAR_YEARS = 400


class Expression(msgspec.Struct, frozen=True):
    """The parts of an expression, ready to match; numbers ascend."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    #: what the day-of-month field names, and what the day-of-week field does
    month_days: tuple[days.MonthDayRule, ...]
    weekdays: tuple[days.WeekdayRule, ...]
    #: whether both day fields have to match, rather than either
    both: bool
    #: whether it names times of day: no field of them begins with `*`
    fixed: bool

    def first_from(self, start: datetime) -> datetime | None:
        """The first wall-clock time that matches, not before `start`; None: there is none."""
        for day in self._dates_from(start.date()):
            earliest = start.time() if day == start.date() else time.min
            found = self._time_from(earliest)
            if found is not None:
                return datetime.combine(day, found)
        return None

    def _dates_from(self, start: date) -> Iterator[date]:
        for year in range(start.year, min(start.year + _CALENDAR_YEARS, MAXYEAR) + 1):
            for month in range(start.month if year == start.year else 1, 13):
                if month not in self.months:
                    continue
                shape = days.Month.of(year, month)
                named = days.matching(shape, self.month_days, self.weekdays, both=self.both)
                first = start.day if (year, month) == (start.year, start.month) else 1
                for day in named[bisect_left(named, first) :]:
                    yield date(year, month, day)

    def _time_from(self, earliest: time) -> time | None:
        """The first time of a day that matches, not before `earliest` (whole seconds)."""
        for hour in self.hours[bisect_left(self.hours, earliest.hour) :]:
            if hour > earliest.hour:
                return time(hour, self.minutes[0], self.seconds[0])
            for minute in self.minutes[bisect_left(self.minutes, earliest.minute) :]:
                if minute > earliest.minute:
                    return time(hour, minute, self.seconds[0])
                for second in self.seconds[bisect_left(self.seconds, earliest.second) :]:
                    return time(hour, minute, second)
        return None


@lru_cache(maxsize=10_000)
def parse(text: str, day_or: bool = True) -> Expression:
    """The expression that a text is.

    Args:
        text: a nickname, five fields, or six with seconds first; without any `H`.
        day_or: False: both day fields have to match, whatever they begin with.

    Raises:
        InvalidInput: it is none, or it never matches; which field, which value, what is allowed.
    """
    second, minute, hour, day, month, weekday = _six(text)
    expression = Expression(
        seconds=tuple(sorted(fields.numbers(fields.SECOND, second))),
        minutes=tuple(sorted(fields.numbers(fields.MINUTE, minute))),
        hours=tuple(sorted(fields.numbers(fields.HOUR, hour))),
        months=fields.numbers(fields.MONTH, month),
        month_days=fields.month_days(day),
        weekdays=fields.weekdays(weekday),
        both=not day_or or _open(day) or _open(weekday),
        fixed=not (_open(second) or _open(minute) or _open(hour)),
    )
    if expression.first_from(datetime(2000, 1, 1)) is None:
        named = f'day of month "{day:.40}", month "{month:.40}" and day of week "{weekday:.40}"'
        raise _refusal(f"It never fires: no date has {named}. The last day of a month is L.")
    return expression


def _open(field: str) -> bool:
    return field.startswith(("*", "?"))


def _six(text: str) -> list[str]:
    """The six fields, seconds first."""
    if len(text) > _LONGEST:
        raise _refusal(f"It has more than {_LONGEST} characters.")
    parts = text.split()
    if parts and parts[0].startswith("@"):
        parts = _nickname(text.strip()).split()
    if len(parts) not in (5, 6):
        year = " A year has no field: take start_time and end_time." if len(parts) == 7 else ""
        raise _refusal(
            f"It has {len(parts)} fields; it needs five (minute, hour, day of month, month, day of "
            f"week) or six (second first).{year}"
        )
    return parts if len(parts) == 6 else ["0", *parts]


def _nickname(text: str) -> str:
    found = NICKNAMES.get(text.lower())
    if found is None:
        near = difflib.get_close_matches(text.lower()[:20], NICKNAMES, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else "."
        if text.lower().startswith("@every"):
            hint = ". A fixed distance is a schedule of type interval."
        raise _refusal(f'"{text:.40}" is not one of {", ".join(NICKNAMES)}{hint}')
    return found


def _refusal(text: str) -> InvalidInput:
    return InvalidInput({"cron": text})
