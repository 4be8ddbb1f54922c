"""The verbs on runs."""

from __future__ import annotations

import msgspec
import pytest

from dispatch_app.domain.errors import Conflict, NotFound
from dispatch_app.domain.run import Failure
from dispatch_app.domain.schedule import Cron
from dispatch_app.domain.task import Task
from dispatch_app.operations import runs, tasks
from dispatch_app.store.runs import Outcome

HOURLY = Task(type="echo", payload={"n": 1}, schedule=Cron(cron="0 * * * *"))


@pytest.fixture
def task_id(dispatch) -> str:
    return tasks.create(dispatch, HOURLY).id


def failed(dispatch, task_id: str):
    run = tasks.trigger(dispatch, task_id)
    dispatch.store.runs.start(run.id, 1, token="t", worker="w", lease=60_000)
    error = Failure(type="ValueError", message="no")
    dispatch.store.runs.finish(
        run.id, "t", Outcome(status="failed", outcome="failed", error=error, failures=1)
    )
    return dispatch.store.runs.get(run.id)


def test_cancel_says_who_wanted_it_and_once_more_does_no_harm(dispatch, task_id):
    run = tasks.trigger(dispatch, task_id)
    for _ in range(2):
        cancelled = runs.cancel(dispatch, run.id)
        assert (cancelled.status, cancelled.reason) == ("cancelled", "cancelled by request")
    assert dispatch.store.tasks.get(task_id).status == "scheduled"


def running(dispatch, task_id: str):
    run = tasks.trigger(dispatch, task_id)
    dispatch.store.runs.start(run.id, 1, token="t", worker="w", lease=60_000)
    return run


def grace_ends(dispatch, run) -> int:
    """When it will be fenced, counted from when it was asked, ms."""
    due = dispatch.store.client.zscore(dispatch.store.keys.agenda(), f"k:{run.id}")
    return int(due) - run.cancel_requested_at


def test_what_runs_is_asked_to_end_and_is_cancelled_when_it_has(dispatch, task_id):
    run = running(dispatch, task_id)
    asked = runs.cancel(dispatch, run.id)
    assert (asked.status, asked.cancel_reason) == ("running", "cancelled by request")
    # as long as cancel_other gives it
    assert grace_ends(dispatch, asked) == 3 * dispatch.config.scheduler.heartbeat_interval
    dispatch.store.runs.finish(run.id, "t", Outcome(status="succeeded", outcome="succeeded"))
    ended = dispatch.store.runs.get(run.id)
    assert (ended.status, ended.reason) == ("cancelled", "cancelled by request")


def test_once_more_is_the_same_or_shortens_its_grace(dispatch, task_id):
    run = running(dispatch, task_id)
    asked = runs.cancel(dispatch, run.id, grace=60_000, reason="too dear")
    assert asked.cancel_reason == "too dear"
    assert runs.cancel(dispatch, run.id, grace=90_000, reason="another") == asked
    assert grace_ends(dispatch, asked) == 60_000
    runs.cancel(dispatch, run.id, grace=30_000)
    assert 30_000 <= grace_ends(dispatch, asked) < 60_000
    ended = runs.cancel(dispatch, run.id, terminate=True)
    assert (ended.status, ended.reason) == ("cancelled", "too dear")


def test_terminated_is_ended_at_once(dispatch, task_id):
    run = running(dispatch, task_id)
    ended = runs.cancel(dispatch, run.id, terminate=True, grace=60_000)
    assert (ended.status, ended.cancel_requested_at) == ("cancelled", None)


@pytest.mark.parametrize(("terminate", "status"), [(False, "running"), (True, "cancelled")])
def test_a_task_that_is_cancelled_asks_its_run_to_end(dispatch, task_id, terminate, status):
    run = running(dispatch, task_id)
    assert tasks.cancel(dispatch, task_id, terminate=terminate).status == "cancelled"
    run = dispatch.store.runs.get(run.id)
    assert (run.status, run.cancel_reason or run.reason) == (status, "its task was cancelled")


def test_what_has_ended_cannot_be_cancelled(dispatch, task_id):
    run = failed(dispatch, task_id)
    with pytest.raises(Conflict, match="has already ended: it failed"):
        runs.cancel(dispatch, run.id)
    assert dispatch.store.runs.get(run.id) == run


def test_retry_is_a_new_run_that_names_its_origin(dispatch, task_id, sent):
    before = failed(dispatch, task_id)
    again = runs.retry(dispatch, before.id)
    assert again.id != before.id
    assert (again.origin, again.retry_of) == ("retry", before.id)
    assert (again.status, again.attempt, again.failures, again.error) == ("queued", 1, 0, None)
    assert again.definition == before.definition
    assert sent() == [before.id, again.id]
    # what failed stays as it is (I5), but it is no dead letter any more
    assert dispatch.store.runs.get(before.id) == msgspec.structs.replace(before, died_at=None)


def test_retry_does_what_the_run_did_although_the_task_was_changed(dispatch, task_id):
    before = failed(dispatch, task_id)
    tasks.change(dispatch, task_id, lambda t: msgspec.structs.replace(t, payload={"n": 2}))
    assert runs.retry(dispatch, before.id).definition.payload == {"n": 1}
    assert tasks.trigger(dispatch, task_id).definition.payload == {"n": 2}


def test_what_has_not_ended_is_not_retried(dispatch, task_id):
    run = tasks.trigger(dispatch, task_id)
    with pytest.raises(Conflict, match="has not finished: it is queued"):
        runs.retry(dispatch, run.id)


def test_a_run_of_a_cancelled_task_is_not_retried(dispatch, task_id):
    run = failed(dispatch, task_id)
    tasks.cancel(dispatch, task_id)
    with pytest.raises(Conflict, match="is cancelled"):
        runs.retry(dispatch, run.id)


@pytest.mark.parametrize("verb", [runs.cancel, runs.retry])
def test_what_is_not_there_is_not_found(dispatch, verb):
    with pytest.raises(NotFound, match="There is no run 'unknown'"):
        verb(dispatch, "unknown")
