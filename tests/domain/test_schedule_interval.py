"""Intervals: of fixed length, counted from an anchor, never early and never adrift."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule import Interval, notes_for, occurrences
from tests.domain.moments import DAY, HOUR, MINUTE, ms
from tests.domain.schedules import intervals, latest_until, moments
from tests.properties import bounded

CREATED = ms("2026-03-01T12:00:00+00:00")


def test_without_a_start_it_first_runs_one_interval_after_its_creation():
    schedule = Interval(every=MINUTE).settled("", CREATED)
    assert occurrences(schedule, CREATED, 3) == [CREATED + n * MINUTE for n in (1, 2, 3)]


def test_with_a_start_it_first_runs_then():
    start = CREATED + 7_001
    schedule = Interval(every=MINUTE, start_time=start).settled("", CREATED)
    assert occurrences(schedule, CREATED, 3) == [start + n * MINUTE for n in (0, 1, 2)]


def test_a_start_that_has_passed_keeps_its_beat():
    schedule = Interval(every=HOUR, start_time=CREATED - 10 * DAY + 1).settled("", CREATED)
    assert schedule.next_after(CREATED) == CREATED + 1


def test_an_occurrence_exactly_at_the_end_still_runs():
    end = CREATED + 2 * MINUTE
    schedule = Interval(every=MINUTE, end_time=end).settled("", CREATED)
    assert occurrences(schedule, 0, 10) == [CREATED + MINUTE, end]
    assert latest_until(schedule, CREATED + MINUTE, end + DAY) == end


def test_it_knows_no_clock_change():
    schedule = Interval(every=DAY, timezone="America/New_York").settled(
        "", ms("2024-03-09T12:00:00-05:00")
    )
    moment = schedule.next_after(ms("2024-03-10T00:00:00-05:00"))
    assert moment == ms("2024-03-10T13:00:00-04:00")
    assert notes_for(schedule, moment) is None


@given(intervals, moments)
@bounded(200)
def test_it_never_drifts_and_is_never_early(schedule, after):
    found = occurrences(schedule, after, 20)
    first = schedule.anchor if schedule.start_time is not None else schedule.anchor + schedule.every
    assert found[0] > after
    # the next of its moments, or its first
    assert found[0] - after <= schedule.every or found[0] == first
    assert all((moment - schedule.anchor) % schedule.every == 0 for moment in found)
    assert found == [found[0] + n * schedule.every for n in range(len(found))]


@given(intervals, moments, st.data())
@bounded(200)
def test_it_is_asked_from_anywhere_and_answers_the_same(schedule, after, data):
    found = occurrences(schedule, after, 20)
    moment = data.draw(st.integers(found[0], found[-1] - 1))
    assert schedule.next_after(moment) == next(m for m in found if m > moment)
    assert latest_until(schedule, found[0], moment) == max(m for m in found if m <= moment)


@pytest.mark.parametrize("every", [0, -1, 99, 100 * 366 * DAY])
def test_too_short_and_too_long_are_refused(every):
    with pytest.raises(InvalidInput) as refusal:
        Interval(every=every).check()
    assert refusal.value.fields == {"every": ["Has to be from 0.1 seconds to 100 years."]}


def test_it_ends_with_the_calendar():
    century = Interval(every=100 * 365 * DAY).settled("", CREATED)
    century.check()
    assert len(occurrences(century, CREATED, 100)) == 79


@pytest.mark.parametrize(
    ("every", "words"),
    [(90 * MINUTE, "Every 1 h 30 min"), (100, "Every 100 ms"), (8 * DAY, "Every 8 d")],
)
def test_it_describes_itself(every, words):
    assert Interval(every=every).describe() == words
