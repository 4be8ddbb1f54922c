"""Row 40 of the pains: no request hangs while Redis is frozen or dead, and all work again after."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from dispatch_api import create_app
from dispatch_api.problems import CONTENT_TYPE
from tests.api.calls import DAILY, RUNS, TASKS
from tests.api.conftest import new_dispatch
from tests.api.test_fuzz import CONTENT, OPERATIONS
from tests.servers import RedisServer
from tests.waiting import wait_for

#: What needs no Redis: these answer as ever.
ALONE = {"healthz"}
#: Query arguments without which an operation does nothing.
QUERY = {"drop_dead_letters": "?all=true"}


@pytest.fixture
def server(new_redis) -> RedisServer:
    return new_redis()


@pytest.fixture
def http(server: RedisServer, serve):
    """A caller over HTTP, of an installation on that server with a task and a run."""
    dispatch = new_dispatch(server.url)
    with serve(create_app(dispatch)) as url, httpx.Client(base_url=url, timeout=30) as http:
        http.put(f"{TASKS}/mine", json={"type": "echo", "schedule": DAILY})
        yield http
    dispatch.store.close()


def request(http: httpx.Client, name: str, run_id: str) -> httpx.Response:
    """Call an operation as it should be called."""
    operation = OPERATIONS[name]
    ids = dict.fromkeys(("task_id", "name", "queue", "type_name", "backfill_id"), "mine")
    path = operation["path"].format(run_id=run_id, **ids)
    body = CONTENT.get(name, {}) if operation["body"] else None
    return http.request(operation["method"], path + QUERY.get(name, ""), json=body)


def unavailable(answer: httpx.Response) -> bool:
    """Whether an answer says that Redis is away, and when to come back."""
    return (
        answer.status_code == 503
        and answer.headers["Content-Type"] == CONTENT_TYPE
        and int(answer.headers["Retry-After"]) >= 1
        and answer.json()["type"].endswith((":store-unavailable", ":not-ready"))
        and "Redis does not answer" in answer.json()["detail"]
    )


def test_every_route_answers_while_the_server_is_frozen_and_works_after(server, http) -> None:
    run_id = http.post(f"{TASKS}/mine/trigger").json()["id"]

    def ask(name: str) -> tuple[str, httpx.Response, float]:
        begin = time.monotonic()
        answer = request(http, name, run_id)
        return name, answer, time.monotonic() - begin

    with server.frozen(), ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, OPERATIONS))
    assert len(answers) == len(OPERATIONS)
    for name, answer, seconds in answers:
        assert seconds < 5, name
        assert answer.status_code == 200 if name in ALONE else unavailable(answer), name
    # what was asked for meanwhile may have been done or not; each answer fits its question again
    for number in range(20):
        body = {"type": "echo", "name": f"task {number}", "schedule": DAILY}
        made = http.put(f"{TASKS}/new-{number}", json=body)
        assert (made.status_code, made.json()["name"]) == (201, f"task {number}")
        assert http.get(f"{TASKS}/new-{number}").json() == made.json()
    assert http.get(f"{TASKS}?limit=1").json()["items"][0]["name"] == "task 19"


@contextmanager
def full(server: RedisServer) -> Iterator[None]:
    with server.client() as client:
        client.config_set("maxmemory", 1)
        yield
        client.config_set("maxmemory", 0)


@contextmanager
def read_only(server: RedisServer) -> Iterator[None]:
    with server.client() as client:
        client.replicaof("127.0.0.1", "1")
        yield
        client.replicaof("NO", "ONE")


@pytest.mark.parametrize("trouble", [full, read_only], ids=lambda trouble: trouble.__name__)
def test_what_only_reads_is_answered_by_a_server_that_takes_no_writes(
    server, http, trouble
) -> None:
    run_id = http.post(f"{TASKS}/mine/trigger").json()["id"]
    with trouble(server):
        answers = {name: request(http, name, run_id) for name in OPERATIONS}
    for name, answer in answers.items():
        method = OPERATIONS[name]["method"]
        if answer.status_code == 503 and name != "readyz":
            assert method != "GET", name
            assert answer.headers["Content-Type"] == CONTENT_TYPE
            assert int(answer.headers["Retry-After"]) >= 1
            assert "Redis refuses writes" in answer.json()["detail"]
        else:
            assert answer.status_code < 500 or name == "readyz", name
    assert answers["create_task"].status_code == 503
    assert answers["list_tasks"].status_code == 200
    assert http.post(TASKS, json={"type": "echo"}).status_code == 201


def test_what_takes_something_away_first_is_done_by_a_server_that_is_full(server, http) -> None:
    paths = {f"{TASKS}/mine/pause": 200, "/api/v1/resume": 200, "/api/v1/pause": 503}
    with full(server):
        assert {path: http.post(path, json={}).status_code for path in paths} == paths
    assert http.get(f"{TASKS}/mine").json()["status"] == "paused"
    assert http.get("/api/v1/pauses").json()["items"] == []


def test_what_needs_no_server_is_answered_at_any_time(server, http) -> None:
    with server.frozen():
        assert http.get("/healthz").json() == {"status": "ok"}
        for path in ("/docs", "/docs/start.js", "/openapi.json"):
            assert http.get(path).status_code == 200
        preview = {"schedule": DAILY, "after": "2024-01-01T00:00:00Z", "count": 1}
        answer = http.post("/api/v1/schedules/preview", json=preview)
        assert answer.json()["occurrences"][0]["at"] == "2024-01-02T00:00:00Z"
        assert http.post(TASKS, json={"type": ""}).status_code == 422
        assert http.get(f"{TASKS}?stat=x").status_code == 422


def test_more_callers_than_connections_are_answered_too(server, http) -> None:
    def ask(_: int) -> tuple[bool, bool]:
        begin = time.monotonic()
        answer = http.get(TASKS)
        return unavailable(answer), time.monotonic() - begin < 10

    with server.frozen(), ThreadPoolExecutor(16) as pool:
        assert set(pool.map(ask, range(16))) == {(True, True)}
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: http.get(TASKS).json()["items"], range(48)))
    assert [[task["id"] for task in items] for items in answers] == [["mine"]] * 48


def test_who_waits_for_a_result_is_told_when_the_server_freezes(server, http) -> None:
    http.post(f"{TASKS}/mine/trigger")
    answers: list[Any] = []

    def wait() -> None:
        answers.append(http.get(f"{TASKS}/mine/result?wait=60"))

    waiter = threading.Thread(target=wait)
    with server.client() as client:
        before = client.info("stats")["total_commands_processed"]
        waiter.start()
        # the waiting request looks again and again
        wait_for(lambda: client.info("stats")["total_commands_processed"] > before + 20)
    with server.frozen():
        waiter.join(20)
        assert unavailable(answers[0])


def test_a_server_that_was_killed_is_missed_at_once_and_found_again(server, http) -> None:
    server.kill()
    for path in (TASKS, RUNS, f"{TASKS}/mine", "/readyz"):
        assert unavailable(http.get(path))
    server.start()
    # nothing was kept on a disk here; that it is empty is its answer
    assert http.get(TASKS).json() == {"items": [], "next": None}
    assert http.post(TASKS, json={"type": "echo"}).status_code == 201
