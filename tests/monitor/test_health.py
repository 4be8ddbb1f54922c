"""What is wrong, in words."""

from __future__ import annotations

import pytest

from dispatch_app.monitor.health import check, idle_workers, notes
from dispatch_app.store import Store
from dispatch_app.store.keys import Keys

NO_BEAT = "No beat seen: start one with `celery -A dispatch_app beat`."
NO_WORKER = "No worker seen: start one with `celery -A dispatch_app worker`."


@pytest.fixture
def store(redis_url):
    store = Store(redis_url)
    yield store
    store.close()


def test_nobody_is_there(store):
    assert check(store) == [NO_BEAT, NO_WORKER]


def test_all_is_well(store):
    store.workers.beat("scheduler", "beat@host", {}, ttl=60_000)
    assert check(store) == [NO_WORKER]
    store.workers.beat("worker", "worker@host", {}, ttl=60_000)
    assert check(store) == []
    store.workers.leave("scheduler", "beat@host")
    assert check(store) == [NO_BEAT]


def test_a_server_that_may_drop_keys_is_told(new_redis):
    server = new_redis("--maxmemory-policy", "allkeys-lru")
    store = Store(server.url)
    problem, *rest = check(store)
    assert "allkeys-lru" in problem
    assert rest == [NO_BEAT, NO_WORKER]
    store.close()


def test_a_server_that_is_full_is_told(new_redis):
    server = new_redis("--maxmemory", "1gb")
    store = Store(server.url)
    assert check(store) == [NO_BEAT, NO_WORKER]
    with server.client() as client:
        client.config_set("maxmemory", 1)
    problem, *rest = check(store)
    assert "Redis is full and takes no writes" in problem
    assert "maxmemory is 1. Raise it" in problem
    assert rest == [NO_BEAT, NO_WORKER]
    with server.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
    assert "may throw tasks away" in check(store)[0]
    assert len(check(store)) == 3
    store.close()


@pytest.mark.parametrize("name", ["beats:worker", "beats:scheduler", "paused", "agenda"])
def test_a_key_that_holds_something_else_is_told(store, name):
    store.client.set(f"{store.keys.prefix}{name}", "x")
    (line,) = check(store)
    assert line.startswith(f"The key {{dispatch}}:{name} in Redis holds a string in place of a ")


def test_every_key_that_there_is_one_of_is_looked_at(store):
    keys = store.keys
    plain = [value for value in vars(Keys).values() if value.__class__.__name__ == "function"]
    alone = [each for each in plain if each.__code__.co_varnames == ("self",)]
    names = {each(keys) for each in alone} - {keys.wake()}  # a channel
    for name in names:
        store.client.delete(name)
        store.client.hset(name, "x", "x")
    hashes = {keys.types(), keys.paused(), keys.calendars(), keys.replans(), keys.audit()}
    assert {line.split()[2] for line in store.misfits()} == names - hashes


def test_a_server_that_is_away_is_the_only_trouble_told(new_redis):
    server = new_redis()
    store = Store(server.url)
    server.kill()
    (problem,) = check(store)
    assert "Redis does not answer" in problem
    store.close()


def test_that_everything_is_paused_is_worth_knowing_and_no_trouble(store):
    before = check(store)
    store.pauses.pause("queue:default", "ci")
    assert notes(store) == []
    store.pauses.pause("all", "ci", "moving house")
    assert notes(store) == ["Everything is paused by ci: moving house."]
    assert check(store) == before


def served(installation, idle_for: int) -> None:
    """A worker that says this of itself."""
    info = {"queues": ["default"], "idle_for": idle_for}
    installation.store.workers.beat("worker", "w@host", info, ttl=60_000)


def test_a_worker_that_takes_nothing_although_it_could_is_told(installation):
    """Row 5; tests/worker/test_announce.py has it with a worker that does so."""
    store = installation.store
    run = installation.latest(installation.create("echo"))
    installation.create("echo", queue="mail")
    installation.until(lambda: store.now() > run.queued_at + 10)
    served(installation, 11)
    (line,) = idle_workers(store, patience=10)
    assert line.startswith("The worker w@host has a free slot and takes nothing from the queue")
    assert idle_workers(store, patience=11) == []  # it has not been idle for longer
    assert idle_workers(store) == notes(store) == []
    served(installation, 3_600_000)
    assert idle_workers(store) == []  # the run has not
    with installation.server.client() as client:
        client.zadd(store.keys.agenda(), {f"r:{run.id}": store.now() + 60_000})
    assert idle_workers(store, patience=10) == []  # its message is yet to be sent
