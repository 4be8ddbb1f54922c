"""Idempotency-Key on every POST that makes something: the same request again makes nothing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dispatch_app.dispatch import Dispatch
from tests.api.calls import DAILY, LETTERS, RUNS, TASKS, finish, problem, refused, start
from tests.api.test_fuzz import METHODS

MINE = f"{TASKS}/mine"
KEY = {"Idempotency-Key": "order-17"}
WINDOW = {"start": "2024-01-01T00:00:00Z", "end": "2024-01-03T00:00:00Z"}

#: Operation -> its path, with the id of a dead letter of `mine` in it; a body, and another one.
CALLS: dict[str, tuple[str, dict[str, Any], dict[str, Any] | None]] = {
    "create_task": (TASKS, {"type": "echo"}, {"type": "echo", "name": "other"}),
    "trigger_task": (f"{MINE}/trigger", {"payload": {"a": 1}}, {"payload": {"a": 2}}),
    "backfill_task": (f"{MINE}/backfill", WINDOW, {**WINDOW, "overlap": "buffer_all"}),
    "retry_run": (RUNS + "/{letter}/retry", {}, None),
    "replay_dead_letter": (LETTERS + "/{letter}/replay", {}, {"definition": "current"}),
}
BODILESS = ["trigger_task", "retry_run", "replay_dead_letter"]


@pytest.fixture
def letter(client: FlaskClient, dispatch: Dispatch) -> str:
    """The dead letter of a task `mine`."""
    client.put(MINE, json={"type": "echo", "schedule": DAILY})
    run_id = client.post(f"{MINE}/trigger").json["id"]
    start(dispatch, run_id)
    finish(dispatch, run_id, "failed")
    return run_id


@pytest.fixture
def ask(client: FlaskClient, letter: str) -> Callable[..., TestResponse]:
    def ask(name: str, **sent: Any) -> TestResponse:
        return client.post(CALLS[name][0].format(letter=letter), **{"headers": KEY, **sent})

    return ask


def things(client: FlaskClient) -> int:
    """How many tasks, runs and backfills there are."""
    paths = (TASKS, RUNS, "/api/v1/backfills")
    return sum(len(client.get(path).json["items"]) for path in paths)


@pytest.mark.parametrize("name", CALLS)
def test_the_same_again_makes_nothing_and_gets_the_same_answer(client, ask, name: str) -> None:
    first = ask(name, json=CALLS[name][1])
    assert first.status_code == 201
    assert "Idempotent-Replayed" not in first.headers
    before = things(client)
    for _ in range(2):
        again = ask(name, json=CALLS[name][1])
        assert (again.status_code, again.json) == (201, first.json)
        assert again.headers["Location"] == first.headers["Location"]
        assert again.headers["Idempotent-Replayed"] == "true"
    assert things(client) == before


@pytest.mark.parametrize("name", BODILESS)
def test_no_body_and_an_empty_object_are_the_same_request(client, ask, name: str) -> None:
    first = ask(name)
    assert first.status_code == 201
    assert ask(name, json={}).json == first.json


@pytest.mark.parametrize("name", [name for name in CALLS if CALLS[name][2] is not None])
def test_another_body_under_the_same_key_is_refused(client, ask, name: str) -> None:
    _, body, other = CALLS[name]
    ask(name, json=body)
    before = things(client)
    answer = ask(name, json=other)
    problem(answer, 422, "idempotency-mismatch")
    refused(answer, "Idempotency-Key")
    assert things(client) == before


def test_another_path_under_the_same_key_is_refused(client, ask) -> None:
    first = ask("retry_run")
    for name in ("trigger_task", "replay_dead_letter"):
        problem(ask(name), 422, "idempotency-mismatch")
    other = client.post(f"{RUNS}/{first.json['id']}/retry", headers=KEY)
    problem(other, 422, "idempotency-mismatch")


@pytest.mark.parametrize("name", CALLS)
def test_a_key_that_is_none_is_refused(client, ask, name: str) -> None:
    before = things(client)
    for key in ("", "a b", "x" * 256):
        refused(ask(name, json=CALLS[name][1], headers={"Idempotency-Key": key}), "Idempotency-Key")
    assert things(client) == before


def test_the_answer_of_a_run_stays_what_it_was_when_it_has_ended(client, dispatch, ask) -> None:
    first = ask("trigger_task")
    start(dispatch, first.json["id"])
    finish(dispatch, first.json["id"])
    assert client.get(first.headers["Location"]).json["status"] == "succeeded"
    assert ask("trigger_task").json == first.json


def test_the_answer_stays_when_the_task_is_purged(client, ask) -> None:
    first = ask("trigger_task")
    client.delete(f"{MINE}?purge=true")
    assert ask("trigger_task").json == first.json
    problem(ask("trigger_task", headers={"Idempotency-Key": "new"}), 404, "not-found")


def test_of_twenty_requests_with_one_key_at_once_one_makes_a_run(
    client, app: Flask, letter
) -> None:
    def make(_: int) -> tuple[int, str, bool]:
        answer = app.test_client().post(f"{LETTERS}/{letter}/replay", headers=KEY)
        return answer.status_code, answer.json["id"], "Idempotent-Replayed" in answer.headers

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(make, range(20)))
    assert len({(status, run_id) for status, run_id, _ in answers}) == 1
    assert [again for _, _, again in answers].count(False) == 1
    assert len(client.get(RUNS).json["items"]) == 2


def test_the_document_names_both_headers_wherever_they_are(client: FlaskClient) -> None:
    taken, given = set(), set()
    for item in client.get("/openapi.json").json["paths"].values():
        for operation in (item[method] for method in METHODS if method in item):
            names = [one.get("name") for one in operation.get("parameters", ())]
            if "Idempotency-Key" in names:
                taken.add(operation["operationId"])
            if "Idempotent-Replayed" in operation["responses"].get("201", {}).get("headers", ()):
                given.add(operation["operationId"])
    assert taken == given == set(CALLS)
