"""Who renews a lease, and what becomes of a run that is no longer its worker's."""

from __future__ import annotations

import os
import signal

import pytest

from dispatch_app.operations import runs

LEASE = 1_500  # three heartbeats of the tests' installation


def lapses_at(installation, run) -> int:
    """When the lease of a run ends, if nobody renews it; 0: there is none."""
    with installation.server.client() as client:
        return int(client.zscore(installation.store.keys.leases(), run.id) or 0)


def begun(installation, notes, *, seconds: float = 60):
    """A run whose function has begun."""
    task_id = installation.create("waiting", payload={"seconds": seconds})
    run = installation.reached(task_id, "running")
    installation.until(lambda: notes(run.id) == [["begins"]])
    return run


def outcomes(run) -> list[str]:
    return [attempt.outcome for attempt in run.attempts]


def test_the_main_process_renews_while_the_one_that_runs_stands_still(installation, notes):
    installation.beat(wait=False)
    worker = installation.worker()
    run = begun(installation, notes, seconds=0.5)
    (child,) = worker.children
    os.kill(child, signal.SIGSTOP)
    first = lapses_at(installation, run)
    installation.until(lambda: lapses_at(installation, run) > first + 2 * LEASE)
    os.kill(child, signal.SIGCONT)
    run = installation.finished(run.task_id)
    assert (run.status, outcomes(run), run.lost) == ("succeeded", ["succeeded"], 0)


def test_a_main_process_that_stands_still_renews_nothing(installation, notes):
    worker = installation.worker()
    run = begun(installation, notes)
    os.kill(worker.pid, signal.SIGSTOP)
    installation.until(lambda: lapses_at(installation, run) < installation.store.now())
    os.kill(worker.pid, signal.SIGCONT)
    # nobody has taken it meanwhile, so it is still the worker's
    installation.until(lambda: lapses_at(installation, run) > installation.store.now())
    assert installation.latest(run.task_id).attempt == 1


def test_a_function_that_lets_no_other_thread_run_keeps_its_lease(installation):
    """Row 24: it sleeps in C and holds the GIL for three leases; the main process has its own."""
    installation.beat(wait=False)
    installation.worker(app="tests.worker.rough_app")
    run = installation.run("holding_the_gil", payload={"seconds": 3 * LEASE / 1000})
    assert (run.status, outcomes(run), run.lost) == ("succeeded", ["succeeded"], 0)


def test_where_functions_run_in_the_main_process_such_a_one_loses_it(installation):
    """What docs/workers.md warns of."""
    installation.beat(wait=False)
    pools = ("threads", "gevent", "solo")
    for pool in pools:
        installation.worker("-P", pool, "-c", "1", "-Q", pool, app="tests.worker.rough_app")
    payload = {"seconds": 4 * LEASE / 1000}
    tasks = [installation.create("holding_the_gil", payload=payload, queue=p) for p in pools]
    for task_id in tasks:
        installation.until(lambda t=task_id: "lost" in outcomes(installation.latest(t)))


@pytest.mark.parametrize("pool", ["solo", "threads"])
def test_a_pool_without_processes_renews_as_well(installation, notes, pool):
    installation.beat(wait=False)
    installation.worker("-P", pool, "-c", "1")
    run = begun(installation, notes, seconds=2.5)
    run = installation.finished(run.task_id)
    assert (run.status, outcomes(run), run.lost) == ("succeeded", ["succeeded"], 0)


def test_a_run_that_waits_in_the_worker_is_no_loss(installation, notes):
    worker = installation.worker("--prefetch-multiplier", "2")
    first = begun(installation, notes, seconds=1.5)
    second = installation.create("add", payload={"x": 1})
    with installation.server.client() as client:
        # the worker has its message, but no lease
        installation.until(lambda: client.hlen("unacked") == 2)
    assert installation.status_of(second) == "queued"
    assert installation.finished(second).status == "succeeded"
    assert installation.latest(first.task_id).status == "succeeded"
    assert "was cancelled or given to another worker" not in worker.logs()


def test_a_run_that_ends_while_leases_are_renewed_is_no_loss(installation):
    """Its process is at another run by then, and would be ended in the midst of it."""
    number = 900  # a process of the pool is replaced after 1,000
    for _ in range(number):
        installation.create("add", payload={"x": 1})
    worker = installation.worker("-c", "2", SCHEDULER_HEARTBEAT_INTERVAL="100ms")
    children = worker.children
    succeeded = installation.store.keys.runs_by("status", "succeeded")
    with installation.server.client() as client:
        installation.until(lambda: client.zcard(succeeded) == number, timeout=60)
    assert worker.children == children
    assert "was cancelled or given to another worker" not in worker.logs()


def test_a_cancelled_run_is_ended_and_its_process_with_it(installation, notes):
    worker = installation.worker()
    run = begun(installation, notes)
    (child,) = worker.children
    cancelled = runs.cancel(installation.dispatch, run.id, terminate=True)
    installation.until(lambda: worker.children and worker.children != [child], "another process")
    assert installation.latest(run.task_id) == cancelled
    assert notes(run.id) == [["begins"]]
    assert installation.run("add", payload={"x": 1}).result == 2
    with installation.server.client() as client:
        installation.until(lambda: client.exists("unacked") == 0, "its message to be acknowledged")


def test_a_run_that_another_worker_has_by_now_is_ended_here_and_not_touched(installation, notes):
    worker = installation.worker()
    run = begun(installation, notes)
    (child,) = worker.children
    with installation.server.client() as client:
        client.hset(installation.store.keys.run(run.id), "token", "another worker's")
    installation.until(lambda: f"Run {run.id} was cancelled or given" in worker.logs())
    installation.until(lambda: worker.children and worker.children != [child], "another process")
    now = installation.latest(run.task_id)
    assert (now.status, now.attempt, now.reason) == ("running", 1, None)
