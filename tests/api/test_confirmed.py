"""redis.wait_replicas over HTTP: what is answered with 201 is on a replica, or it is a 503."""

from __future__ import annotations

import pytest

from dispatch_api import create_app
from tests.api.calls import DAILY, TASKS, problem
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


def test_a_replica_that_is_missing_is_said_where_one_looks_for_trouble(client, replica) -> None:
    replica.kill()
    told = "Redis has 0 replicas, and redis.wait_replicas asks for 1."
    wait_for(lambda: told in client.get("/readyz").json["problems"], what="the primary to miss it")
