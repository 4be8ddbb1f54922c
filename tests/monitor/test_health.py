"""What is wrong, in words."""

from __future__ import annotations

import pytest

from dispatch_app.monitor.health import check, notes
from dispatch_app.store import Store

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
