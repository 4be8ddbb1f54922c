"""I5: a finished run stays finished: no late message, finish, retry or revoke reopens it."""

from __future__ import annotations

import msgspec
import pytest

from dispatch_app.domain.errors import Conflict, LeaseLost
from dispatch_app.domain.run import Failure
from dispatch_app.operations import runs, tasks
from dispatch_app.scheduler.dispatching import advance
from dispatch_app.scheduler.recovery import reap
from dispatch_app.store.agenda import NextAttempt, Reaped
from dispatch_app.store.runs import Outcome

RETRY = Outcome(status="retrying", outcome="retried", failures=1, delay=0)


def finished(installation, status: str):
    """A run in this state, which came there as runs do, under the token `t`."""
    expires = 1 if status == "expired" else None
    task_id = installation.create("add", payload={"x": 1}, expires=expires)
    store, run = installation.store.runs, installation.latest(task_id)
    if status == "expired":
        installation.until(lambda: installation.store.now() > run.queued_at + 5)
    store.start(run.id, 1, token="t", worker="w", lease=60_000)
    if status in ("succeeded", "failed"):
        store.finish(run.id, "t", Outcome(status=status, outcome=status, result="1"))
    elif status == "cancelled":
        store.cancel(run.id, "by hand")
    run = store.get(run.id)
    assert run.status == status
    return run


def late_start(installation, run):
    for attempt in (1, 2):
        reply = installation.store.runs.start(run.id, attempt, token="u", worker="w", lease=1)
        assert isinstance(reply, str)


def late_finish_of_its_holder(installation, run):
    for outcome in (RETRY, Outcome(status="succeeded", outcome="succeeded", result="2")):
        # told OK where this token ended the attempt: the answer to the first try may be lost
        try:
            installation.store.runs.finish(run.id, "t", outcome)
        except LeaseLost:
            assert run.status in ("cancelled", "expired")


def late_finish_of_another(installation, run):
    with pytest.raises(LeaseLost):
        installation.store.runs.finish(run.id, "another", RETRY)


def late_report(installation, run):
    with pytest.raises(LeaseLost):
        installation.store.runs.report(run.id, "t", progress="1", lines=["late"])


def late_renewal(installation, run):
    # what its holder has ended is no loss: that one's process is at the next run by now
    lost = [] if run.status in ("succeeded", "failed") else [run.id]
    assert installation.store.runs.renew([(run.id, "t")], lease=1) == (lost, [])
    assert installation.store.runs.get(run.id) == run


def late_cancel(installation, run):
    if run.status == "cancelled":
        assert runs.cancel(installation.dispatch, run.id) == run
    else:
        with pytest.raises(Conflict):
            runs.cancel(installation.dispatch, run.id)


def late_revoke_of_its_task(installation, run):
    if run.status == "cancelled":
        tasks.cancel(installation.dispatch, run.task_id)
    else:
        with pytest.raises(Conflict):
            tasks.cancel(installation.dispatch, run.task_id)


def late_postponement(installation, run):
    installation.store.runs.postpone(run.id, 1, delay=0, reason="nobody knows it")


def late_moment_of_a_retry(installation, run):
    member = f"r:{run.id}"
    with installation.server.client() as client:
        client.zadd(installation.store.keys.agenda(), {member: 1})
    advance(installation.dispatch, installation.store.agenda.due())
    with installation.server.client() as client:
        client.zadd(installation.store.keys.agenda(), {member: 1})
    step = NextAttempt(member=member, due=1, queue="default", message="{}", attempt=2)
    assert installation.store.agenda.commit([step]) == 0


def late_lapse_of_its_lease(installation, run):
    with installation.server.client() as client:
        client.zadd(installation.store.keys.leases(), {run.id: 1})
    assert reap(installation.dispatch) == 0
    gone = Failure(type="WorkerLost", message="gone")
    assert installation.store.agenda.reap([Reaped(id=run.id, lease=1, error=gone)]) == 0


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled", "expired"])
@pytest.mark.parametrize(
    "late",
    [
        late_start,
        late_finish_of_its_holder,
        late_finish_of_another,
        late_report,
        late_renewal,
        late_cancel,
        late_revoke_of_its_task,
        late_postponement,
        late_moment_of_a_retry,
        late_lapse_of_its_lease,
    ],
    ids=lambda late: late.__name__,
)
def test_nothing_reopens_a_run(installation, status, late):
    run = finished(installation, status)
    with installation.server.client() as client:
        before = client.hgetall(installation.store.keys.run(run.id))
        waiting = client.lrange("default\x06\x166", 0, -1)
        late(installation, run)
        assert client.hgetall(installation.store.keys.run(run.id)) == before
        assert client.lrange("default\x06\x166", 0, -1) == waiting
        assert client.zscore(installation.store.keys.leases(), run.id) is None
        assert client.zscore(installation.store.keys.agenda(), f"r:{run.id}") is None


def test_a_run_that_cannot_be_ended_comes_late_and_counts_for_nothing(installation, notes):
    # a pool of threads has no process to end
    worker = installation.worker("-P", "threads", "-c", "2")
    task_id = installation.create("waiting", payload={"seconds": 1.2})
    run = installation.reached(task_id, "running")
    cancelled = runs.cancel(installation.dispatch, run.id, terminate=True)
    installation.until(lambda: ["ends"] in notes(run.id))
    installation.until(lambda: f"Run {run.id}, attempt 1: " in worker.logs())
    assert installation.latest(task_id) == cancelled
    assert (cancelled.status, cancelled.result) == ("cancelled", None)


def test_a_retry_of_a_finished_run_is_a_run_of_its_own(installation):
    run = finished(installation, "failed")
    again = runs.retry(installation.dispatch, run.id)
    assert again.id != run.id
    assert (again.origin, again.retry_of, again.status) == ("retry", run.id, "queued")
    # it is no dead letter any more; nothing else of it has changed
    assert installation.store.runs.get(run.id) == msgspec.structs.replace(run, died_at=None)
