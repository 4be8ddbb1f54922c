"""Backfills as a scheduler carries them on: which runs, in which order, and how far they are."""

from __future__ import annotations

import msgspec
import pytest

from dispatch_app.domain.errors import Conflict, InvalidInput, NotFound
from dispatch_app.domain.schedule import Cron, Interval, Once
from dispatch_app.domain.task import Task
from dispatch_app.operations import backfills, tasks
from dispatch_app.scheduler.dispatching import advance
from dispatch_app.store.runs import Outcome, RunFilter
from tests.domain.moments import HOUR, MINUTE

HOURLY = Task(type="echo", schedule=Cron(cron="0 * * * *"))
SUCCESS = Outcome(status="succeeded", outcome="succeeded")


def look(dispatch) -> int:
    """One look of a scheduler."""
    return advance(dispatch, dispatch.store.agenda.due())


def carried_out(dispatch) -> int:
    """Look until nothing is due any more; how often."""
    looks = 0
    while look(dispatch):
        looks += 1
    return looks


def runs_of(dispatch, backfill) -> list:
    where = RunFilter(backfill_id=backfill.id)
    return dispatch.store.runs.list(where, 500).items[::-1]


def finish(dispatch, run_id: str) -> None:
    dispatch.store.runs.start(run_id, 1, token="t", worker="w", lease=60_000)
    dispatch.store.runs.finish(run_id, "t", SUCCESS)


def test_each_occurrence_of_the_window_runs_in_order_and_none_counts(dispatch, sent):
    task = tasks.create(dispatch, HOURLY)
    backfill = backfills.start(dispatch, task.id, 0, 3 * HOUR)
    assert (backfill.status, backfill.total, backfill.made) == ("running", 4, 0)
    carried_out(dispatch)
    runs = runs_of(dispatch, backfill)
    assert [run.scheduled_for for run in runs] == [0, HOUR, 2 * HOUR, 3 * HOUR]
    assert {(run.origin, run.backfill_id) for run in runs} == {("backfill", backfill.id)}
    assert sent() == [run.id for run in runs]
    after = dispatch.store.tasks.get(task.id)
    assert (after.done, after.next_run_at) == ((0,), task.next_run_at)
    assert dispatch.store.backfills.get(backfill.id).progress == 0
    for run in runs:
        finish(dispatch, run.id)
    done = dispatch.store.backfills.get(backfill.id)
    assert (done.status, done.progress, done.counts) == ("done", 1, {"succeeded": 4})


def test_a_long_one_is_carried_on_in_pieces_and_no_other_task_waits_for_it(dispatch):
    task = tasks.create(dispatch, HOURLY)
    backfill = backfills.start(dispatch, task.id, 0, 349 * HOUR)
    due = tasks.create(dispatch, Task(type="echo", schedule=Interval(every=100)))
    dispatch.store.client.zadd(dispatch.store.keys.agenda(), {f"t:{due.id}": 1})
    look(dispatch)
    assert dispatch.store.runs.latest(due.id) is not None
    assert dispatch.store.backfills.get(backfill.id).made == backfills.PIECE
    tasks.cancel(dispatch, due.id)
    carried_out(dispatch)
    assert dispatch.store.backfills.get(backfill.id).made == 350
    moments = [run.scheduled_for for run in runs_of(dispatch, backfill)]
    assert moments == [n * HOUR for n in range(350)]


def test_the_second_of_two_schedulers_that_read_the_same_makes_nothing(dispatch):
    task = tasks.create(dispatch, HOURLY)
    backfill = backfills.start(dispatch, task.id, 0, 9 * HOUR)
    due = dispatch.store.agenda.due()
    assert advance(dispatch, due) == 1
    assert advance(dispatch, due) == 0
    assert len(runs_of(dispatch, backfill)) == 10


def test_a_window_that_ran_before_runs_again(dispatch):
    task = tasks.create(dispatch, HOURLY)
    for _ in range(2):
        backfill = backfills.start(dispatch, task.id, 0, HOUR)
        carried_out(dispatch)
        assert len(runs_of(dispatch, backfill)) == 2
    assert dispatch.store.tasks.get(task.id).counts["runs"] == 4


def test_under_buffer_all_none_is_skipped_for_lack_of_room(dispatch):
    task = tasks.create(dispatch, HOURLY)
    most = dispatch.config.worker.queue_size
    backfill = backfills.start(dispatch, task.id, 0, (most + 20) * HOUR, "buffer_all")
    done: list[int] = []
    now = dispatch.store.now()
    for _ in range(3 * most):
        advance(dispatch, dispatch.store.agenda.due(now))
        now += 1_000
        page = dispatch.store.runs.list(RunFilter(task_id=task.id, status="queued"), 10)
        if not page.items:
            break
        (run,) = page.items  # one at a time
        done.append(run.scheduled_for)
        finish(dispatch, run.id)
    assert done == [n * HOUR for n in range(most + 21)]
    found = dispatch.store.backfills.get(backfill.id)
    assert (found.status, found.counts) == ("done", {"succeeded": most + 21})


def test_its_policy_is_its_own_and_not_the_tasks(dispatch):
    task = tasks.create(dispatch, msgspec.structs.replace(HOURLY, overlap="skip"))
    beside = backfills.start(dispatch, task.id, 0, 2 * HOUR)
    carried_out(dispatch)
    assert {run.status for run in runs_of(dispatch, beside)} == {"queued"}
    skipping = backfills.start(dispatch, task.id, 0, 2 * HOUR, "skip")
    carried_out(dispatch)
    found = dispatch.store.backfills.get(skipping.id)
    assert (found.status, found.made, found.counts) == ("done", 3, {"skipped": 3})


def test_it_expires_from_when_a_run_is_made(dispatch):
    task = tasks.create(dispatch, msgspec.structs.replace(HOURLY, expires=MINUTE))
    backfill = backfills.start(dispatch, task.id, 0, HOUR)
    carried_out(dispatch)
    now = dispatch.store.now()
    for run in runs_of(dispatch, backfill):
        expires = int(dispatch.store.client.hget(dispatch.store.keys.run(run.id), "expires"))
        assert now < expires <= now + MINUTE


def test_a_paused_task_is_filled_in_and_one_that_was_changed_goes_on_with_the_new_definition(
    dispatch,
):
    task = tasks.create(dispatch, HOURLY)
    tasks.pause(dispatch, task.id)
    backfill = backfills.start(dispatch, task.id, 0, 149 * HOUR)
    look(dispatch)
    tasks.change(dispatch, task.id, lambda old: msgspec.structs.replace(old, priority="low"))
    carried_out(dispatch)
    priorities = [run.definition.priority for run in runs_of(dispatch, backfill)]
    assert priorities == ["normal"] * 100 + ["low"] * 50


def test_one_whose_task_has_no_schedule_any_more_has_failed(dispatch):
    task = tasks.create(dispatch, HOURLY)
    backfill = backfills.start(dispatch, task.id, 0, HOUR)
    tasks.replace(dispatch, task.id, Task(type="echo"))
    carried_out(dispatch)
    found = dispatch.store.backfills.get(backfill.id)
    assert (found.status, found.note) == ("failed", "Its task has no schedule any more.")


def test_a_cancelled_one_stops(dispatch):
    task = tasks.create(dispatch, HOURLY)
    backfill = backfills.start(dispatch, task.id, 0, 349 * HOUR)
    look(dispatch)
    assert backfills.cancel(dispatch, backfill.id).status == "cancelled"
    assert carried_out(dispatch) == 0
    assert {run.status for run in runs_of(dispatch, backfill)} == {"cancelled"}
    with pytest.raises(NotFound):
        backfills.cancel(dispatch, "unknown")


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [(1, 2, "start"), (HOUR, 0, "end"), (0, 100_000 * HOUR, "end")],
    ids=["none in it", "backwards", "too many"],
)
def test_a_window_that_makes_no_sense_is_refused(dispatch, start, end, field):
    task = tasks.create(dispatch, HOURLY)
    with pytest.raises(InvalidInput) as refusal:
        backfills.start(dispatch, task.id, start, end)
    assert list(refusal.value.fields) == [field]


@pytest.mark.parametrize("schedule", [None, Once(start_time=10**14)])
def test_only_what_recurs_has_any(dispatch, schedule):
    task = tasks.create(dispatch, Task(type="echo", schedule=schedule))
    with pytest.raises(InvalidInput) as refusal:
        backfills.start(dispatch, task.id, 0, 1)
    assert list(refusal.value.fields) == ["schedule"]


def test_a_cancelled_task_and_one_that_is_not_there_have_none(dispatch):
    task = tasks.create(dispatch, HOURLY)
    tasks.cancel(dispatch, task.id)
    with pytest.raises(Conflict, match="is cancelled"):
        backfills.start(dispatch, task.id, 0, HOUR)
    with pytest.raises(NotFound):
        backfills.start(dispatch, "unknown", 0, HOUR)


def test_one_whose_records_are_damaged_has_failed_and_stops_nothing_else(dispatch):
    task, other = tasks.create(dispatch, HOURLY), tasks.create(dispatch, HOURLY)
    damaged = backfills.start(dispatch, task.id, 0, 3 * HOUR)
    backfill = backfills.start(dispatch, other.id, 0, 3 * HOUR)
    store = dispatch.store
    store.client.set(store.keys.runs_by("task", task.id), "no sorted set")
    carried_out(dispatch)
    assert len(runs_of(dispatch, backfill)) == 4
    found = dispatch.store.backfills.get(damaged.id)
    assert (found.status, found.made) == ("failed", 0)
    assert "damaged" in found.note


def test_one_whose_task_cannot_be_read_has_failed(dispatch):
    task = tasks.create(dispatch, HOURLY)
    backfill = backfills.start(dispatch, task.id, 0, 3 * HOUR)
    store = dispatch.store
    store.client.hset(store.keys.task(task.id), "def", "no JSON")
    assert carried_out(dispatch) == 1
    assert dispatch.store.backfills.get(backfill.id).status == "failed"
