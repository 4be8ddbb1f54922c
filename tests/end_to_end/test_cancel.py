"""Row 18: a cancellation is kept in Redis, not in a worker's memory. What has not begun never does;
what runs is asked to end, and is ended after a grace, in every pool."""

from __future__ import annotations

import psutil
import pytest

from dispatch_api import create_app
from dispatch_app.store.runs import Outcome

POOLS = ("prefork", "threads", "gevent", "solo")


@pytest.fixture
def cancel(installation):
    """Cancels a run as a caller of the API does; gives the status and the body of the answer."""
    client = create_app(installation.dispatch).test_client()

    def post(run, **body):
        answer = client.post(f"/api/v1/runs/{run.id}/cancel", json=body)
        return answer.status_code, answer.json

    return post


@pytest.fixture
def begun(installation):
    """Starts a task; gives its run when its function has begun."""

    def begin(type: str, **fields):
        run = installation.reached(installation.create(type, **fields), "running")
        installation.until(lambda: installation.notes(run.id), "its function to begin")
        return run

    return begin


def told(installation, run) -> list[object]:
    return [note for note, *_ in installation.notes(run.id)]


def outcomes(run) -> list[str]:
    return [attempt.outcome for attempt in run.attempts]


def asked(answer) -> bool:
    status, run = answer
    assert bool(run["cancel_requested_at"]) is (status == 202)
    return (status, run["status"]) == (202, "running")


# What has not begun


@pytest.mark.parametrize("pool", POOLS)
def test_a_run_that_is_cancelled_while_no_worker_is_up_never_runs(installation, cancel, pool):
    first, second = (installation.create("waiting", payload={"seconds": 0}) for _ in range(2))
    run = installation.latest(first)
    status, answer = cancel(run, reason="nobody needs it")
    assert (status, answer["status"], answer["reason"]) == (200, "cancelled", "nobody needs it")
    installation.worker("-P", pool, "-c", "1")
    # its message lies before that of the other one
    assert installation.finished(second).status == "succeeded"
    with installation.server.client() as client:
        installation.until(lambda: client.exists("unacked") == 0, "both to be acknowledged")
    run = installation.store.runs.get(run.id)
    assert (run.status, run.attempts, told(installation, run)) == ("cancelled", (), [])


def test_a_retry_that_is_cancelled_while_all_are_down_never_comes(installation, cancel):
    worker = installation.worker()
    task_id = installation.create("counting_down", payload={"countdown": 1})
    run = installation.reached(task_id, "retrying")
    worker.remove()
    assert cancel(run)[0] == 200
    installation.beat()
    installation.worker()
    installation.until(lambda: installation.store.now() > run.retry_at, "its moment")
    assert installation.run("add", payload={"x": 1}).status == "succeeded"
    run = installation.store.runs.get(run.id)
    assert (run.status, outcomes(run)) == ("cancelled", ["retried"])


# What runs, and heeds


@pytest.mark.parametrize("pool", POOLS)
def test_a_function_that_asks_learns_of_it_in_every_pool(installation, cancel, begun, pool):
    worker = installation.worker("-P", pool, "-c", "2")
    run = begun("heeding")
    assert asked(cancel(run, grace=60, reason="too dear"))
    run = installation.finished(run.task_id)
    assert (run.status, run.reason, run.result) == ("cancelled", "too dear", "tidied up")
    assert outcomes(run) == ["cancelled"]
    how = told(installation, run)[-1]
    # a process of prefork is interrupted as well, whichever comes first
    assert how == "is told" or (pool, how) == ("prefork", "is interrupted")
    assert installation.run("add", payload={"x": 1}).status == "succeeded"
    assert "Traceback" not in worker.logs()


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_it_is_told_soon_however_rare_heartbeats_are(installation, cancel, begun, pool):
    installation.environ["SCHEDULER_HEARTBEAT_INTERVAL"] = "60s"
    worker = installation.worker("-P", pool, "-c", "1")
    run = begun("tidying" if pool == "prefork" else "heeding")
    assert asked(cancel(run, grace=3_600))
    assert installation.finished(run.task_id).status == "cancelled"
    if pool == "prefork":
        run = begun("stubborn")
        (child,) = worker.children
        assert cancel(run, terminate=True)[0] == 200
        installation.until(lambda: not psutil.pid_exists(child), "its process to go")


def test_a_cancelled_task_asks_all_its_runs_to_end(installation, begun):
    client = create_app(installation.dispatch).test_client()
    installation.worker("-c", "1")
    run = begun("tidying")
    waits = client.post(f"/api/v1/tasks/{run.task_id}/trigger").json
    task = client.delete(f"/api/v1/tasks/{run.task_id}").json
    assert task["status"] == "cancelled"
    assert installation.store.runs.get(waits["id"]).status == "cancelled"
    ended = installation.until(
        lambda: (r := installation.store.runs.get(run.id)).is_finished and r, "its end"
    )
    assert (ended.status, ended.result) == ("cancelled", "tidied up")
    assert client.get(f"/api/v1/tasks/{run.task_id}").json["status"] == "cancelled"


# What runs, and does not heed


@pytest.mark.parametrize("deaf", ["stubborn", "deaf"])
def test_the_process_of_one_that_does_not_heed_is_gone_after_the_grace(
    installation, cancel, begun, deaf
):
    installation.beat(wait=False)
    worker = installation.worker("-c", "1")
    run = begun(deaf)
    (child,) = worker.children
    assert asked(cancel(run, grace=0.7))
    installation.until(lambda: "is told" in told(installation, run), "it to be asked")
    run = installation.finished(run.task_id)
    assert (run.status, outcomes(run), run.lost) == ("cancelled", ["cancelled"], 0)
    assert run.finished_at - run.cancel_requested_at >= 700
    installation.until(lambda: not psutil.pid_exists(child), "its process to go")
    assert installation.run("add", payload={"x": 1}).status == "succeeded"
    assert installation.store.runs.get(run.id) == run


def test_one_that_is_terminated_is_gone_at_once_and_needs_no_beat(installation, cancel, begun):
    worker = installation.worker("-c", "1")
    run = begun("deaf")
    (child,) = worker.children
    assert asked(cancel(run, grace=3_600))
    status, answer = cancel(run, terminate=True)
    assert (status, answer["status"]) == (200, "cancelled")
    installation.until(lambda: not psutil.pid_exists(child), "its process to go")
    assert installation.run("add", payload={"x": 1}).status == "succeeded"


@pytest.mark.parametrize("pool", ["threads", "gevent", "solo"])
def test_a_pool_without_processes_fences_it_and_says_so_once(installation, cancel, begun, pool):
    installation.beat(wait=False)
    worker = installation.worker("-P", pool, "-c", "2", SCHEDULER_HEARTBEAT_INTERVAL="200ms")
    run = begun("waiting", payload={"seconds": 3})
    assert asked(cancel(run, grace=0.2))
    run = installation.finished(run.task_id)
    installation.until(lambda: told(installation, run) == ["begins", "ends"])
    assert installation.run("add", payload={"x": 1}).status == "succeeded"
    assert worker.logs().count("This pool cannot end it") == 1
    assert installation.store.runs.get(run.id) == run
    assert (run.status, run.result) == ("cancelled", None)


# Restarts


@pytest.mark.parametrize("then", ["SIGCONT", "SIGKILL"])
def test_one_whose_worker_is_frozen_is_cancelled_and_never_runs_again(
    installation, cancel, begun, then
):
    frozen = installation.worker("-c", "1")
    run = begun("tidying", max_retries=5)
    frozen.kill_all("SIGSTOP")
    assert asked(cancel(run))
    installation.beat(wait=False)
    installation.worker("-c", "1")
    ended = installation.finished(run.task_id)
    assert (ended.status, ended.reason) == ("cancelled", "cancelled by request")
    if then == "SIGKILL":
        frozen.kill_all(then)
    else:
        children = frozen.children
        frozen.kill_all(then)
        installation.until(lambda: not psutil.pid_exists(children[0]), "its process to go")
    assert installation.run("add", payload={"x": 1}).status == "succeeded"
    assert installation.store.runs.get(run.id) == ended
    assert len(ended.attempts) == 1
    assert told(installation, run).count("begins") == 1


def test_one_whose_worker_is_replaced_meanwhile_is_cancelled(installation, cancel, begun):
    leaving = installation.worker("-c", "1", REMAP_SIGTERM="SIGQUIT")
    run = begun("stubborn")
    assert asked(cancel(run, grace=3_600))
    leaving.kill_all("SIGTERM")
    leaving.wait()
    installation.worker("-c", "1")
    assert installation.run("add", payload={"x": 1}).status == "succeeded"
    run = installation.store.runs.get(run.id)
    assert (run.status, outcomes(run)) == ("cancelled", ["cancelled"])
    assert told(installation, run).count("begins") == 1


def test_redis_and_beat_may_be_restarted_meanwhile(new_redis, new_installation):
    server = new_redis("--appendonly", "yes", "--appendfsync", "always")
    installation = new_installation(server)
    beat = installation.beat()
    store = installation.store.runs
    first, second = (installation.latest(installation.create("add")) for _ in range(2))
    for run in (first, second):
        store.start(run.id, 1, token="t", worker="w@host", lease=600_000)
        store.cancel(run.id, "by hand", 2_000 if run == first else 600_000)
    beat.remove()
    server.kill()
    server.start()
    assert store.get(first.id).cancel_reason == "by hand"
    # the worker of the second one is alive, and ends it
    outcome = Outcome(status="retrying", outcome="retried", failures=1, delay=0)
    assert store.finish(second.id, "t", outcome) == "cancelled"
    installation.beat()
    ended = installation.finished(first.task_id)
    assert (ended.status, ended.reason) == ("cancelled", "by hand")
