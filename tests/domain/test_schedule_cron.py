"""Cron: the conformance cases, what people write and mean, and what a clock change does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule import Cron, notes_for, occurrences
from dispatch_app.domain.schedule.zones import segments, to_datetime, to_moment
from tests.domain.moments import DAY, HOUR, MINUTE, SECOND, iso, ms
from tests.domain.schedules import FIRST, LAST, ODD_ZONES, crons, expressions, moments
from tests.domain.wall_clock import fires
from tests.properties import bounded

CASES = json.loads((Path(__file__).parents[1] / "cases" / "cron.json").read_text())

#: Where libraries differ, the cases' answer is ours, except here.
OUR_CHOICE = {"star-001": "a step beyond the field (*/100) is refused, as a mistake"}


@pytest.mark.parametrize(
    "case", [case for case in CASES if case["id"] not in OUR_CHOICE], ids=lambda case: case["id"]
)
def test_conformance(case):
    schedule = Cron(cron=case["expr"], timezone=case["timezone"], dst=case.get("dst", "run_once"))
    if case.get("error"):
        with pytest.raises(InvalidInput):
            schedule.check()
        return
    schedule.check()
    zone = schedule.timezone
    expected = [iso(ms(text), zone) for text in case["expect"]]
    found = occurrences(schedule, ms(case["after"]), len(expected))
    assert [iso(moment, zone) for moment in found] == expected


# What people write, in words, and when it fires first after 2024-01-01 (a Monday) in UTC.
WRITTEN = [
    ("* * * * *", "Every minute", "2024-01-01T00:01:00"),
    ("*/15 * * * *", "Every 15 minutes", "2024-01-01T00:15:00"),
    ("*/45 * * * *", "At 0 and 45 minutes past the hour", "2024-01-01T00:45:00"),
    (
        "5/15 * * * *",
        "Every 15 minutes, starting at 5 minutes past the hour",
        "2024-01-01T00:05:00",
    ),
    ("10-20/5 * * * *", "At 10, 15, and 20 minutes past the hour", "2024-01-01T00:10:00"),
    ("0 * * * *", "Every hour", "2024-01-01T01:00:00"),
    ("* 0 * * *", "Every minute, between 00:00 and 00:59", "2024-01-01T00:01:00"),
    ("30 2 * * *", "At 02:30", "2024-01-01T02:30:00"),
    ("  0   0 * * *  ", "At 00:00", "2024-01-02T00:00:00"),
    ("0 9 * * MON-FRI", "At 09:00, Monday through Friday", "2024-01-01T09:00:00"),
    ("0 9 * * tue,thu", "At 09:00, only on Tuesday and Thursday", "2024-01-02T09:00:00"),
    ("0 0 * * 0", "At 00:00, only on Sunday", "2024-01-07T00:00:00"),
    ("0 0 * * 7", "At 00:00, only on Sunday", "2024-01-07T00:00:00"),
    ("0 0 * * 5-7", "At 00:00, Friday through Sunday", "2024-01-05T00:00:00"),
    ("0 0 * * sat-sun", "At 00:00, only on Saturday and Sunday", "2024-01-06T00:00:00"),
    ("0 0 * * 0-0", "At 00:00, only on Sunday", "2024-01-07T00:00:00"),
    ("0 0 ? * MON", "At 00:00, only on Monday", "2024-01-08T00:00:00"),
    ("0 0 1 * ?", "At 00:00, on day 1 of the month", "2024-02-01T00:00:00"),
    ("0 0 31 * *", "At 00:00, on day 31 of the month", "2024-01-31T00:00:00"),
    (
        "0 0 29 2 *",
        "At 00:00, on day 29 of the month, only in February",
        "2024-02-29T00:00:00",
    ),
    (
        "0 0 1 JAN,jul *",
        "At 00:00, on day 1 of the month, only in January and July",
        "2024-07-01T00:00:00",
    ),
    ("0 0 13 * 5", "At 00:00, on day 13 of the month, or on Friday", "2024-01-05T00:00:00"),
    (
        "0 0 */10 * sun",
        "At 00:00, on day 1, 11, 21, and 31 of the month, and only on Sunday",
        "2024-01-21T00:00:00",
    ),
    ("0 0 L * *", "At 00:00, on the last day of the month", "2024-01-31T00:00:00"),
    ("0 0 L-2 * *", "At 00:00, 2 days before the last day of the month", "2024-01-29T00:00:00"),
    ("0 0 LW * *", "At 00:00, on the last weekday of the month", "2024-01-31T00:00:00"),
    (
        "0 0 14W * *",
        "At 00:00, on the weekday nearest day 14 of the month",
        "2024-01-15T00:00:00",
    ),
    ("0 0 * * 5L", "At 00:00, on the last Friday of the month", "2024-01-26T00:00:00"),
    ("0 0 * * 7l", "At 00:00, on the last Sunday of the month", "2024-01-28T00:00:00"),
    ("0 0 * * 5#2", "At 00:00, on the second Friday of the month", "2024-01-12T00:00:00"),
    (
        "0 0 1 * 5#2",
        "At 00:00, on day 1 of the month, or on the second Friday of the month",
        "2024-01-12T00:00:00",
    ),
    ("30 0 12 * * *", "At 12:00:30", "2024-01-01T12:00:30"),
    ("*/10 * * * * *", "Every 10 seconds", "2024-01-01T00:00:10"),
    ("@daily", "At 00:00", "2024-01-02T00:00:00"),
    ("@HOURLY", "Every hour", "2024-01-01T01:00:00"),
    ("@weekly", "At 00:00, only on Sunday", "2024-01-07T00:00:00"),
    ("@yearly", "At 00:00, on day 1 of the month, only in January", "2025-01-01T00:00:00"),
    ("* * 31 * ?,*", "Every minute, on day 31 of the month", "2024-01-31T00:00:00"),
    ("CRON_TZ=Asia/Tokyo 0 9 * * *", "At 09:00 (Asia/Tokyo)", "2024-01-02T00:00:00"),
]

# What is refused, and what the refusal says.
REFUSED = [
    ("", "has 0 fields; it needs five"),
    ("* * * *", "has 4 fields; it needs five"),
    ("every day", "has 2 fields; it needs five"),
    ("0 0 1 1 * * 2030", "A year has no field: take start_time and end_time"),
    ("0 0 30 2 *", "never fires"),
    ("0 0 31 4,6,9,11 *", "never fires"),
    ("0 0 L-30 2 *", "never fires"),
    ("*/90 * * * *", "For every 90 minutes take a schedule of type interval"),
    ("*/0 * * * *", "a step has to be from 1 to 59"),
    ("0 */25 * * *", "a step has to be from 1 to 23"),
    ("0-59/61 * * * *", "a step has to be from 1 to 59"),
    ("R R * * *", "would be drawn by lot"),
    ("H(0-60) * * * *", "a range has to lie within 0-59"),
    ("H/61 * * * *", "a step has to be from 1 to 60 here"),
    ("0 h(1-5 * * *", "H stands alone, or as H(1-10)"),
    ("60 * * * *", "60 is out of range; an hour ends with minute 59"),
    ("61 * * * * *", "61 is out of range; a minute ends with second 59"),
    ("0 24 * * *", "24 is out of range; midnight is 0"),
    ("0 0 0 * *", "0 is out of range"),
    ("0 0 32 * *", "the last day of a month is L"),
    ("0 0 * 13 *", "13 is out of range; January is 1"),
    ("0 0 * * 8", "Sunday is 0 or 7, Saturday is 6"),
    ("-1 * * * *", "no number is negative"),
    ("30-10 * * * *", 'cannot run backwards; did you mean "30-59,0-10"?'),
    ("0 0 * * foo", '"foo" is not a number or a name (sun to sat)'),
    ("0 0 * * monday", 'did you mean "mon"?'),
    ("0 0 1,,2 * *", "nothing before or after a comma"),
    ("1.5 * * * *", '"1.5" is not a number'),
    ("0 ٣ * * *", '"٣" is not a number'),
    ("0 0 * * 5#6", "has to be a number from 1 to 5"),
    ("0 0 5L * *", "belongs into the day of week field"),
    ("0 0 * * 15W", "belong into the day of month field"),
    ("@reboot", "is not one of @yearly,"),
    ("@every 5m", "A fixed distance is a schedule of type interval"),
    ("@dayly", 'did you mean "@daily"?'),
    ("0 " * 2_000, "more than 1000 characters"),
]


@pytest.mark.parametrize(("written", "words", "first"), WRITTEN)
def test_it_means_what_it_says(written, words, first):
    schedule = Cron(cron=written)
    schedule.check()
    assert schedule.describe() == words
    # nothing in 2024-01-01T00:00 itself: strictly after
    assert iso(schedule.next_after(ms("2024-01-01T00:00:00+00:00"))) == f"{first}+00:00"


@pytest.mark.parametrize(("written", "text"), REFUSED)
def test_a_wrong_one_is_refused_with_what_is_right(written, text):
    with pytest.raises(InvalidInput) as refusal:
        Cron(cron=written).check()
    assert list(refusal.value.fields) == ["cron"]
    assert text in refusal.value.fields["cron"][0]


def test_a_zone_and_bounds_are_part_of_the_sentence():
    schedule = Cron(
        cron="0 9 * * *",
        timezone="Asia/Tokyo",
        start_time=ms("2024-01-01T00:00:00+09:00"),
        max_runs=3,
    )
    assert schedule.describe() == (
        "At 09:00 (Asia/Tokyo), from 2024-01-01 00:00:00 +0900, 3 times at most"
    )


def test_two_zones_that_contradict_are_refused():
    with pytest.raises(InvalidInput, match="names the zone"):
        Cron(cron="TZ=Asia/Tokyo 0 9 * * *", timezone="Europe/Berlin").check()


@given(st.text("0123456789*/,-?LlWw#@RrHhMONJANfri() \t٣.x", max_size=25))
@bounded(400)
def test_any_text_is_refused_or_fires(text):
    schedule = Cron(cron=text)
    try:
        schedule.check()
    except InvalidInput:
        return
    first, second = occurrences(schedule, 0, 2)
    assert 0 < first < second
    assert schedule.describe()


@given(crons(), moments)
@bounded(150)
def test_occurrences_strictly_increase(schedule, after):
    schedule.check()
    found = occurrences(schedule, after, 12)
    assert found == sorted(set(found))
    assert all(moment > after for moment in found)
    assert all(moment >= (schedule.start_time or 0) for moment in found)


@given(crons(), moments, st.data())
@bounded(100)
def test_next_after_agrees_with_enumeration(schedule, after, data):
    found = occurrences(schedule, after, 12)
    moment = data.draw(st.integers(after, found[-1] - 1))
    assert schedule.next_after(moment) == next(m for m in found if m > moment)


@given(st.data())
@bounded(40)
def test_it_agrees_with_a_clock_that_is_looked_at_every_minute(data):
    """Expressions of all kinds and policies over a day around a clock change."""
    zone, change = data.draw(clock_changes())
    expression = data.draw(expressions())
    dst = data.draw(st.sampled_from(["run_once", "skip", "run_twice"]))
    assert_as_a_clock_shows(expression, zone, dst, change, 10 * HOUR)


@given(st.data())
@bounded(70)
def test_a_fixed_time_near_a_clock_change_runs_as_its_policy_says(data):
    """Under `run_once`, that is once a day, whatever the clock does."""
    zone, change = data.draw(clock_changes())
    before = next(segments(zone, to_datetime(change - SECOND)))
    wall = to_datetime(change + data.draw(st.integers(-150, 150)) * MINUTE) + before.offset
    dst = data.draw(st.sampled_from(["run_once", "skip", "run_twice"]))
    assert_as_a_clock_shows(f"{wall.minute} {wall.hour} * * *", zone, dst, change, 25 * HOUR)


@given(st.data())
@bounded(20)
def test_every_minute_means_every_minute(data):
    zone, change = data.draw(clock_changes())
    found = occurrences(Cron(cron="* * * * *", timezone=zone), change - 100 * MINUTE - 1, 200)
    assert found == list(range(change - 100 * MINUTE, change + 100 * MINUTE, MINUTE))


def test_a_lost_day_runs_right_after_it_and_only_once():
    """Samoa had no 30 December 2011."""
    at_noon = Cron(cron="0 12 * * *", timezone="Pacific/Apia")
    found = occurrences(at_noon, ms("2011-12-28T12:00:00-10:00"), 4)
    assert [iso(moment, "Pacific/Apia") for moment in found] == [
        "2011-12-29T12:00:00-10:00",
        "2011-12-31T00:00:00+14:00",
        "2011-12-31T12:00:00+14:00",
        "2012-01-01T12:00:00+14:00",
    ]


GAP = "The clock goes forward from 2024-03-10 02:00 to 2024-03-10 03:00"


@pytest.mark.parametrize(
    ("cron", "dst", "moment", "note"),
    [
        ("30 2 * * *", "run_once", "2024-03-10T03:00:00-04:00",
         f"{GAP}; what was due in between runs now, once."),
        ("30 2 * * *", "skip", "2024-03-11T02:30:00-04:00",
         f"{GAP}; what was due in between was left out."),
        ("0 * * * *", "run_once", "2024-03-10T03:00:00-04:00", f"{GAP}."),
        ("30 1 * * *", "run_once", "2024-11-03T01:30:00-04:00",
         "The clock shows 01:30 twice on this day; this is the first time, "
         "and the only one that runs."),
        ("30 1 * * *", "run_twice", "2024-11-03T01:30:00-04:00",
         "The clock shows 01:30 twice on this day; this is the first time."),
        ("30 1 * * *", "run_twice", "2024-11-03T01:30:00-05:00",
         "The clock shows 01:30 twice on this day; this is the second time."),
        ("30 2 * * *", "run_once", "2024-11-03T02:30:00-05:00", None),
        ("30 2 * * *", "run_once", "2024-07-01T02:30:00-04:00", None),
    ],
)  # fmt: skip
def test_notes_tell_of_a_clock_change(cron, dst, moment, note):
    schedule = Cron(cron=cron, timezone="America/New_York", dst=dst)
    assert schedule.next_after(ms(moment) - 1) == ms(moment)
    assert notes_for(schedule, ms(moment)) == note


def test_bounds_are_kept():
    first, last = ms("2024-01-02T00:00:00+00:00"), ms("2024-01-04T00:00:00+00:00")
    schedule = Cron(cron="0 0 * * *", start_time=first, end_time=last)
    # both ends run
    assert occurrences(schedule, 0, 10) == [first, first + DAY, last]
    assert schedule.next_after(last) is None


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"max_runs": 0}, "max_runs"),
        ({"start_time": 2, "end_time": 1}, "end_time"),
    ],
)
def test_wrong_bounds_are_refused_by_name(options, field):
    with pytest.raises(InvalidInput) as refusal:
        Cron(cron="* * * * *", **options).check()
    assert list(refusal.value.fields) == [field]


@pytest.mark.parametrize("after", ["9999-06-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00"])
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Adak"])
def test_the_end_of_the_calendar_is_the_end(after, zone):
    assert Cron(cron="0 0 1 1 *", timezone=zone).next_after(ms(after)) is None


@st.composite
def clock_changes(draw) -> tuple[str, int]:
    """A zone, and the instant of one of its clock changes."""
    zone = draw(st.sampled_from([name for name in ODD_ZONES if _changes(name)]))
    return zone, draw(st.sampled_from(_changes(zone)))


def _changes(zone: str) -> list[int]:
    starts = (to_moment(segment.start) for segment in segments(zone, to_datetime(FIRST)))
    return [start for start in starts if FIRST < start < LAST and start % MINUTE == 0]


def assert_as_a_clock_shows(expression, zone, dst, change, around):
    after, until = change - around, change + around
    schedule = Cron(cron=expression, timezone=zone, dst=dst, end_time=until)
    found = occurrences(schedule, after, 10_000)
    expected = fires(expression, zone, dst, after, until)
    assert [iso(m, zone) for m in found] == [iso(m, zone) for m in expected]


# Seconds last, and both day fields


def test_seconds_stand_last_only_when_asked_for():
    after = ms("2026-01-01T00:00:00+00:00")
    first = Cron(cron="30 5 * * * *").next_after(after)
    last = Cron(cron="5 * * * * 30", seconds="last").next_after(after)
    assert first == last == ms("2026-01-01T00:05:30+00:00")
    with pytest.raises(InvalidInput) as refusal:
        Cron(cron="5 * * * *", seconds="last").check()
    assert list(refusal.value.fields) == ["seconds"]


def test_both_day_fields_have_to_match_when_asked_for():
    after = ms("2026-01-01T00:00:00+00:00")
    either = Cron(cron="0 0 13 * fri").next_after(after)
    both = Cron(cron="0 0 13 * fri", day_or=False).next_after(after)
    assert (either, both) == (ms("2026-01-02T00:00:00+00:00"), ms("2026-02-13T00:00:00+00:00"))
