"""Days of a month, against a calendar that is gone through day by day."""

from __future__ import annotations

import calendar
from datetime import date

import pytest

from dispatch_app.domain.schedule import days
from dispatch_app.domain.schedule.days import Month

#: Every kind of month there is: each length with each first weekday.
MONTHS = [(year, month) for year in range(2000, 2028) for month in range(1, 13)]


def dates(year: int, month: int) -> list[date]:
    return [date(year, month, day) for day in range(1, calendar.monthrange(year, month)[1] + 1)]


def is_workday(day: date) -> bool:
    return day.isoweekday() <= 5


def test_every_kind_of_month_is_looked_at():
    assert len({Month.of(*month) for month in MONTHS}) == 28


@pytest.mark.parametrize("nth", range(1, 32))
def test_the_nearest_workday_stays_in_its_month_and_has_none_nearer(nth):
    for year, month in MONTHS:
        named = [day for day in dates(year, month) if day.day == nth]
        found = days.Nearest(nth).of(Month.of(year, month))
        if not named:
            assert not found
            continue
        nearest = min(filter(is_workday, dates(year, month)), key=lambda day: abs(day.day - nth))
        assert found == {nearest.day}


def test_the_last_workday():
    for year, month in MONTHS:
        last = max(filter(is_workday, dates(year, month)))
        assert days.NearestToLast().of(Month.of(year, month)) == {last.day}


@pytest.mark.parametrize("before", range(31))
def test_days_before_the_last(before):
    for year, month in MONTHS:
        expected = [day.day for day in reversed(dates(year, month))][before : before + 1]
        assert days.Last(before).of(Month.of(year, month)) == set(expected)


@pytest.mark.parametrize("weekday", range(7))
def test_weekdays_the_last_and_the_nth_of_them(weekday):
    for year, month in MONTHS:
        shape = Month.of(year, month)
        such = [day.day for day in dates(year, month) if day.isoweekday() % 7 == weekday]
        assert days.Weekdays(frozenset({weekday})).of(shape) == set(such)
        assert days.LastWeekday(weekday).of(shape) == {such[-1]}
        for nth in range(1, 6):
            assert days.NthWeekday(weekday, nth).of(shape) == set(such[nth - 1 : nth])
