"""What holds for every kind of schedule."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch_app.domain.schedule import KINDS, Cron, Interval, Once, occurrences
from dispatch_app.domain.schedule.zones import LAST
from tests.domain.moments import DAY, HOUR, ms
from tests.domain.schedules import crons, latest_until, moments, recurring
from tests.properties import bounded


@given(recurring, moments, st.integers(0, 40 * DAY))
@bounded(60)
def test_the_latest_is_the_last_of_those_that_come_one_by_one(schedule, after, window):
    known = schedule.next_after(after)
    found = [known]
    while (moment := schedule.next_after(found[-1])) is not None and len(found) < 200:
        found.append(moment)
    until = min(known + window, found[-1] - 1) if len(found) > 1 else known
    assert latest_until(schedule, known, until) == max(m for m in found if m <= until)


@given(crons(), moments)
@bounded(40)
def test_the_latest_stays_within_the_end(schedule, after):
    third = occurrences(schedule, after, 3)[-1]
    ended = msgspec.structs.replace(schedule, end_time=third)
    assert latest_until(ended, ended.next_after(after), third + 400 * DAY) == third
    assert ended.next_after(third) is None


@given(recurring, moments, st.integers(0, 10))
@bounded(40)
def test_so_many_and_no_more(schedule, after, count):
    found = occurrences(schedule, after, count)
    assert len(found) == count
    assert found == sorted(set(found))


@pytest.mark.parametrize(
    "schedule",
    [
        Once(start_time=LAST),
        Interval(every=DAY, start_time=LAST - DAY),
        Cron(cron="* * * * *", timezone="Pacific/Kiritimati"),
        Cron(cron="0 0 * * *", timezone="America/New_York", end_time=LAST),
    ],
)
def test_nothing_is_due_after_the_last_day_of_the_calendar(schedule):
    schedule.check()
    assert schedule.next_after(LAST) is None
    assert schedule.next_after(10 * LAST) is None
    assert all(moment <= LAST for moment in occurrences(schedule, LAST - 2 * HOUR, 500))


def test_an_interval_with_a_start_needs_no_anchor():
    start = ms("2026-03-01T00:00:07Z")
    schedule = Interval(every=DAY, start_time=start)
    assert occurrences(schedule, 0, 2) == [start, start + DAY]
    assert schedule.settled("", 123) == msgspec.structs.replace(schedule, anchor=start)


def test_parts_of_a_second_round_no_occurrence_away():
    schedule = Cron(cron="* * * * * *")
    assert [schedule.next_after(moment) for moment in (999, 1_000, 1_001)] == [1_000, 2_000, 2_000]


@pytest.mark.parametrize(
    ("schedule", "stored"),
    [
        (Once(start_time=5), b'{"type":"one-time","start_time":5}'),
        (Interval(every=1_000).settled("", 7), b'{"type":"interval","every":1000,"anchor":7}'),
        (Cron(cron="@daily"), b'{"type":"cron","cron":"@daily"}'),
    ],
)
def test_every_kind_is_stored_without_its_defaults_and_comes_back(schedule, stored):
    assert msgspec.json.encode(schedule) == stored
    assert msgspec.json.decode(stored, type=Once | Interval | Cron) == schedule
    assert type(schedule) in KINDS
