"""A worker whose pool is stuck ends itself; one that is busy, idle or without Redis does not."""

from __future__ import annotations

import os
import signal
import time

import pytest

STUCK = {"WORKER_STUCK_AFTER": "2s"}


def outcomes(run) -> list[str]:
    return [attempt.outcome for attempt in run.attempts]


def begun(installation, seconds: float):
    """A run whose function has begun."""
    task_id = installation.create("waiting", payload={"seconds": seconds})
    run = installation.reached(task_id, "running")
    installation.until(lambda: installation.notes(run.id) == [["begins"]])
    return run


def test_a_worker_whose_processes_are_frozen_says_where_it_is_and_ends(installation):
    """Row 45."""
    worker = installation.worker("-c", "2", **STUCK)
    running = begun(installation, seconds=60)
    for child in worker.children:
        os.kill(child, signal.SIGSTOP)
    waiting = installation.create("add", payload={"x": 1})
    assert worker.wait(20) == os.EX_TEMPFAIL
    assert "Nothing has started for 2 s" in worker.logs()
    assert "worker/liveness.py" in worker.logs()  # a stack, of its own thread
    assert installation.store.workers.alive("worker") == {}
    handed_back = installation.latest(running.task_id)
    assert (handed_back.status, outcomes(handed_back)) == ("queued", ["handed_back"])
    # a supervisor starts another one, which takes both
    installation.worker("-c", "2", **STUCK)
    run = installation.finished(waiting)
    assert (run.status, outcomes(run)) == ("succeeded", ["succeeded"])
    assert installation.reached(running.task_id, "running").attempt == 1


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_worker_whose_slots_are_all_busy_is_not_stuck(installation, pool):
    worker = installation.worker("-P", pool, "-c", "1", "--prefetch-multiplier", "2", **STUCK)
    run = begun(installation, seconds=4)
    waiting = installation.create("add", payload={"x": 1})
    assert installation.finished(waiting).status == "succeeded"
    assert installation.latest(run.task_id).status == "succeeded"
    assert worker.exit_code is None


def test_a_worker_that_was_frozen_itself_is_not_stuck(installation):
    worker = installation.worker("-c", "2", **STUCK)
    task_id = installation.create("waiting", payload={"seconds": 0.5})
    installation.reached(task_id, "running")
    worker.kill_all("SIGSTOP")
    time.sleep(3)
    second = installation.create("add", payload={"x": 1})
    worker.kill_all("SIGCONT")
    assert installation.finished(second).status == "succeeded"
    assert worker.exit_code is None


def test_a_hard_limit_ends_a_run_whose_process_is_frozen(installation):
    """Its lease is renewed by the main process, so that nothing else would end it."""
    worker = installation.worker()
    task_id = installation.create("waiting", payload={"seconds": 60}, timeout=2_000, max_retries=0)
    installation.reached(task_id, "running")
    (child,) = worker.children
    os.kill(child, signal.SIGSTOP)
    run = installation.finished(task_id)
    assert (run.status, outcomes(run)) == ("failed", ["timed_out"])
    assert installation.run("add", payload={"x": 1}).result == 2


def test_a_redis_that_is_away_is_no_reason(new_redis, new_installation):
    server = new_redis()
    installation = new_installation(server)
    worker = installation.worker("-c", "2", WORKER_STUCK_AFTER="3s")
    children = worker.children
    for child in children:
        os.kill(child, signal.SIGSTOP)
    waiting = installation.create("add", payload={"x": 1})
    installation.until(lambda: worker.logs().count("received") == 1, "it to wait there")
    with server.frozen():
        time.sleep(5)
    for child in children:
        os.kill(child, signal.SIGCONT)
    assert installation.finished(waiting).status == "succeeded"
    assert worker.exit_code is None
