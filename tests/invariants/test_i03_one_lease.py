"""I3: at most one attempt of a run holds a lease; only its holder can finish it."""

from __future__ import annotations

import os
import signal

import pytest

from dispatch_app.domain.errors import LeaseLost
from dispatch_app.scheduler.recovery import reap
from dispatch_app.store.runs import Outcome

SUCCESS = Outcome(status="succeeded", outcome="succeeded", result='"mine"')


def leased(installation, token="first", lease=60_000):
    """A new run that is running under this token."""
    run = installation.latest(installation.create("add", payload={"x": 1}))
    installation.store.runs.start(run.id, 1, token=token, worker="w", lease=lease)
    return installation.store.runs.get(run.id)


def lapse(installation, run) -> None:
    """Let the lease of a run have ended in the past, and have the scheduler see it."""
    with installation.server.client() as client:
        client.zadd(installation.store.keys.leases(), {run.id: 1})
    assert reap(installation.dispatch) == 1


def test_two_deliveries_of_one_message_run_it_once(installation, notes):
    task_id = installation.create("waiting", payload={"seconds": 0.7})
    run = installation.latest(task_id)
    with installation.server.client() as client:
        queue = "default\x06\x166"
        message = client.lindex(queue, 0)
        client.lpush(queue, message, message)
    first, second = (installation.worker("-c", "2", wait=False) for _ in range(2))
    assert installation.finished(task_id).status == "succeeded"
    run = installation.latest(task_id)
    assert [attempt.outcome for attempt in run.attempts] == ["succeeded"]
    assert notes(run.id) == [["begins"], ["ends"]]
    said = [
        line.rpartition("is not started here: ")[2]
        for line in (first.logs() + second.logs()).splitlines()
        if "is not started here" in line
    ]
    assert len(said) == 2
    assert set(said) <= {"held", "finished"}


def test_of_two_that_ask_at_once_one_gets_the_lease(installation):
    run = installation.latest(installation.create("add", payload={"x": 1}))
    start = installation.store.runs.start
    lease = start(run.id, 1, token="first", worker="a", lease=60_000)
    assert lease.token == "first"
    assert start(run.id, 1, token="second", worker="b", lease=60_000) == "HELD"
    # whoever lost the answer may ask again
    assert start(run.id, 1, token="first", worker="a", lease=60_000) == lease


def test_a_stale_token_can_do_nothing(installation):
    run = leased(installation)
    lapse(installation, run)
    store = installation.store.runs
    lease = store.start(run.id, 2, token="second", worker="v", lease=60_000)
    before = installation.latest(run.task_id)
    with pytest.raises(LeaseLost):
        store.finish(run.id, "first", SUCCESS)
    with pytest.raises(LeaseLost):
        store.report(run.id, "first", progress="1", lines=["still here"])
    assert store.renew([(run.id, "first")], lease=60_000) == ([run.id], [])
    assert store.renew([(run.id, "second")], lease=60_000) == ([], [])
    assert installation.latest(run.task_id) == before
    store.finish(run.id, lease.token, SUCCESS)
    assert installation.latest(run.task_id).status == "succeeded"


def test_an_old_attempts_message_starts_nothing(installation):
    run = leased(installation)
    lapse(installation, run)
    start = installation.store.runs.start
    assert start(run.id, 1, token="late", worker="w", lease=1_000) == "STALE"
    assert installation.latest(run.task_id).status == "queued"
    assert start(run.id, 2, token="next", worker="w", lease=1_000).attempt == 2


def test_a_worker_that_was_frozen_beyond_its_lease_finishes_nothing(installation, notes):
    installation.beat(wait=False)
    frozen = installation.worker()
    task_id = installation.create("waiting", payload={"seconds": 3})
    run = installation.reached(task_id, "running")
    installation.until(lambda: notes(run.id) == [["begins"]])
    os.killpg(frozen.pid, signal.SIGSTOP)
    other = installation.worker()
    installation.until(lambda: len(notes(run.id)) == 2, "the second attempt to begin")
    os.killpg(frozen.pid, signal.SIGCONT)
    installation.until(lambda: f"Run {run.id} was cancelled or given" in frozen.logs())
    run = installation.finished(task_id)
    assert [(a.outcome, a.worker.split("@")[0]) for a in run.attempts] == [
        ("lost", frozen.name),
        ("succeeded", other.name),
    ]
    assert (run.status, run.result) == ("succeeded", "done")
    assert notes(run.id) == [["begins"], ["begins"], ["ends"]]
