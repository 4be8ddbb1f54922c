"""Rows 17 and 35: what is far ahead costs a worker nothing; a server that may drop keys is told."""

from __future__ import annotations

import msgspec
import psutil
import pytest

from dispatch_api import create_app
from dispatch_app.domain.schedule import Once
from dispatch_app.domain.task import Task
from dispatch_app.store.codec import encode_task, listings_of
from dispatch_app.store.scripts import source

MANY = 100_000
HOUR = 3_600_000


def schedule_many(installation) -> None:
    """Store tasks for the time from an hour from now on, a thousand calls of `create` a trip."""
    later = installation.store.now() + HOUR
    task = Task(type="add", payload={"x": 1}, queue="default", schedule=Once(start_time=later))
    made = {"def": encode_task(task), "type": "add", "once": True, "status": "scheduled",
            "indexes": listings_of(task)}  # fmt: skip
    with installation.server.client() as client:
        create = client.register_script(source("create"))
        for first in range(0, MANY, 1_000):
            with client.pipeline(transaction=False) as pipe:
                for number in range(first, first + 1_000):
                    new = {**made, "id": f"task-{number}", "next": later + number}
                    keys = [installation.store.keys.prefix]
                    create(keys=keys, args=[msgspec.msgpack.encode(new)], client=pipe)
                pipe.execute()


def memory_of(worker) -> int:
    """Bytes that the processes of a worker hold for themselves."""
    family = [worker.pid, *worker.children]
    return sum(psutil.Process(pid).memory_full_info().uss for pid in family)


def work_a_little(installation) -> None:
    created = [installation.create("add", payload={"x": number}) for number in range(100)]
    for task_id in created:
        assert installation.finished(task_id).status == "succeeded"


def test_a_hundred_thousand_future_runs_cost_no_worker_anything(installation):
    installation.beat(wait=False)
    worker = installation.worker()
    work_a_little(installation)
    before = memory_of(worker)
    schedule_many(installation)
    work_a_little(installation)
    assert memory_of(worker) - before < 5 * 2**20
    with installation.server.client() as client:
        assert client.zcard(installation.store.keys.agenda()) == MANY
        # nothing of them is in the broker; what has ended is acknowledged a moment later
        assert client.llen("default\x06\x166") == 0
        installation.until(lambda: client.exists("unacked", "unacked_index") == 0)


@pytest.fixture
def evicting(new_redis, new_installation):
    return new_installation(new_redis("--maxmemory-policy", "allkeys-lru"))


def test_a_server_that_may_drop_keys_is_told_by_every_process(evicting):
    processes = [evicting.beat(), evicting.worker()]
    told = "Redis may throw tasks away (maxmemory-policy allkeys-lru): set it to noeviction."
    for process in processes:
        assert [line for line in process.logs().splitlines() if told in line]
    answer = create_app(evicting.dispatch).test_client().get("/readyz")
    assert answer.status_code == 503
    assert told in answer.text
    with evicting.server.client() as client:
        client.config_set("maxmemory-policy", "noeviction")
    assert create_app(evicting.dispatch).test_client().get("/readyz").status_code == 200
