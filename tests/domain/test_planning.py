"""Plans: which occurrences run, and what follows, whenever and however often one looks."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.planning import (
    MOST_AT_ONCE,
    Plan,
    Skipped,
    first_moment,
    plan,
    settled,
    window,
)
from dispatch_app.domain.schedule import (
    Cron,
    Interval,
    Once,
    Steps,
    occurrences,
)
from dispatch_app.domain.task import Misfire, Task
from dispatch_app.domain.timeline import Timeline
from tests.domain.moments import DAY, HOUR, MINUTE, SECOND, ms
from tests.domain.schedules import latest_until, moments, recurring
from tests.properties import bounded

NOW = ms("2026-03-01T12:00:00+00:00")
RUN_LAST = Misfire(policy="run_last")
RUN_ALL = Misfire(policy="run_all")


def task_of(schedule, misfire=RUN_LAST) -> Task:
    return Task(type="echo", schedule=schedule, misfire=misfire)


def timeline_of(task: Task) -> Timeline | None:
    return Timeline(task.schedule, "t") if task.schedule else None


def planned(task: Task, due: int, done: int, now: int, **options) -> Plan:
    return plan(task, timeline_of(task), due, (done,), now, **options)


def ran(*occurrences: int, next: int | None = None, before: int = 0, **more) -> Plan:
    """The plan that lets these run, and counts them beside those that ran `before`."""
    count = more.pop("count", len(occurrences))
    return Plan(occurrences=occurrences, next=next, done=(before + count,), **more)


def first(task: Task, now: int = NOW) -> int | None:
    return first_moment(task, timeline_of(task), now)


def every(interval: int, **options) -> Interval:
    return Interval(every=interval, **options).settled("", NOW)


def drive(task: Task, due: int | None, ticks: list[int], **options) -> tuple[list[int], int | None]:
    """A scheduler that looks at these moments, each time until nothing is due any more."""
    found: list[int] = []
    for now in ticks:
        while due is not None and due <= now:
            step = planned(task, due, len(found), now, **options)
            assert all(due <= moment <= now for moment in step.occurrences)
            found += step.occurrences
            due = step.next
    return found, due


# The first moment


def test_without_a_schedule_it_is_due_now():
    assert first(task_of(None)) is None


def test_a_moment_that_has_passed_is_due_now_and_a_later_one_waits():
    assert first(task_of(Once(start_time=NOW))) is None
    assert first(task_of(Once(start_time=NOW - DAY))) is None
    assert first(task_of(Once(start_time=NOW + 1))) == NOW + 1


def test_a_recurring_one_waits_for_its_first_occurrence():
    assert first(task_of(every(MINUTE))) == NOW + MINUTE
    assert first(task_of(Cron(cron="0 * * * *"))) == NOW + HOUR


def test_a_schedule_with_nothing_ahead_is_refused():
    with pytest.raises(InvalidInput) as refusal:
        first(task_of(Cron(cron="@daily", end_time=NOW + HOUR)))
    assert refusal.value.fields == {
        "schedule": ["No occurrence of it lies ahead; look at its end_time and calendars."]
    }


def test_what_counts_from_its_creation_is_anchored():
    cron = task_of(Cron(cron="0 * * * *"))
    assert settled(cron, "t", NOW) == cron
    assert settled(task_of(Interval(every=MINUTE)), "t", NOW).schedule.anchor == NOW
    assert settled(task_of(Steps(unit="days")), "t", NOW).schedule.anchor == NOW
    assert settled(task_of(Once(delay=MINUTE)), "t", NOW).schedule.moment == NOW + MINUTE


def test_a_schedule_that_says_the_same_goes_on_counting():
    for schedule in (Interval(every=MINUTE), Steps(unit="months"), Once(delay=MINUTE)):
        before = settled(task_of(schedule), "t", NOW)
        assert settled(task_of(schedule), "t", NOW + DAY, before) == before
        other = settled(task_of(schedule), "t", NOW + DAY, task_of(None))
        assert other.schedule.anchor == NOW + DAY


# One plan


@pytest.mark.parametrize("schedule", [None, Once(start_time=NOW)])
def test_a_one_off_runs_once_however_late(schedule):
    step = planned(Task(type="echo", schedule=schedule), NOW, 0, NOW + 300 * DAY)
    assert (step.occurrences, step.skipped, step.next) == ((NOW,), None, None)


def test_in_time_each_policy_runs_the_one_that_is_due():
    for misfire in (RUN_LAST, RUN_ALL):
        step = planned(task_of(every(MINUTE), misfire), NOW + MINUTE, 0, NOW + MINUTE)
        assert step == ran(NOW + MINUTE, next=NOW + 2 * MINUTE)


def test_late_the_last_one_runs_or_all_do():
    late = NOW + 5 * MINUTE + 1
    four = Skipped(first=NOW + MINUTE, last=NOW + 4 * MINUTE, count=4, reason="misfire: run_last")
    last = planned(task_of(every(MINUTE)), NOW + MINUTE, 0, late)
    assert last == ran(NOW + 5 * MINUTE, next=NOW + 6 * MINUTE, skipped=four)
    five = [NOW + n * MINUTE for n in range(1, 6)]
    all_of_them = planned(task_of(every(MINUTE), RUN_ALL), NOW + MINUTE, 0, late)
    assert all_of_them == ran(*five, next=NOW + 6 * MINUTE)


def test_late_none_runs_or_only_such_as_are_not_too_late():
    late = NOW + 5 * MINUTE + SECOND
    skip = planned(task_of(every(MINUTE), Misfire(policy="skip")), NOW + MINUTE, 0, late)
    # one that is late by less than a minute is not missed
    assert skip.occurrences == (NOW + 5 * MINUTE,)
    skip = planned(task_of(every(HOUR), Misfire(policy="skip")), NOW + HOUR, 0, NOW + 2 * HOUR - 1)
    assert (skip.occurrences, skip.next, skip.done) == ((), NOW + 2 * HOUR, (0,))
    assert skip.skipped == Skipped(
        first=NOW + HOUR, last=NOW + HOUR, count=1, reason="misfire: skip"
    )
    caught = planned(
        task_of(every(MINUTE), Misfire(policy="run_all", catch_up=2 * MINUTE)),
        NOW + MINUTE,
        0,
        late,
    )
    assert caught.occurrences == (NOW + 4 * MINUTE, NOW + 5 * MINUTE)
    assert caught.skipped == Skipped(
        first=NOW + MINUTE,
        last=NOW + 3 * MINUTE,
        count=3,
        reason="misfire: later than catch_up of 120 s",
    )


def test_a_one_time_task_that_is_too_late_is_skipped():
    once = task_of(Once(start_time=NOW), Misfire(policy="skip"))
    assert planned(once, NOW, 0, NOW + SECOND).occurrences == (NOW,)
    assert planned(once, NOW, 0, NOW + HOUR).skipped.count == 1
    bounded_ = task_of(Once(start_time=NOW), Misfire(catch_up=MINUTE))
    assert planned(bounded_, NOW, 0, NOW + MINUTE).occurrences == (NOW,)
    assert planned(bounded_, NOW, 0, NOW + MINUTE + 1).skipped.count == 1


def test_an_hour_without_a_scheduler_is_one_run_of_a_task_of_every_second():
    step = planned(task_of(every(SECOND)), NOW + SECOND, 0, NOW + HOUR)
    assert (step.occurrences, step.skipped.count) == ((NOW + HOUR,), 3_599)
    days = planned(task_of(every(SECOND)), NOW + SECOND, 0, NOW + 3 * DAY)
    assert (days.occurrences, days.skipped.count) == ((NOW + 3 * DAY,), 3 * 86_400 - 1)


def test_a_long_backlog_is_worked_off_in_pieces():
    step = planned(task_of(every(MINUTE), RUN_ALL), NOW + MINUTE, 0, NOW + DAY)
    assert len(step.occurrences) == MOST_AT_ONCE
    # still due: the rest follows in the next plan
    assert step.next == NOW + (MOST_AT_ONCE + 1) * MINUTE


def test_the_last_run_that_is_allowed_is_the_last():
    task = task_of(every(MINUTE, max_runs=3), RUN_ALL)
    assert planned(task, NOW + MINUTE, 2, NOW + MINUTE) == ran(NOW + MINUTE, before=2)
    assert planned(task, NOW + MINUTE, 3, NOW + MINUTE) == ran(before=3)


def test_a_schedule_that_has_ended_has_no_next():
    task = task_of(every(MINUTE, end_time=NOW + 2 * MINUTE))
    step = planned(task, NOW + MINUTE, 0, NOW + DAY)
    assert (step.occurrences, step.next) == ((NOW + 2 * MINUTE,), None)


@pytest.mark.parametrize("misfire", [RUN_LAST, RUN_ALL])
def test_ten_thousand_fires_of_a_second_each_neither_drift_nor_come_early(misfire):
    """Row 66: each look is late by another part of a second, and none of it adds up."""
    task = task_of(every(SECOND), misfire)
    due, done = NOW + SECOND, 0
    for n in range(1, 10_001):
        assert due == NOW + n * SECOND
        now = due + n * 7_919 % SECOND
        steps = planned(task, due, done, now)
        assert steps.occurrences == (due,)
        due, done = steps.next, n


# What holds for any schedule


@given(recurring, moments, st.data())
@bounded(80)
def test_the_last_until_agrees_with_enumeration(schedule, after, data):
    found = occurrences(schedule, after, 40)
    known = data.draw(st.sampled_from(found[:-1]))
    until = data.draw(st.integers(known, found[-1] - 1))
    assert latest_until(schedule, known, until) == max(m for m in found if m <= until)


@given(recurring, moments, st.data())
@bounded(80)
def test_run_all_loses_and_doubles_none_whenever_one_looks(schedule, after, data):
    """Any split of the time into looks, and any size of a piece, gives what one big look gives."""
    found = occurrences(schedule, after, 41)
    last = found[-2]
    looks = st.lists(st.integers(after, last), max_size=6).map(sorted)
    most = data.draw(st.integers(1, 50))
    task = task_of(schedule, RUN_ALL)
    assert drive(task, found[0], [*data.draw(looks), last], most=most) == (found[:-1], found[-1])
    assert drive(task, found[0], [last], most=1_000) == (found[:-1], found[-1])


@given(recurring, moments, st.data())
@bounded(80)
def test_run_last_runs_the_last_of_each_look_and_only_that(schedule, after, data):
    found = occurrences(schedule, after, 41)
    looks = sorted(data.draw(st.lists(st.integers(after, found[-1] - 1), min_size=1, max_size=6)))
    ran, following = drive(task_of(schedule), found[0], looks)
    expected = {max((m for m in found if m <= now), default=None) for now in looks} - {None}
    assert ran == sorted(expected)
    assert following == next(m for m in found if m > looks[-1])


@given(recurring, moments, st.sampled_from(["run_last", "run_all"]), st.data())
@bounded(80)
def test_no_policy_runs_more_than_it_may(schedule, after, policy, data):
    found = occurrences(schedule, after, 30)
    limit = data.draw(st.integers(1, 20))
    looks = sorted(data.draw(st.lists(st.integers(after, found[-1]), min_size=1, max_size=40)))
    limited = msgspec.structs.replace(schedule, max_runs=limit)
    ran, following = drive(task_of(limited, Misfire(policy=policy)), found[0], looks)
    assert len(ran) <= limit
    assert (following is None) == (len(ran) == limit)
    if policy == "run_all":
        assert ran == [moment for moment in found if moment <= looks[-1]][:limit]


@given(recurring, moments, st.integers(1, DAY), st.sampled_from(["run_last", "run_all"]), st.data())
@bounded(80)
def test_with_jitter_none_comes_before_its_moment_is_lost_or_doubled(
    schedule, after, jitter, policy, data
):
    jittered = msgspec.structs.replace(schedule, jitter=jitter)
    task, timeline = task_of(jittered, Misfire(policy=policy)), Timeline(jittered, "t")
    found = occurrences(schedule, after, 31)
    looks = sorted(data.draw(st.lists(st.integers(after, found[-1]), min_size=1, max_size=8)))
    ran, skipped, due = [], 0, found[0]
    for now in looks:
        while timeline.due_at(due) <= now:
            step = plan(task, timeline, due, (0,), now)
            assert all(timeline.due_at(moment) <= now for moment in step.occurrences)
            ran += step.occurrences
            skipped += step.skipped.count if step.skipped else 0
            due = step.next
    come = [moment for moment in found if timeline.due_at(moment) <= looks[-1]]
    assert ran == sorted(set(ran))
    assert set(ran) <= set(come)
    assert len(ran) + skipped == len(come)
    assert ran == come or policy == "run_last"


# Windows


def window_of(schedule, start: int, end: int, most: int = 10) -> list[int]:
    return window(Timeline(schedule), start, end, most)


def test_a_window_has_both_its_ends():
    hourly = Cron(cron="0 * * * *")
    assert window_of(hourly, NOW, NOW + 2 * HOUR) == [NOW, NOW + HOUR, NOW + 2 * HOUR]


def test_a_window_ends_with_so_many_and_max_runs_does_not_bound_it():
    assert window_of(every(MINUTE, max_runs=2), NOW, NOW + DAY, 3) == [
        NOW + n * MINUTE for n in (1, 2, 3)
    ]
    assert window_of(every(MINUTE), NOW - DAY, NOW) == []
