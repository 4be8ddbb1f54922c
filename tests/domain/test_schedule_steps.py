"""Days, weeks, months and years on the wall clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule import Cron, Steps, notes_for, occurrences
from dispatch_app.domain.schedule.steps import MOST
from tests.domain.moments import DAY, iso, ms
from tests.domain.schedules import moments, zones
from tests.properties import bounded


def steps(start: str, unit: str, count: int = 1, **options) -> Steps:
    return Steps(unit=unit, count=count, start_time=ms(start), **options).settled("", 0)


def shown(schedule: Steps, after: str, count: int) -> list[str]:
    return [iso(at, schedule.timezone) for at in occurrences(schedule, ms(after), count)]


def test_a_month_without_such_a_day_takes_its_last_one_and_the_next_one_the_full_day():
    assert shown(steps("2027-01-31T09:00:00+00:00", "months"), "2027-01-01T00:00:00+00:00", 4) == [
        "2027-01-31T09:00:00+00:00",
        "2027-02-28T09:00:00+00:00",
        "2027-03-31T09:00:00+00:00",
        "2027-04-30T09:00:00+00:00",
    ]


def test_a_leap_day_comes_on_the_28th_in_other_years():
    assert shown(steps("2024-02-29T00:00:00+00:00", "years"), "2024-03-01T00:00:00+00:00", 4) == [
        "2025-02-28T00:00:00+00:00",
        "2026-02-28T00:00:00+00:00",
        "2027-02-28T00:00:00+00:00",
        "2028-02-29T00:00:00+00:00",
    ]


def test_a_day_keeps_its_time_over_a_change_of_the_clock():
    schedule = steps("2027-03-27T09:00:00+01:00", "days", timezone="Europe/Berlin")
    assert shown(schedule, "2027-03-27T00:00:00+01:00", 3) == [
        "2027-03-27T09:00:00+01:00",
        "2027-03-28T09:00:00+02:00",
        "2027-03-29T09:00:00+02:00",
    ]


@pytest.mark.parametrize(
    ("dst", "found", "note"),
    [
        ("run_once", ["03-28T03:00:00+02:00", "03-29T02:30:00+02:00"], "runs now, once"),
        ("run_twice", ["03-28T03:00:00+02:00", "03-29T02:30:00+02:00"], "runs now, once"),
        ("skip", ["03-29T02:30:00+02:00", "03-30T02:30:00+02:00"], "was left out"),
    ],
)
def test_what_falls_into_a_gap_follows_the_policy_and_is_noted(dst, found, note):
    schedule = steps("2027-03-27T02:30:00+01:00", "days", timezone="Europe/Berlin", dst=dst)
    after = ms("2027-03-27T12:00:00+01:00")
    moments = occurrences(schedule, after, 2)
    assert [iso(at, "Europe/Berlin") for at in moments] == [f"2027-{text}" for text in found]
    assert note in notes_for(schedule, moments[0])
    assert notes_for(schedule, moments[1]) is None


@pytest.mark.parametrize(("dst", "times"), [("run_once", 1), ("skip", 1), ("run_twice", 2)])
def test_what_falls_into_an_overlap_follows_the_policy(dst, times):
    schedule = steps("2027-10-30T02:30:00+02:00", "days", timezone="Europe/Berlin", dst=dst)
    found = shown(schedule, "2027-10-30T12:00:00+02:00", 3)
    twice = ["2027-10-31T02:30:00+02:00", "2027-10-31T02:30:00+01:00"][:times]
    assert found[:times] == twice
    assert found[times] == "2027-11-01T02:30:00+01:00"
    assert "first time" in notes_for(schedule, ms(found[0]))


def test_a_day_that_a_zone_left_out_runs_at_the_first_instant_after_it():
    schedule = steps("2011-12-28T10:00:00-10:00", "days", timezone="Pacific/Apia")
    assert shown(schedule, "2011-12-29T11:00:00-10:00", 3) == [
        "2011-12-31T00:00:00+14:00",
        "2011-12-31T10:00:00+14:00",
        "2012-01-01T10:00:00+14:00",
    ]


def test_without_a_start_the_first_comes_a_step_after_its_creation():
    created = ms("2027-01-15T08:00:00+00:00")
    schedule = Steps(unit="weeks", count=2).settled("", created)
    assert occurrences(schedule, created, 2) == [created + 14 * DAY, created + 28 * DAY]


@given(zones, moments, st.integers(1, 40), st.sampled_from(["days", "weeks"]), moments)
@bounded(200)
def test_days_and_weeks_are_those_of_another_calendar(zone, start, count, unit, after):
    start -= start % 1000
    schedule = Steps(unit=unit, count=count, start_time=start, timezone=zone).settled("", 0)
    first = datetime.fromtimestamp(start / 1000, ZoneInfo(zone)).replace(tzinfo=None)
    for moment in occurrences(schedule, max(after, start), 5):
        wall = datetime.fromtimestamp(moment / 1000, ZoneInfo(zone)).replace(tzinfo=None)
        off = (wall - first) % (count * timedelta(**{unit: 1}))
        if off:
            # only a gap moves it, to its end
            before = datetime.fromtimestamp(moment / 1000 - 1, ZoneInfo(zone)).replace(tzinfo=None)
            assert wall - before > timedelta(seconds=1)


@given(zones, moments, st.sampled_from([*MOST]), st.integers(1, 30), moments, st.data())
@bounded(200)
def test_it_is_asked_from_anywhere_and_answers_the_same(zone, start, unit, count, after, data):
    dst = data.draw(st.sampled_from(["run_once", "skip", "run_twice"]))
    schedule = Steps(unit=unit, count=count, start_time=start, timezone=zone, dst=dst)
    schedule = schedule.settled("", 0)
    found = occurrences(schedule, after, 8)
    assert found == sorted(set(found))
    assert found[0] > after
    moment = data.draw(st.integers(after, found[-1] - 1))
    assert schedule.next_after(moment) == next(m for m in found if m > moment)


@given(zones, st.integers(0, 23), st.integers(0, 59), moments)
@bounded(200)
def test_every_day_is_what_cron_makes_of_a_fixed_time(zone, hour, minute, after):
    """Two ways to say the same, worked out by different code, over every gap and overlap."""
    cron = Cron(cron=f"{minute} {hour} * * *", timezone=zone)
    first = cron.next_after(after - 40 * DAY)
    wall = datetime.fromtimestamp(first / 1000, ZoneInfo(zone))
    if (wall.hour, wall.minute) != (hour, minute):
        return  # the first one was moved by a gap
    daily = Steps(unit="days", start_time=first, timezone=zone).settled("", 0)
    assert occurrences(daily, after, 30) == occurrences(cron, after, 30)


@pytest.mark.parametrize("unit", MOST)
def test_too_few_and_too_many_are_refused(unit):
    for count in (0, MOST[unit] + 1):
        with pytest.raises(InvalidInput) as refusal:
            Steps(unit=unit, count=count).check()
        assert list(refusal.value.fields) == [f"every.{unit}"]


def test_it_ends_with_the_calendar():
    schedule = steps("9998-01-01T00:00:00+00:00", "years")
    assert len(occurrences(schedule, ms("9998-06-01T00:00:00+00:00"), 5)) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"unit": "days"}, "Every day on the clock"),
        ({"unit": "months", "count": 3}, "Every 3 months on the clock"),
    ],
)
def test_it_is_said_in_words(options, words):
    assert Steps(**options).describe() == words


def test_it_comes_back_from_json_as_it_went():
    schedule = steps("2027-01-31T09:00:00+00:00", "months", 2, timezone="Asia/Tokyo", max_runs=3)
    assert msgspec.json.decode(msgspec.json.encode(schedule), type=Steps) == schedule
