"""SIGTERM as platforms send it, in every pool: an end in time, and everything goes on elsewhere."""

from __future__ import annotations

import pytest

QUICK = "tests.worker.quick_app"  # with a grace period of a second
POOLS = ("prefork", "threads", "gevent", "solo")
#: s within which a worker is to be gone; its own grace period is one of them
IN_TIME = 10


def outcomes(run) -> list[str]:
    return [attempt.outcome for attempt in run.attempts]


@pytest.fixture
def busy(installation):
    """Pool -> (its worker, the task whose run it is in the midst of)."""
    workers = {
        pool: installation.worker("-P", pool, "-c", "2", "-Q", pool, app=QUICK, wait=False)
        for pool in POOLS
    }
    for worker in workers.values():
        worker.ready()
    tasks = {pool: installation.create("slow_at_first", queue=pool) for pool in POOLS}
    for task_id in tasks.values():
        run = installation.reached(task_id, "running")
        installation.until(lambda run=run: installation.notes(run.id) == [["begins"]])
    return {pool: (workers[pool], tasks[pool]) for pool in POOLS}


def test_a_busy_worker_hands_back_at_the_end_of_its_grace_and_is_gone(installation, busy):
    """Row 8; tests/worker/test_request.py has it for the main process alone."""
    # nobody has set REMAP_SIGTERM, and no beat is there to miss the workers
    for worker, _ in busy.values():
        worker.kill_all("SIGTERM")
    assert {pool: worker.wait(IN_TIME) for pool, (worker, _) in busy.items()} == dict.fromkeys(
        POOLS, 0
    )
    assert installation.store.workers.alive("worker") == {}
    other = installation.worker("-Q", ",".join(POOLS), app=QUICK)
    for pool, (worker, task_id) in busy.items():
        run = installation.finished(task_id)
        assert (run.status, outcomes(run)) == ("succeeded", ["handed_back", "succeeded"]), pool
        assert [a.worker.split("@")[0] for a in run.attempts] == [worker.name, other.name]
        assert (run.attempt, run.lost, run.failures) == (1, 0, 0)


@pytest.mark.parametrize("to_all", [False, True])
def test_a_function_that_catches_everything_does_not_keep_its_worker(installation, to_all):
    worker = installation.worker("-c", "2", app=QUICK)
    task_id = installation.create("stubborn_at_first")
    run = installation.reached(task_id, "running")
    installation.until(lambda: installation.notes(run.id) == [["begins"]])
    (worker.kill_all if to_all else worker.kill)("SIGTERM")
    assert worker.wait(IN_TIME) == 0
    with pytest.raises(ProcessLookupError):  # none of its processes is left behind
        worker.kill_all("SIGKILL")
    installation.worker(app=QUICK)
    run = installation.finished(task_id)
    assert (run.status, outcomes(run)) == ("succeeded", ["handed_back", "succeeded"])
    assert (run.attempt, run.lost, run.failures) == (1, 0, 0)


def test_what_ends_within_the_grace_is_not_handed_back(installation):
    workers = [installation.worker("-P", pool, "-Q", pool, app=QUICK, wait=False) for pool in POOLS]
    for worker in workers:
        worker.ready()
    tasks = [installation.create("waiting", payload={"seconds": 0.6}, queue=p) for p in POOLS]
    for task_id in tasks:
        installation.reached(task_id, "running")
    for worker in workers:
        worker.kill_all("SIGTERM")
    assert [worker.wait(IN_TIME) for worker in workers] == [0] * len(POOLS)
    runs = [installation.latest(task_id) for task_id in tasks]
    assert [(run.status, outcomes(run)) for run in runs] == [("succeeded", ["succeeded"])] * 4


def test_the_users_own_messages_go_back_too(installation, busy):
    for pool, (worker, _) in busy.items():
        if pool in ("threads", "gevent"):
            installation.app.send_task("slow_at_first", kwargs={"about": pool}, queue=pool)
            installation.until(lambda pool=pool: installation.notes(pool) == [["begins"]])
            worker.kill_all("SIGTERM")
            worker.wait(IN_TIME)
    installation.worker("-Q", "threads,gevent", app=QUICK)
    for pool in ("threads", "gevent"):
        installation.until(lambda pool=pool: len(installation.notes(pool)) == 2)


def test_a_warm_shutdown_keeps_the_leases_of_what_it_waits_for(installation):
    installation.beat(wait=False)
    worker = installation.worker(REMAP_SIGTERM="")  # as Celery has it: wait as long as it takes
    task_id = installation.create("waiting", payload={"seconds": 4})
    installation.reached(task_id, "running")
    worker.kill("SIGTERM")
    assert worker.wait() == 0
    run = installation.latest(task_id)
    assert (run.status, outcomes(run)) == ("succeeded", ["succeeded"])
    assert installation.notes(run.id) == [["begins"], ["ends"]]
