"""Timelines: schedules together with calendars, jitter and counts."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule import Cron, Interval, Once, Several, Steps, settle
from dispatch_app.domain.timeline import Timeline
from tests.domain.moments import DAY, HOUR, MINUTE, SECOND, ms
from tests.domain.schedules import moments, recurring
from tests.properties import bounded

NOW = ms("2026-03-01T12:00:00+00:00")


class Open:
    """A calendar that allows the moments of one stretch of each day, ms from midnight UTC."""

    def __init__(self, start: int, end: int) -> None:
        self.start, self.end = start, end

    def next_allowed(self, moment: int) -> int | None:
        day, at = divmod(moment, DAY)
        if at < self.start:
            return day * DAY + self.start
        return moment if at < self.end else (day + 1) * DAY + self.start


class Shut:
    """A calendar that allows nothing any more."""

    def next_allowed(self, moment: int) -> int | None:
        return None


def every(interval: int, **options) -> Interval:
    return Interval(every=interval, **options).settled("", NOW)


def walk(timeline: Timeline, count: int, after: int = NOW) -> list[int]:
    """Its occurrences, counted as they come."""
    found, done = [], timeline.nothing_done
    moment = timeline.next_after(after, done)
    while moment is not None and len(found) < count:
        found.append(moment)
        done = timeline.counted(moment, done)
        moment = timeline.next_after(moment, done)
    return found


# Several schedules


def test_it_occurs_whenever_one_of_them_does_and_once_where_two_do():
    timeline = Timeline(Several(schedules=(every(2 * MINUTE), every(3 * MINUTE))))
    assert walk(timeline, 5) == [NOW + n * MINUTE for n in (2, 3, 4, 6, 8)]


def test_each_counts_its_own_occurrences():
    twice = every(2 * MINUTE, max_runs=2)
    timeline = Timeline(Several(schedules=(twice, every(3 * MINUTE), Once(start_time=NOW + 1))))
    assert walk(timeline, 6) == [NOW + 1, *(NOW + n * MINUTE for n in (2, 3, 4, 6, 9))]
    done = timeline.nothing_done
    for moment in walk(timeline, 5):
        done = timeline.counted(moment, done)
    assert done == (2, 2, 1)


def test_it_ends_with_the_last_of_them():
    twice, thrice = every(MINUTE, max_runs=2), every(HOUR, max_runs=3)
    found = walk(Timeline(Several(schedules=(twice, thrice))), 100)
    assert found == [NOW + MINUTE, NOW + 2 * MINUTE, *(NOW + n * HOUR for n in (1, 2, 3))]


def test_counts_fit_another_number_of_schedules():
    timeline = Timeline(Several(schedules=(every(MINUTE), every(HOUR))))
    assert timeline.fitted((7,)) == (7, 0)
    assert timeline.fitted((7, 8, 9)) == (7, 8)


def test_a_list_is_settled_one_by_one_and_what_stays_the_same_goes_on_counting():
    given_ = Several(schedules=(Interval(every=MINUTE), Cron(cron="H * * * *")))
    stored = settle(given_, "t", NOW)
    assert stored.schedules[0].anchor == NOW
    assert stored.schedules[1].resolved
    assert settle(given_, "t", NOW + DAY, stored) == stored
    longer = Several(schedules=(*given_.schedules, Steps(unit="days")))
    after = settle(longer, "t", NOW + DAY, stored)
    assert after.schedules[:2] == stored.schedules
    assert after.schedules[2].anchor == NOW + DAY


@given(st.lists(recurring, min_size=1, max_size=4), moments)
@bounded(60)
def test_several_are_the_sum_of_each(schedules, after):
    timeline = Timeline(Several(schedules=tuple(schedules)))
    found = walk(timeline, 30, after)
    expected = {
        moment
        for schedule in schedules
        for moment in walk(Timeline(schedule), 30, after)
        if moment <= found[-1]
    }
    assert found == sorted(expected)


@pytest.mark.parametrize("count", [0, 21])
def test_a_list_has_its_bounds(count):
    with pytest.raises(InvalidInput):
        Several(schedules=(every(MINUTE),) * count).check()


def test_what_is_wrong_with_one_of_them_is_said_by_its_place():
    with pytest.raises(InvalidInput) as refusal:
        Several(schedules=(every(MINUTE), Cron(cron="61 * * * *"))).check()
    assert list(refusal.value.fields) == ["1.cron"]


# Calendars


def test_a_calendar_leaves_occurrences_out():
    schedule = Cron(cron="0 */6 * * *", calendars=("work",))
    timeline = Timeline(schedule, calendars={"work": Open(9 * HOUR, 13 * HOUR)})
    noon = ms("2026-03-02T12:00:00+00:00")
    assert walk(timeline, 3) == [noon, noon + DAY, noon + 2 * DAY]


def test_all_calendars_have_to_allow_it():
    schedule = Cron(cron="0 * * * *", calendars=("work", "late"))
    calendars = {"work": Open(9 * HOUR, 13 * HOUR), "late": Open(12 * HOUR, 20 * HOUR)}
    noon = ms("2026-03-02T12:00:00+00:00")
    assert walk(Timeline(schedule, calendars=calendars), 2) == [noon, noon + DAY]


def test_where_a_calendar_allows_nothing_there_is_nothing():
    timeline = Timeline(Cron(cron="* * * * *", calendars=("shut",)), calendars={"shut": Shut()})
    assert walk(timeline, 1) == []


def test_where_calendars_and_schedule_never_meet_the_search_ends():
    never = Timeline(Cron(cron="0 3 * * *", calendars=("work",)), calendars={"work": Open(1, 2)})
    assert walk(never, 1) == []


def test_a_calendar_that_is_not_there_is_named():
    with pytest.raises(InvalidInput) as refusal:
        Timeline(Cron(cron="* * * * *", calendars=("work",)))
    assert refusal.value.fields == {"calendars": ["There is no calendar 'work'."]}


def test_an_occurrence_that_its_calendar_no_longer_allows_does_not_run():
    schedule = Cron(cron="0 * * * *", calendars=("work",))
    timeline = Timeline(schedule, calendars={"work": Open(9 * HOUR, 13 * HOUR)})
    assert timeline.is_allowed(NOW, (0,))
    assert not timeline.is_allowed(NOW + HOUR, (0,))


# Jitter


def test_jitter_is_the_same_for_an_occurrence_and_spread_over_tasks():
    schedule = Cron(cron="0 0 * * *", jitter=10 * MINUTE)
    midnight = ms("2026-03-02T00:00:00+00:00")
    due = [Timeline(schedule, f"task-{n}").due_at(midnight) for n in range(2_000)]
    assert due == [Timeline(schedule, f"task-{n}").due_at(midnight) for n in range(2_000)]
    assert all(midnight <= moment <= midnight + 10 * MINUTE for moment in due)
    # evenly: each of the ten minutes has its tenth
    per_minute = [sum((d - midnight) // MINUTE == n for d in due) for n in range(10)]
    assert all(120 < count < 280 for count in per_minute), per_minute


def test_without_jitter_it_is_due_at_its_moment():
    assert Timeline(every(MINUTE), "t").due_at(NOW + MINUTE) == NOW + MINUTE


@given(recurring, moments, st.integers(1, DAY))
@bounded(60)
def test_jitter_changes_no_order(schedule, after, jitter):
    timeline = Timeline(msgspec.structs.replace(schedule, jitter=jitter), "t")
    found = walk(timeline, 20, after)
    for moment, following in pairwise(found):
        assert moment <= timeline.due_at(moment) <= moment + jitter
        assert timeline.due_at(moment) < following


# Counting


@given(recurring, moments, st.data())
@bounded(60)
def test_it_counts_what_enumeration_counts(schedule, after, data):
    timeline = Timeline(schedule)
    found = walk(timeline, 40, after)
    first, last = sorted(data.draw(st.lists(st.sampled_from(found), min_size=2, max_size=2)))
    number = sum(first <= moment <= last for moment in found)
    assert timeline.count(first, last, 1_000, timeline.nothing_done) == number


def test_what_is_counted_one_by_one_is_bounded_and_an_interval_is_not():
    done = (0,)
    hourly = Timeline(Cron(cron="* * * * *"))
    assert hourly.count(NOW, NOW + 100 * DAY, 50, done) == 50
    assert Timeline(every(SECOND)).count(NOW, NOW + 100 * DAY, 50, done) == 100 * 86_400
