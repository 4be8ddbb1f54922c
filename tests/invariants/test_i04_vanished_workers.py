"""I4: a run whose worker vanished gets its next attempt, or its end, within one lease time."""

from __future__ import annotations

import pytest

from dispatch_app.domain.task import MAX_LOST
from dispatch_app.scheduler.dispatching import advance
from dispatch_app.scheduler.recovery import reap
from tests.domain.moments import HOUR

LEASE = 1_500  # three heartbeats of the tests' installation


def test_the_run_of_a_killed_worker_is_finished_by_another(installation):
    installation.beat(wait=False)
    victim, other = (installation.worker("-Q", f"q{n},default") for n in (1, 2))
    task_id = installation.create("waiting", payload={"seconds": 0.5}, queue="q1")
    installation.reached(task_id, "running")
    killed_at = installation.store.now()
    victim.kill_all("SIGKILL")
    run = installation.until(
        lambda: (r := installation.latest(task_id)).attempt == 2 and r, "the next attempt", 5
    )
    # one lease, and a look of the scheduler; it looks each half second
    assert run.queued_at - killed_at < LEASE + 1_500
    assert (run.attempts[0].outcome, run.lost, run.failures) == ("lost", 1, 0)
    installation.app.control.add_consumer("q1", destination=[f"{other.name}@127.0.0.1"])
    run = installation.finished(task_id)
    assert (run.status, [a.outcome for a in run.attempts]) == ("succeeded", ["lost", "succeeded"])


@pytest.mark.parametrize("lost", range(MAX_LOST + 1))
def test_a_run_is_given_up_after_its_last_lost_attempt(installation, lost):
    run = installation.latest(installation.create("add", payload={"x": 1}))
    for attempt in range(1, lost + 2):
        # one that was lost before waits a moment; here time passes at once
        advance(installation.dispatch, installation.store.agenda.due(now=run.queued_at + HOUR))
        installation.store.runs.start(run.id, attempt, token=f"t{attempt}", worker="w", lease=1)
        installation.until(lambda: reap(installation.dispatch) == 1)
    run = installation.store.runs.get(run.id)
    assert [attempt.outcome for attempt in run.attempts] == ["lost"] * (lost + 1)
    assert run.status == {0: "queued", MAX_LOST: "failed"}.get(lost, "retrying")
    assert run.failures == 0


def begun(installation, **fields):
    """A run that takes its time, and has begun."""
    task_id = installation.create("waiting", **fields)
    run = installation.reached(task_id, "running")
    installation.until(lambda: installation.notes(run.id) == [["begins"]])
    return run


@pytest.mark.parametrize("signal", ["SIGKILL", "SIGTERM"])
def test_a_run_that_may_not_be_started_twice_is_not(installation, signal):
    """Killed, its worker leaves a lease that lapses; told to shut down, it says itself that it cut
    the run off."""
    installation.beat(wait=False)
    leaving = installation.worker(app="tests.worker.quick_app", REMAP_SIGTERM="SIGQUIT")
    run = begun(installation, on_worker_lost="fail", max_retries=5)
    leaving.kill_all(signal)
    installation.worker()
    run = installation.finished(run.task_id)
    assert (run.status, run.lost, run.failures) == ("failed", 1, 0)
    assert [attempt.outcome for attempt in run.attempts] == ["lost"]
    assert run.reason.endswith("and it may not be started twice")
    # what was sent before comes first: if a message of that run were left, it would have begun
    assert installation.run("add", payload={"x": 1}).status == "succeeded"
    assert installation.notes(run.id) == [["begins"]]


def test_a_process_that_may_not_be_started_twice_ends_with_it(installation):
    installation.worker()
    run = installation.run("dying", on_worker_lost="fail", max_retries=5)
    assert (run.status, run.lost, run.failures) == ("failed", 1, 0)
    assert installation.run("add", payload={"x": 1}).status == "succeeded"


def test_what_died_beside_a_run_that_kills_its_worker_keeps_its_retries_and_finishes(installation):
    """In a pool without processes such a run takes the whole worker with it, each time."""
    installation.beat(wait=False)
    beside = [
        installation.create("waiting", payload={"seconds": 0.3}, max_retries=0, max_lost=10)
        for _ in range(3)
    ]
    poison = installation.create("dying", max_lost=1)
    for _ in range(2):
        # it may be gone before it says that it is ready
        installation.worker("-P", "threads", "-c", "4", wait=False).wait()
    run = installation.finished(poison)
    assert (run.status, run.lost, run.failures) == ("failed", 2, 0)
    assert installation.store.dead_letters.get(run.id) == run
    installation.worker("-P", "threads", "-c", "4")
    # a message that died with its worker in the midst of being taken is sent again after 30 s
    runs = [installation.finished(task_id, timeout=60) for task_id in beside]
    assert [(run.status, run.failures) for run in runs] == [("succeeded", 0)] * 3
    assert any(run.lost for run in runs)
