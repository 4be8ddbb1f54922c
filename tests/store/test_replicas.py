"""redis.wait_replicas: what a client is told of is on so many replicas, or it is told that not."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, TimeoutError
from contextlib import nullcontext

import pytest

from dispatch_app.domain.errors import NotConfirmed, RevisionMismatch
from dispatch_app.store import Store
from dispatch_app.store.answers import Idempotency
from dispatch_app.store.scripts import TOLD, Replicas
from dispatch_app.store.tasks import Beginning
from tests.conventions.repository import scripts
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.store.scene import HOURLY, NOW
from tests.waiting import wait_for

LATER = Beginning(next_run_at=NOW)


@pytest.fixture
def primary(new_redis) -> RedisServer:
    return new_redis("--repl-diskless-sync-delay", "0")


@pytest.fixture
def replica(new_redis, primary) -> RedisServer:
    replica = new_redis("--replicaof", "127.0.0.1", str(primary.port))
    with replica.client() as client:
        wait_for(lambda: client.info()["master_link_status"] == "up", what="replication")
    return replica


@pytest.fixture
def store(primary, replica):
    store = Store(primary.url, replicas=Replicas(1, 300))
    yield store
    store.close()


@pytest.fixture
def patient_store(primary, replica):
    store = Store(primary.url, replicas=Replicas(1, 10_000))
    yield store
    store.close()


def create(store: Store, task_id: str, **options) -> None:
    store.tasks.create(task_id, HOURLY, LATER, **options)


def test_a_call_returns_when_the_replica_has_what_was_stored(patient_store, primary, replica):
    store = patient_store
    create(store, "before")
    with ThreadPoolExecutor(1) as pool, replica.client() as there:
        with replica.frozen():
            asked = pool.submit(create, store, "t")
            with primary.client() as here:
                wait_for(lambda: here.exists(store.keys.task("t")), what="the primary to have it")
            with pytest.raises(TimeoutError):
                asked.result(0.2)
        asked.result()
        # whatever is not sent by now never will be
        primary.kill()
        assert there.exists(store.keys.task("t"))


def test_a_script_that_the_server_has_forgotten_is_loaded_again(store):
    create(store, "one")
    store.client.script_flush()
    create(store, "two")
    assert store.tasks.get("two").status == "scheduled"


def test_who_asks_while_the_replica_is_frozen_is_told_and_may_ask_again(store, replica):
    idempotency = Idempotency("key", "fingerprint")
    with replica.frozen():
        for _ in range(2):
            # the second time there is nothing left to do, and still nobody has it
            with pytest.raises(NotConfirmed, match="It is stored, but only 0 of 1 replicas"):
                create(store, "t", idempotency=idempotency)
        before = store.tasks.get("t")
        with pytest.raises(NotConfirmed):
            store.tasks.confirm(before)
    create(store, "t", idempotency=idempotency)
    store.tasks.confirm(before)
    with replica.client() as there:
        assert there.exists(store.keys.task("t"))
    store.tasks.update(before, HOURLY, "keep", status=None)
    with pytest.raises(RevisionMismatch):
        store.tasks.confirm(before)


def test_nobody_waits_unless_it_was_asked_for(primary, replica):
    store = Store(primary.url)
    try:
        with replica.frozen():
            began = time.monotonic()
            create(store, "t")
            store.tasks.confirm(store.tasks.get("t"))
            assert time.monotonic() - began < 0.4
    finally:
        store.close()


@pytest.mark.parametrize("asked", [0, 1])
def test_what_a_failover_loses_is_known_only_where_replicas_were_asked(primary, new_redis, asked):
    proxy = Proxy(primary.port)
    replica = new_redis("--replicaof", "127.0.0.1", str(proxy.port))
    store = Store(primary.url, replicas=Replicas(asked, 100))
    try:
        with replica.client() as there:
            wait_for(lambda: there.info()["master_link_status"] == "up", what="replication")
            create(store, "before")
            wait_for(lambda: there.exists(store.keys.task("before")), what="the replica to have it")
            proxy.refuse = True
            proxy.cut()
            with pytest.raises(NotConfirmed) if asked else nullcontext():
                create(store, "t")
            primary.kill()
            there.replicaof("NO", "ONE")
            assert there.exists(store.keys.task("before"))
            assert not there.exists(store.keys.task("t"))
    finally:
        store.close()
        proxy.close()


def test_too_few_replicas_are_a_problem_of_the_server(store, replica):
    assert store.problems() == []
    replica.kill()
    told = "Redis has 0 replicas, and redis.wait_replicas asks for 1."
    wait_for(lambda: store.problems() == [told], what="the primary to miss its replica")


def test_what_clients_are_told_of_are_scripts():
    assert {path.stem for path in scripts()} >= TOLD
