"""redis.wait_replicas over HTTP: what is answered with 201 is on a replica, or it is a 503."""

from __future__ import annotations

import pytest

from dispatch_api import create_app
from tests.api.calls import DAILY, LETTERS, RUNS, TASKS, finish, problem, start
from tests.api.conftest import new_dispatch
from tests.waiting import wait_for


@pytest.fixture
def replica(new_redis):
    primary = new_redis("--repl-diskless-sync-delay", "0")
    replica = new_redis("--replicaof", "127.0.0.1", str(primary.port))
    replica.primary = primary
    with replica.client() as client:
        wait_for(lambda: client.info()["master_link_status"] == "up", what="replication")
    return replica


@pytest.fixture
def client(replica):
    settings = {"REDIS_WAIT_REPLICAS": "1", "REDIS_WAIT_TIMEOUT": "200ms"}
    dispatch = new_dispatch(replica.primary.url, settings)
    yield create_app(dispatch).test_client()
    dispatch.store.close()


def test_who_asks_for_the_same_again_sees_it_confirmed(client, replica) -> None:
    body = {"type": "echo", "schedule": DAILY}
    key = {"Idempotency-Key": "once"}
    calls = [
        ("POST", TASKS, {"json": body, "headers": key}, 201),
        ("PUT", f"{TASKS}/mine", {"json": body}, 200),
        ("PATCH", f"{TASKS}/mine", {"json": {"priority": "low"}}, 200),
        ("POST", f"{TASKS}/mine/pause", {}, 200),
        ("DELETE", f"{TASKS}/mine", {}, 200),
    ]
    for method, path, sent, status in calls:
        with replica.frozen():
            for _ in range(2):
                answer = client.open(path, method=method, **sent)
                assert "It is stored" in problem(answer, 503, "not-confirmed"), path
                assert int(answer.headers["Retry-After"]) >= 1
        assert client.open(path, method=method, **sent).status_code == status
    assert len(client.get(TASKS).json["items"]) == 2


def test_who_asks_with_its_key_for_a_run_again_sees_it_confirmed_and_made_once(client, replica):
    client.put(f"{TASKS}/mine", json={"type": "echo", "schedule": DAILY})
    failed = client.post(f"{TASKS}/mine/trigger").json["id"]
    start(client.application.extensions["dispatch"], failed)
    finish(client.application.extensions["dispatch"], failed, "failed")
    window = {"start": "2024-01-01T00:00:00Z", "end": "2024-01-02T00:00:00Z"}
    paths = {
        f"{TASKS}/mine/trigger": {},
        f"{TASKS}/mine/backfill": window,
        # it is no dead letter any more when it is asked for again
        f"{LETTERS}/{failed}/replay": {},
        f"{RUNS}/{failed}/retry": {},
    }
    for number, (path, body) in enumerate(paths.items()):
        sent = {"json": body, "headers": {"Idempotency-Key": f"key-{number}"}}
        with replica.frozen():
            for _ in range(2):
                problem(client.post(path, **sent), 503, "not-confirmed")
        answer = client.post(path, **sent)
        assert answer.status_code == 201, path
        assert answer.headers["Idempotent-Replayed"] == "true"
        assert client.get(answer.headers["Location"]).json["id"] == answer.json["id"]
    assert len(client.get(RUNS).json["items"]) == 4
    assert len(client.get("/api/v1/backfills").json["items"]) == 1


def test_a_replay_without_a_key_is_made_and_not_found_again(client, replica):
    client.put(f"{TASKS}/mine", json={"type": "echo", "schedule": DAILY})
    failed = client.post(f"{TASKS}/mine/trigger").json["id"]
    start(client.application.extensions["dispatch"], failed)
    finish(client.application.extensions["dispatch"], failed, "failed")
    with replica.frozen():
        problem(client.post(f"{LETTERS}/{failed}/replay"), 503, "not-confirmed")
    problem(client.post(f"{LETTERS}/{failed}/replay"), 404, "not-found")
    assert client.get(RUNS).json["items"][0]["retry_of"] == failed


def test_what_is_refused_is_refused_whatever_the_replicas_have(client, replica):
    with replica.frozen():
        answer = client.post(f"{LETTERS}/none/replay", headers={"Idempotency-Key": "key"})
        problem(answer, 404, "not-found")


def test_a_replica_that_is_missing_is_said_where_one_looks_for_trouble(client, replica) -> None:
    replica.kill()
    told = "Redis has 0 replicas, and redis.wait_replicas asks for 1."
    wait_for(lambda: told in client.get("/readyz").json["problems"], what="the primary to miss it")
