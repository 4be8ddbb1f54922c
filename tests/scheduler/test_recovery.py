"""Leases that lapsed."""

from __future__ import annotations

import pytest

from dispatch_app.domain.retry import TOO_LATE, RetryPolicy
from dispatch_app.scheduler.recovery import reap
from tests.invariants.broker import messages_of, queued_runs


def lapsed(installation, **fields):
    """A run whose lease has run out."""
    run = installation.latest(installation.create("add", payload={"x": 1}, **fields))
    lose(installation, run.id)
    return run


def lose(installation, run_id, attempt=1):
    """An attempt begins, and its lease runs out."""
    installation.store.runs.start(run_id, attempt, token="t", worker="w@host", lease=60_000)
    with installation.server.client() as client:
        client.zadd(installation.store.keys.leases(), {run_id: 1})


def test_a_live_lease_is_left_alone(installation):
    run = installation.latest(installation.create("add", payload={"x": 1}))
    installation.store.runs.start(run.id, 1, token="t", worker="w@host", lease=60_000)
    assert reap(installation.dispatch) == 0
    assert installation.latest(run.task_id).status == "running"


def test_a_lost_attempt_is_followed_by_the_next_with_its_message(installation):
    run = lapsed(installation)
    assert reap(installation.dispatch) == 1
    run = installation.store.runs.get(run.id)
    assert (run.status, run.attempt, run.lost, run.failures) == ("queued", 2, 1, 0)
    assert (run.attempts[0].outcome, run.attempts[0].worker) == ("lost", "w@host")
    assert messages_of(installation) == {(run.id, 1): 1, (run.id, 2): 1}
    assert queued_runs(installation) == {(run.id, 2): 1}


def test_two_schedulers_see_the_same_lapse(installation):
    run = lapsed(installation)
    read = installation.store.agenda.lapsed()
    assert reap(installation.dispatch) == 1
    assert [lease.id for lease in read] == [run.id]
    assert reap(installation.dispatch) == 0
    assert installation.store.runs.get(run.id).attempt == 2


def test_hundreds_at_once(installation):
    runs = [lapsed(installation) for _ in range(600)]
    assert reap(installation.dispatch) == 500
    assert reap(installation.dispatch) == 100
    assert queued_runs(installation) == {(run.id, 2): 1 for run in runs}


def test_a_record_that_cannot_be_read_ends_and_stops_no_other(installation):
    runs = [lapsed(installation) for _ in range(3)]
    with installation.server.client() as client:
        client.hset(installation.store.keys.run(runs[1].id), "def", "garbage")
    assert reap(installation.dispatch) == 3
    assert reap(installation.dispatch) == 0
    with installation.server.client() as client:
        status, error = client.hmget(installation.store.keys.run(runs[1].id), "status", "error")
    assert status == "failed"
    assert "Its definition is not one that this version reads" in error
    assert [installation.store.runs.get(runs[n].id).status for n in (0, 2)] == ["queued"] * 2


def test_what_may_not_be_started_twice_ends_at_once(installation):
    run = lapsed(installation, on_worker_lost="fail")
    assert reap(installation.dispatch) == 1
    run = installation.store.runs.get(run.id)
    assert (run.status, run.lost, run.failures) == ("failed", 1, 0)
    assert run.reason == "its worker's process vanished, and it may not be started twice"
    assert queued_runs(installation) == {}


def test_a_task_says_how_many_attempts_may_be_lost(installation):
    run = lapsed(installation, max_lost=0)
    assert reap(installation.dispatch) == 1
    assert installation.store.runs.get(run.id).status == "failed"


def test_one_that_was_lost_again_waits_a_moment_for_its_next_attempt(installation):
    run = lapsed(installation)
    reap(installation.dispatch)
    lose(installation, run.id, attempt=2)
    assert reap(installation.dispatch) == 1
    run = installation.store.runs.get(run.id)
    assert (run.status, run.lost, run.attempt) == ("retrying", 2, 2)
    waits = run.retry_at - run.attempts[-1].finished_at
    assert 0 <= waits < 2 * 3 * installation.dispatch.config.scheduler.heartbeat_interval


@pytest.mark.parametrize("lost", [1, 2])
def test_one_that_is_lost_after_its_deadline_is_not_followed_by_another_attempt(installation, lost):
    run = lapsed(installation, retry=RetryPolicy(deadline=59_999))
    for attempt in range(2, lost + 1):
        reap(installation.dispatch)
        lose(installation, run.id, attempt=attempt)
    with installation.server.client() as client:
        client.hincrby(
            installation.store.keys.run(run.id), "first" if lost > 1 else "queued", -60_000
        )
    assert reap(installation.dispatch) == 1
    run = installation.store.runs.get(run.id)
    assert (run.status, run.lost, run.failures) == ("failed", lost, 0)
    assert run.reason == TOO_LATE


def test_one_that_may_still_begin_before_its_deadline_is_followed(installation):
    run = lapsed(installation, retry=RetryPolicy(deadline=60_000))
    assert reap(installation.dispatch) == 1
    assert installation.store.runs.get(run.id).status == "queued"
