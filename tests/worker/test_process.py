"""`celery worker` as a process: how it ends, and what it says of itself."""

from __future__ import annotations

import time

import pytest

QUICK = "tests.worker.quick_app"


def outcomes(run) -> list[str]:
    return [attempt.outcome for attempt in run.attempts]


def test_it_announces_itself_and_its_types_and_says_goodbye(installation):
    worker = installation.worker("-Q", "a,b")
    (name, info) = next(iter(installation.store.workers.alive("worker").items()))
    assert name == f"{worker.name}@127.0.0.1"
    assert (info["pid"], info["concurrency"], info["queues"]) == (worker.pid, 1, ["a", "b"])
    types = {known.name: known for known in installation.store.types.all()}
    assert {"add", "whoami", "echo", "sleep"} <= set(types)
    assert types["add"].schema["required"] == ["x"]
    worker.kill("SIGTERM")
    assert worker.wait() == 0
    assert installation.store.workers.alive("worker") == {}


def test_a_warm_shutdown_lets_a_run_finish(installation):
    worker = installation.worker()
    task_id = installation.create("waiting", payload={"seconds": 0.6})
    installation.reached(task_id, "running")
    worker.kill("SIGTERM")
    assert worker.wait() == 0
    run = installation.latest(task_id)
    assert (run.status, outcomes(run)) == ("succeeded", ["succeeded"])


def test_a_paas_that_stops_all_processes_fails_no_run(installation):
    worker = installation.worker("-c", "2", app=QUICK, REMAP_SIGTERM="SIGQUIT")
    short = installation.create("waiting", payload={"seconds": 0.4})
    long = installation.create("waiting", payload={"seconds": 30})
    for task_id in (short, long):
        installation.reached(task_id, "running")
    began = time.monotonic()
    worker.kill_all("SIGTERM")
    worker.wait()
    assert time.monotonic() - began < 6
    assert installation.latest(short).status == "succeeded"
    handed_back = installation.latest(long)
    assert (handed_back.status, outcomes(handed_back)) == ("queued", ["handed_back"])
    assert (handed_back.attempt, handed_back.failures, handed_back.lost) == (1, 0, 0)
    # its message is back in the queue for the next worker
    installation.worker(app=QUICK)
    assert installation.reached(long, "running").attempt == 1


@pytest.mark.parametrize("pool", ["solo", "threads"])
def test_other_pools_run_what_prefork_runs(installation, pool):
    installation.beat(wait=False)
    installation.worker("-P", pool, wait=False)
    assert installation.run("add", payload={"x": 1}).result == 2
    assert outcomes(installation.run("autoretrying", payload={"failures": 1})) == [
        "retried",
        "succeeded",
    ]
    run = installation.run("whoami", payload={"greeting": "hello"})
    assert (run.status, run.log) == ("succeeded", ("hello", "second line"))


def test_a_run_longer_than_its_lease_keeps_it(installation):
    installation.beat(wait=False)
    installation.worker()
    run = installation.run("waiting", payload={"seconds": 2.5})
    assert (run.status, outcomes(run)) == ("succeeded", ["succeeded"])


@pytest.fixture
def patient(new_redis, new_installation):
    """An installation on a server of its own, which may stand still or go away."""
    server = new_redis("--appendonly", "yes", "--appendfsync", "always")
    return new_installation(server, SCHEDULER_HEARTBEAT_INTERVAL="1s")


def begun(installation, seconds: float):
    """A run whose function has begun, and has noted so: it asks the same server."""
    task_id = installation.create("waiting", payload={"seconds": seconds})
    run = installation.reached(task_id, "running")
    installation.until(lambda: installation.notes(run.id) == [["begins"]])
    return run


def test_a_worker_outlives_its_server_and_so_does_its_run(patient):
    patient.worker(wait=False)
    run = begun(patient, seconds=2)
    patient.server.kill()
    time.sleep(0.5)
    patient.server.start()
    run = patient.finished(run.task_id)
    assert (run.status, outcomes(run)) == ("succeeded", ["succeeded"])
    assert patient.run("add", payload={"x": 1}, queue="default").status == "succeeded"


def test_a_server_that_was_frozen_costs_a_run_nothing(patient):
    patient.environ["SCHEDULER_HEARTBEAT_INTERVAL"] = "500ms"  # frozen for longer than a lease
    patient.beat(wait=False)
    patient.worker()
    run = begun(patient, seconds=0.3)
    with patient.server.frozen():
        time.sleep(2.5)
    assert patient.finished(run.task_id).status == "succeeded"


def test_a_process_that_takes_its_time_to_end_is_replaced_as_soon_as_it_has(installation):
    installation.beat(wait=False)
    installation.worker(app="tests.worker.rough_app", wait=False)
    runs = [installation.run("parting") for _ in range(6)]
    assert {tuple(outcomes(run)) for run in runs} == {("lost", "succeeded")}
    gaps = [second.started_at - first.started_at for first, second in (r.attempts for r in runs)]
    # Celery's own look would come up to 5 s later
    assert max(gaps) < 2_500
