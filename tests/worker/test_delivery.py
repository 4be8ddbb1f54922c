"""Messages that a worker holds and has not acknowledged: while it lives, and when it does not."""

from __future__ import annotations

import pytest

from tests.proxy import Proxy

ROUGH = "tests.worker.rough_app"
QUEUE = "default\x06\x166"


def outcomes(run) -> list[str]:
    return [attempt.outcome for attempt in run.attempts]


def begun(installation, seconds: float):
    """A run whose function has begun."""
    task_id = installation.create("waiting", payload={"seconds": seconds})
    run = installation.reached(task_id, "running")
    installation.until(lambda: installation.notes(run.id) == [["begins"]])
    return run


def refused(*workers) -> int:
    return sum(worker.logs().count("is not started here") for worker in workers)


def test_what_takes_longer_than_the_visibility_timeout_is_delivered_once(installation):
    workers = [installation.worker(app=ROUGH, VISIBILITY_S="1.5", wait=False) for _ in range(3)]
    installation.app.send_task("waiting", kwargs={"seconds": 5, "about": "own"}, queue="default")
    run = begun(installation, seconds=5)
    run = installation.finished(run.task_id)
    installation.until(lambda: len(installation.notes("own")) == 2)
    assert (run.status, outcomes(run)) == ("succeeded", ["succeeded"])
    assert installation.notes(run.id) == installation.notes("own") == [["begins"], ["ends"]]
    assert refused(*workers) == 0
    with installation.server.client() as client:
        installation.until(lambda: client.exists("unacked", "unacked_index") == 0)


def test_a_delivery_too_many_finds_the_lease_and_is_dropped(installation):
    """Row 2: nobody speaks for the message here, as the heartbeat is longer than the timeout."""
    environ = {"VISIBILITY_S": "1", "SCHEDULER_HEARTBEAT_INTERVAL": "20s"}
    workers = [installation.worker(app=ROUGH, wait=False, **environ) for _ in range(3)]
    run = begun(installation, seconds=5)
    installation.until(lambda: refused(*workers) > 0, "a second delivery")
    # nobody is kept busy by it
    assert installation.run("add", payload={"x": 1}).result == 2
    run = installation.finished(run.task_id)
    assert (run.status, outcomes(run)) == ("succeeded", ["succeeded"])
    assert installation.notes(run.id) == [["begins"], ["ends"]]


def test_a_second_delivery_that_waits_behind_the_first_costs_it_no_lease(installation):
    installation.beat(wait=False)
    worker = installation.worker("--prefetch-multiplier", "4")
    task_id = installation.create("waiting", payload={"seconds": 3})
    with installation.server.client() as client:
        message = installation.until(lambda: next(iter(client.hvals("unacked")), None))
        message = client.eval("return cjson.encode(cjson.decode(ARGV[1])[1])", 0, message)
        run = installation.reached(task_id, "running")
        client.lpush(QUEUE, message, message)
        installation.until(lambda: worker.logs().count("received") == 3)
    run = installation.finished(task_id)
    assert (run.status, outcomes(run), run.lost) == ("succeeded", ["succeeded"], 0)
    assert installation.notes(run.id) == [["begins"], ["ends"]]
    installation.until(lambda: refused(worker) == 2)


@pytest.fixture
def proxy(installation):
    proxy = Proxy(installation.server.port)
    yield proxy
    proxy.close()


@pytest.mark.parametrize("fate", ["SIGKILL", "SIGSTOP", "cut off"])
def test_what_a_worker_had_fetched_comes_back_when_it_is_gone(installation, proxy, fate):
    environ = {"VISIBILITY_S": "2", "REDIS_URL": proxy.url}
    worker = installation.worker("--prefetch-multiplier", "2", app=ROUGH, **environ)
    begun(installation, seconds=60)
    fetched = installation.create("add", payload={"x": 1})
    with installation.server.client() as client:
        installation.until(lambda: client.hlen("unacked") == 2)
    if fate == "cut off":
        proxy.refuse = True
        proxy.cut()
    else:
        worker.kill_all(fate)
    installation.worker(app=ROUGH, VISIBILITY_S="2")
    run = installation.finished(fetched)
    assert (run.status, outcomes(run)) == ("succeeded", ["succeeded"])


@pytest.mark.soak
def test_what_a_killed_worker_had_fetched_comes_back_within_a_minute(installation):
    """With the defaults; no beat sends it again."""
    installation.environ["SCHEDULER_HEARTBEAT_INTERVAL"] = "5s"
    worker = installation.worker("--prefetch-multiplier", "2")
    begun(installation, seconds=600)
    fetched = installation.create("add", payload={"x": 1})
    with installation.server.client() as client:
        installation.until(lambda: client.hlen("unacked") == 2)
    worker.kill_all("SIGKILL")
    installation.worker("-c", "2")
    run = installation.finished(fetched, timeout=60)
    assert (run.status, outcomes(run)) == ("succeeded", ["succeeded"])


def test_a_long_run_holds_no_short_ones_back(installation):
    """Row 38: a busy worker with a free slot beside the long run, and a second worker."""
    first = installation.worker("-c", "2")
    begun(installation, seconds=30)
    second = installation.worker("-c", "2")
    shorts = [installation.create("sleep", payload={"seconds": 0.1}) for _ in range(20)]
    runs = [installation.finished(task_id) for task_id in shorts]
    assert {run.status for run in runs} == {"succeeded"}
    assert {run.attempts[0].worker.split("@")[0] for run in runs} <= {first.name, second.name}
    # none has waited for the long one
    assert max(run.finished_at - run.queued_at for run in runs) < 15_000
