"""The verbs on pauses, on a real server and with real messages."""

from __future__ import annotations

from dispatch_app.domain.schedule import Cron
from dispatch_app.domain.task import Task
from dispatch_app.operations import pauses, tasks

NOW_TASK = Task(type="echo")


def start(dispatch, run_id: str, queue: str = "default"):
    """As a worker does that takes a message from that queue."""
    return dispatch.store.runs.start(run_id, 1, token="t", worker="w", lease=9_000, queue=queue)


def test_a_pause_and_a_resume_say_what_they_are_of(dispatch):
    begun = pauses.pause(dispatch, "queue:default", "ci", "slow")
    assert (begun.scope, begun.paused, begun.who, begun.note) == (
        "queue:default", True, "ci", "slow",
    )  # fmt: skip
    assert pauses.pause(dispatch, "queue:default", "ci", "slow") == begun
    ended = pauses.resume(dispatch, "queue:default")
    assert (ended.paused, ended.who, ended.at) == (False, "ci", begun.at)
    assert pauses.resume(dispatch, "queue:default").who is None


def test_runs_of_triggers_and_new_tasks_are_held_where_they_would_start(dispatch, sent):
    hourly = tasks.create(dispatch, Task(type="echo", schedule=Cron(cron="0 * * * *")))
    pauses.pause(dispatch, "all", "ci", "slow")
    runs = [tasks.trigger(dispatch, hourly.id).id]
    runs.append(tasks.create(dispatch, NOW_TASK).last_run.id)
    assert sent() == runs
    for run_id in runs:
        assert start(dispatch, run_id) == "PAUSED"
        assert dispatch.store.runs.get(run_id).reason == "everything is paused: slow"
    assert pauses.resume(dispatch, "all").held == 2


def test_one_that_is_paused_can_be_cancelled(dispatch):
    task = tasks.create(dispatch, NOW_TASK)
    pauses.pause(dispatch, "all", "ci")
    start(dispatch, task.last_run.id)
    assert tasks.cancel(dispatch, task.id).status == "cancelled"
    assert pauses.resume(dispatch, "all").held == 0
