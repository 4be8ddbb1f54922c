"""Which days of a month an item of cron's two day fields means.

`L`, `W` and `#` are Quartz's (its CronTrigger tutorial); where that is silent, `tests/cases` rule.
Weekdays count from Sunday, which is 0.
"""

from __future__ import annotations

import calendar
from collections.abc import Set
from functools import lru_cache
from typing import NamedTuple

import msgspec

_SUNDAY, _SATURDAY = 0, 6


class Month(NamedTuple):
    """As much of a month as a rule needs: its length and the weekday of its first day."""

    length: int
    first: int

    @classmethod
    def of(cls, year: int, month: int) -> Month:
        """That of the calendar."""
        first, length = calendar.monthrange(year, month)
        return cls(length, (first + 1) % 7)

    def weekday(self, day: int) -> int:
        """The weekday of a day."""
        return (self.first + day - 1) % 7

    def falling_on(self, weekday: int) -> range:
        """The days that fall on a weekday."""
        return range((weekday - self.first) % 7 + 1, self.length + 1, 7)


class Numbered(msgspec.Struct, frozen=True):
    """Days by their number; a month without such a day is left out."""

    numbers: frozenset[int]

    def of(self, month: Month) -> Set[int]:
        """Its days of that month."""
        return {day for day in self.numbers if day <= month.length}


class Last(msgspec.Struct, frozen=True):
    """`L`: the last day; `L-N`: the day that comes N days before it."""

    before: int

    def of(self, month: Month) -> Set[int]:
        """Its day of that month, if there is one."""
        return {month.length - self.before} if self.before < month.length else set()


class Nearest(msgspec.Struct, frozen=True):
    """`NW`: the day from Monday to Friday that is nearest to day N, in the same month."""

    day: int

    def of(self, month: Month) -> Set[int]:
        """Its day of that month, if that has a day N."""
        if self.day > month.length:
            return set()
        weekday = month.weekday(self.day)
        if weekday == _SATURDAY:
            return {self.day - 1 if self.day > 1 else self.day + 2}
        if weekday == _SUNDAY:
            return {self.day + 1 if self.day < month.length else self.day - 2}
        return {self.day}


class NearestToLast(msgspec.Struct, frozen=True):
    """`LW`: the last day from Monday to Friday."""

    def of(self, month: Month) -> Set[int]:
        """Its day of that month."""
        return Nearest(month.length).of(month)


class Weekdays(msgspec.Struct, frozen=True):
    """Every such weekday."""

    numbers: frozenset[int]

    def of(self, month: Month) -> Set[int]:
        """Its days of that month."""
        return {day for weekday in self.numbers for day in month.falling_on(weekday)}


class LastWeekday(msgspec.Struct, frozen=True):
    """`DL`: the last such weekday of a month."""

    weekday: int

    def of(self, month: Month) -> Set[int]:
        """Its day of that month."""
        return {month.falling_on(self.weekday)[-1]}


class NthWeekday(msgspec.Struct, frozen=True):
    """`D#K`: the K-th such weekday of a month; not every month has a fifth."""

    weekday: int
    nth: int

    def of(self, month: Month) -> Set[int]:
        """Its day of that month, if there is one."""
        return set(month.falling_on(self.weekday)[self.nth - 1 : self.nth])


#: What an item of the day-of-month field means, and one of the day-of-week field.
MonthDayRule = Numbered | Last | Nearest | NearestToLast
WeekdayRule = Weekdays | LastWeekday | NthWeekday

EVERY_DAY = Numbered(frozenset(range(1, 32)))
EVERY_WEEKDAY = Weekdays(frozenset(range(7)))


@lru_cache(maxsize=10_000)
def matching(
    month: Month,
    month_days: tuple[MonthDayRule, ...],
    weekdays: tuple[WeekdayRule, ...],
    *,
    both: bool,
) -> tuple[int, ...]:
    """The days of a month that both fields name, or either; in order.

    There are 28 kinds of months, and few ways to name days: most schedules share an answer.
    """
    named = {day for rule in month_days for day in rule.of(month)}
    falling = {day for rule in weekdays for day in rule.of(month)}
    return tuple(sorted(named & falling if both else named | falling))
