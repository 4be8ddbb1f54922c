"""Every error is application/problem+json with a type that stays (RFC 9457)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient

from dispatch_api import problems
from dispatch_api.problems import CONTENT_TYPE, MEANINGS, TABLE, TYPE_PREFIX
from dispatch_app.dispatch import Dispatch
from dispatch_app.domain import errors
from tests.api.calls import DAILY, RUNS, TASKS, create, ended, problem

#: What callers rely on: a type never changes its name or its status.
TYPES = {
    "bad-json": {400},
    "bad-request": {400},
    "conflict": {409},
    "corrupt-record": {500},
    "idempotency-mismatch": {422},
    "internal": {500},
    "invalid-input": {422},
    "method-not-allowed": {405},
    "no-such-path": {404},
    "not-allowed": {401},
    "not-confirmed": {503},
    "not-found": {404},
    "not-ready": {503},
    "revision-mismatch": {412},
    "store-unavailable": {503},
    "store-unfit": {503},
    "too-large": {413},
    "unsupported-media-type": {415},
}

#: After which the same is worth another try.
AWAY = (errors.StoreUnavailable, redis.ConnectionError, redis.TimeoutError)


def test_the_types_are_those_that_are_promised() -> None:
    assert set(TYPES) == set(MEANINGS)
    assert TYPE_PREFIX == "urn:dispatch:problem:"
    for name, status in TABLE.values():
        assert status in TYPES[name]


@pytest.fixture
def failing() -> Iterator[FlaskClient]:
    """A client of an app whose `/<class>` raises that error of the table, or any other."""
    app = Flask(__name__)
    problems.register(app)

    @app.get("/<name>")
    def fail(name: str) -> None:
        raise next((made(cls) for cls in TABLE if cls.__name__ == name), ValueError("s3cret"))

    return app.test_client()


def made(cls: type[Exception]) -> Exception:
    arguments = {
        errors.InvalidInput: [{"a.b": "Wrong."}],
        errors.NotFound: ["task", "x"],
        errors.IdempotencyMismatch: [],
    }.get(cls, ["What happened."])
    return cls(*arguments)


@pytest.mark.parametrize("cls", TABLE, ids=lambda cls: cls.__module__ + "." + cls.__name__)
def test_every_error_of_the_table_is_answered_in_one_form(failing, cls) -> None:
    name, status = TABLE[cls]
    answer = failing.get(f"/{cls.__name__}")
    assert problem(answer, status, name)
    assert answer.json["title"] == MEANINGS[name]
    assert ("errors" in answer.json) == issubclass(cls, errors.InvalidInput)
    assert ("Retry-After" in answer.headers) == issubclass(cls, AWAY)


def test_what_nobody_thought_of_says_nothing_of_itself(failing: FlaskClient) -> None:
    answer = failing.get("/anything")
    problem(answer, 500, "internal")
    assert "s3cret" not in answer.text


# Each of them as a caller runs into it


def test_what_http_itself_finds_wrong_is_a_problem_too(client: FlaskClient) -> None:
    problem(client.get("/nowhere"), 404, "no-such-path")
    problem(client.get(f"{TASKS}/"), 404, "no-such-path")
    answer = client.put(TASKS, json={})
    problem(answer, 405, "method-not-allowed")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].replace(" ", "").split(","))
    problem(client.post(TASKS, data="x"), 415, "unsupported-media-type")
    large = client.post(TASKS, data=b" " * 300_000, content_type="application/json")
    problem(large, 413, "too-large")
    problem(client.post(TASKS, data="x", content_type="application/json"), 400, "bad-json")


def test_a_record_that_cannot_be_read_is_said_and_stops_no_other(
    client: FlaskClient, dispatch: Dispatch
) -> None:
    whole, broken = (create(client)["last_run"]["id"] for _ in range(2))
    store = dispatch.store
    store.client.hset(store.keys.run(broken), "def", '{"v":99,"type":"echo"}')
    said = problem(client.get(f"{RUNS}/{broken}"), 500, "corrupt-record")
    assert "not one that this version reads" in said
    assert [run["id"] for run in client.get(RUNS).json["items"]] == [whole]


def test_a_task_that_cannot_be_read_is_shown_with_a_note_and_can_be_replaced_or_removed(
    client: FlaskClient, dispatch: Dispatch
) -> None:
    path = f"{TASKS}/mine"
    client.put(path, json={"type": "echo", "schedule": DAILY})
    key = dispatch.store.keys.task("mine")
    for repair in ("put", "delete"):
        dispatch.store.client.hset(key, "def", '{"v":99}')
        task = client.get(path)
        assert task.status_code == 200
        assert "not one that this version reads" in task.json["notes"][0]
        assert [one["id"] for one in client.get(TASKS).json["items"]] == ["mine"]
        problem(client.patch(path, json={"name": "x"}), 409, "conflict")
        problem(client.post(f"{path}/trigger"), 409, "conflict")
        body = {"type": "echo", "schedule": DAILY}
        answer = client.open(f"{path}?purge=true" if repair == "delete" else path,
                             method=repair, json=body if repair == "put" else None)  # fmt: skip
        assert answer.status_code in (200, 204), answer.text
    problem(client.get(path), 404, "not-found")


def test_a_server_that_takes_no_writes_is_away_for_those_who_write(new_redis, api) -> None:
    server = new_redis("--maxmemory", "1")
    client = api(REDIS_URL=server.url)
    answer = client.post(TASKS, json={"type": "echo"})
    assert "refuses writes" in problem(answer, 503, "store-unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    assert client.get(TASKS).json == {"items": [], "next": None}


def test_a_server_that_is_away_is_so_for_all(new_redis, api) -> None:
    server = new_redis()
    client = api(REDIS_URL=server.url)
    server.kill()
    for answer in (client.get(TASKS), client.post(TASKS, json={"type": "echo"})):
        assert "Redis does not answer" in problem(answer, 503, "store-unavailable")
        assert int(answer.headers["Retry-After"]) >= 1
    server.start()
    assert client.post(TASKS, json={"type": "echo"}).status_code == 201


def test_an_error_is_short_whatever_was_sent(client: FlaskClient, dispatch: Dispatch) -> None:
    for answer in (
        client.post(TASKS, json={"type": "echo", **{f"{'x' * 500}{n}": 1 for n in range(400)}}),
        client.post(TASKS, json={"type": "echo", "tags": [1] * 50}),
        client.get(f"{TASKS}?{'y' * 5_000}=1"),
        client.get(f"{TASKS}/{'z' * 5_000}"),
    ):
        problem(answer, 422, "invalid-input")
        assert len(answer.data) < 100_000
        assert len(answer.json["errors"]) <= 50
        assert len(answer.json["detail"]) <= 500


def test_every_answer_forbids_guessing_and_keeping(client: FlaskClient, dispatch: Dispatch) -> None:
    task_id = ended(client, dispatch)
    for path in (f"{TASKS}/{task_id}", f"{TASKS}/nothing", "/nowhere", "/healthz"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
    assert client.get("/nowhere").content_type == CONTENT_TYPE
