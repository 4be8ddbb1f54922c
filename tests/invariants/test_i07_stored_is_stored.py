"""I7: what a client was told is stored is stored, and its Idempotency-Key gives the same again."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dispatch_api import create_app
from tests.invariants.broker import messages_of, queued_runs


@pytest.fixture
def durable(new_redis, new_installation):
    """An installation on a server that writes each command to the disk before it answers."""
    server = new_redis("--appendonly", "yes", "--appendfsync", "always")
    return new_installation(server)


def test_a_task_is_there_after_the_server_was_killed_right_behind_the_answer(durable):
    api = create_app(durable.dispatch).test_client()
    told = []
    for number in range(5):
        body = {"type": "add", "name": f"task {number}", "payload": {"x": number}}
        if number % 2:
            body["schedule"] = {"type": "interval", "every": 3600}
        key = {"Idempotency-Key": f"key-{number}"}
        answer = api.post("/api/v1/tasks", json=body, headers=key)
        durable.server.kill()
        assert answer.status_code == 201, answer.text
        durable.server.start()
        told.append((body, key, answer.json))
    for body, key, said in told:
        found = api.get(f"/api/v1/tasks/{said['id']}")
        assert (found.status_code, found.json) == (200, said)
        again = api.post("/api/v1/tasks", json=body, headers=key)
        assert again.json == said
        other = api.post("/api/v1/tasks", json={**body, "name": "another"}, headers=key)
        assert other.status_code == 422
    assert len(api.get("/api/v1/tasks").json["items"]) == 5
    assert messages_of(durable) == queued_runs(durable)
    assert len(queued_runs(durable)) == 3


def test_an_answer_that_was_lost_is_given_again(durable):
    api = create_app(durable.dispatch).test_client()
    body, key = {"type": "add", "payload": {"x": 1}}, {"Idempotency-Key": "lost"}
    with durable.server.frozen():
        # the request reaches the server, which cannot answer in time
        assert api.post("/api/v1/tasks", json=body, headers=key).status_code == 503
    first = api.post("/api/v1/tasks", json=body, headers=key)
    assert first.status_code in (200, 201)
    assert api.post("/api/v1/tasks", json=body, headers=key).json["id"] == first.json["id"]
    assert len(api.get("/api/v1/tasks").json["items"]) == 1
    assert sum(messages_of(durable).values()) == 1


def test_every_route_answers_while_the_server_is_frozen(durable):
    app = create_app(durable.dispatch)
    task_id = durable.create("add", payload={"x": 1})
    run_id = durable.latest(task_id).id
    calls = [
        ("GET", "/api/v1/tasks", None),
        ("POST", "/api/v1/tasks", {"type": "add"}),
        ("DELETE", f"/api/v1/tasks/{task_id}", None),
        ("GET", f"/api/v1/tasks/{task_id}/result", None),
        ("GET", f"/api/v1/runs/{run_id}", None),
        ("POST", f"/api/v1/runs/{run_id}/cancel", {}),
        ("GET", "/api/v1/types", None),
        ("GET", "/readyz", None),
    ]

    def answered(call) -> tuple[str, int, bool]:
        method, path, body = call
        began = time.monotonic()
        answer = app.test_client().open(path, method=method, json=body)
        return f"{method} {path}", answer.status_code, time.monotonic() - began < 3

    with durable.server.frozen(), ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(answered, calls))
    assert answers == [(f"{method} {path}", 503, True) for method, path, _ in calls]
