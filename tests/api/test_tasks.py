"""Definitions over the API: create, read, replace, change, cancel, remove."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from dispatch_app.dispatch import Dispatch
from tests.api.calls import (
    DAILY,
    EVERY_FIELD,
    LATER,
    ONCE,
    RUNS,
    TASKS,
    create,
    ended,
    finish,
    problem,
    refused,
    start,
)
from tests.domain.moments import ms

CALLS = (Path(__file__).parents[1] / "end_to_end" / "seed_calls.md").read_text()
#: The body of the first call that this system was asked for with.
SEED = re.search(r"-d '(.*?)'", CALLS, re.DOTALL).group(1)

MINE = f"{TASKS}/mine"


# Create


def test_the_call_that_was_asked_for_makes_a_task(client: FlaskClient) -> None:
    answer = client.post(TASKS, data=SEED, content_type="application/json")
    assert answer.status_code == 201
    task, asked = answer.json, json.loads(SEED)
    schedule = task.pop("schedule")
    assert {name: task[name] for name in asked if name != "schedule"} == {
        name: value for name, value in asked.items() if name != "schedule"
    }
    assert (schedule["type"], schedule["start_time"]) == ("one-time", "2023-04-10T15:00:00Z")
    # its moment has passed: it runs now
    assert (task["status"], task["next_run_at"]) == ("queued", None)
    assert answer.headers["Location"] == f"{TASKS}/{task['id']}"
    assert answer.headers["ETag"] == '"1"'
    again = client.get(answer.headers["Location"])
    assert (again.status_code, again.json) == (200, answer.json)
    assert again.headers["ETag"] == '"1"'


def test_a_task_shows_every_field_with_its_default(client: FlaskClient) -> None:
    task = create(client)
    run = task["last_run"]["id"]
    moments = {"created_at": task["created_at"], "updated_at": task["created_at"]}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", task["created_at"])
    assert task == {
        "id": task["id"],
        "status": "queued",
        "type": "echo",
        "name": "",
        "description": "",
        "priority": "normal",
        "payload": {},
        "queue": "default",
        "tags": [],
        "max_retries": 3,
        "timeout": 600,
        "retry": {
            "backoff": "exponential",
            "delay": 30,
            "factor": 2,
            "max_delay": 3600,
            "jitter": True,
            "retry_on": [],
            "dont_retry_on": [],
            "deadline": None,
        },
        "on_worker_lost": "retry",
        "max_lost": 3,
        "expires": None,
        "misfire": {"policy": "run", "catch_up": None},
        "overlap": "allow_all",
        "schedule": None,
        "metadata": {},
        "enabled": True,
        "revision": 1,
        "next_run_at": None,
        **moments,
        "last_run": {"id": run, "status": "queued", "finished_at": None},
        "counts": {"runs": 1, **dict.fromkeys(OUTCOMES, 0)},
        "notes": [],
    }


OUTCOMES = ("succeeded", "failed", "cancelled", "expired", "skipped", "retried")


def test_what_was_said_is_what_is_shown(client: FlaskClient) -> None:
    task = create(client, **EVERY_FIELD)
    assert {name: task[name] for name in EVERY_FIELD} == EVERY_FIELD
    assert client.get(f"{TASKS}/{task['id']}").json == task


def test_http_statuses_may_be_numbers_and_are_shown_as_texts(client: FlaskClient) -> None:
    retry = {"retry_on": [503, "5XX", "503", "httpx.ConnectError"], "dont_retry_on": [501]}
    task = create(client, retry=retry)
    shown = task["retry"]
    assert shown["retry_on"] == ["503", "5xx", "httpx.ConnectError"]
    assert shown["dont_retry_on"] == ["501"]
    # one that is changed is replaced whole
    changed = client.patch(f"{TASKS}/{task['id']}", json={"retry": {"retry_on": [500]}}).json
    assert changed["retry"]["retry_on"] == ["500"]
    assert changed["retry"]["dont_retry_on"] == []
    said = refused(client.post(TASKS, json={"type": "echo", "retry": {"retry_on": [99]}}), WRONG)
    assert said[WRONG] == [
        "Has to be the name of an exception, bare or with its module, or an HTTP status: "
        "100 to 599, 1xx to 5xx."
    ]


WRONG = "retry.retry_on.0"


def test_what_is_shown_can_be_sent_again_but_for_what_the_server_says(client: FlaskClient) -> None:
    task = create(client, **EVERY_FIELD)
    own = {name: value for name, value in task.items() if name in EVERY_FIELD}
    again = client.put(f"{TASKS}/{task['id']}", json=own)
    assert (again.status_code, again.json) == (200, task), "the same again changes nothing"
    answer = client.put(f"{TASKS}/{task['id']}", json=task)
    said = refused(answer, *(task.keys() - EVERY_FIELD.keys()))
    assert set(map(tuple, said.values())) == {("Is set by the server; leave it out.",)}


@pytest.mark.parametrize(
    ("schedule", "shown", "next_run_at"),
    [
        (ONCE, {"start_time": LATER}, LATER),
        (
            {"type": "one-time", "start_time": "2099-01-01T01:00:00.25+01:00"},
            {"start_time": "2099-01-01T00:00:00.250Z"},
            "2099-01-01T00:00:00.250Z",
        ),
        (
            {"type": "interval", "every": "1h30m", "start_time": LATER},
            {"type": "interval", "every": 5400, "start_time": LATER},
            LATER,
        ),
        (
            {"type": "recurring", "every": "PT0.5S", "start_time": LATER},
            {"type": "interval", "every": 0.5},
            LATER,
        ),
        (
            {"type": "cron", "cron": "0 9 * * *", "timezone": "Asia/Kathmandu"}
            | {"start_time": LATER},
            {"cron": "0 9 * * *", "timezone": "Asia/Kathmandu"},
            "2099-01-01T03:15:00Z",
        ),
    ],
)
def test_each_kind_of_schedule_says_when_it_is_due_first(
    client: FlaskClient, schedule: dict, shown: dict, next_run_at: str
) -> None:
    task = create(client, schedule=schedule)
    assert task["status"] == "scheduled"
    assert task["next_run_at"] == next_run_at
    assert task["schedule"] == {**task["schedule"], **shown}
    assert (task["last_run"], task["counts"]["runs"]) == (None, 0)


def test_a_disabled_task_waits_and_says_so(client: FlaskClient) -> None:
    task = create(client, enabled=False)
    assert (task["status"], task["enabled"], task["last_run"]) == ("paused", False, None)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["type"]),
        ({"type": None}, ["type"]),
        ({"type": "echo", "payload": "x", "tags": ["a b", "ok"]}, ["payload", "tags.0"]),
        ({"type": "echo", "priority": "urgent", "timeout": -1}, ["priority", "timeout"]),
        ({"type": "echo", "schedule": {"type": "hourly"}}, ["schedule.type"]),
        ({"type": "echo", "schedule": {"type": "one-time"}}, ["schedule.start_time"]),
        ({"type": "echo", "schedule": {"type": "interval"}}, ["schedule.every"]),
        ({"type": "echo", "schedule": {"type": "cron"}}, ["schedule.cron"]),
        ({"type": "echo", "schedule": {**DAILY, "every": 5}}, ["schedule.every"]),
        ({"type": "echo", "schedule": {**DAILY, "timezone": "Mars"}}, ["schedule.timezone"]),
        ({"type": "echo", "schedule": {**DAILY, "cron": "0 0 30 2 *"}}, ["schedule.cron"]),
        ({"type": "echo", "schedule": {**DAILY, "max_runs": 0}}, ["schedule.max_runs"]),
        ({"type": "echo", "schedule": {**DAILY, "end_time": "2001-01-01T00:00:00Z"}}, ["schedule"]),
        ({"type": "echo", "retry": {"delay": "1s", "factor": 0}}, ["retry.delay", "retry.factor"]),
        ({"type": "echo", "retry": {"retry_on": ["no name"]}}, ["retry.retry_on.0"]),
        ({"type": "echo", "retry": {"retry_on": ["404", 99]}}, ["retry.retry_on.1"]),
        ({"type": "echo", "retry": {"dont_retry_on": ["6xx"]}}, ["retry.dont_retry_on.0"]),
        ({"type": "echo", "retry": {"dont_retry_on": ["50x", True, 4.04]}},
         [f"retry.dont_retry_on.{n}" for n in range(3)]),
        ({"type": "echo", "retry": {"deadline": 0}}, ["retry.deadline"]),
        ({"type": "echo", "misfire": {"policy": "never"}}, ["misfire.policy"]),
        ({"type": "echo", "value": 1, "_schema": 2, "id": "x"}, ["value", "_schema", "id"]),
        ({"type": "echo", "schedule": {**DAILY, "value": 1}}, ["schedule.value"]),
        ({"type": "echo", "retry": 5, "misfire": None}, ["retry", "misfire"]),
        ({"type": "echo", "retry": {"_schema": 1}, "tags": {}}, ["retry._schema", "tags"]),
    ],
)  # fmt: skip
def test_each_wrong_field_is_named(client: FlaskClient, body: dict, fields: list[str]) -> None:
    refused(client.post(TASKS, json=body), *fields)
    refused(client.put(MINE, json=body), *fields)
    assert client.get(TASKS).json["items"] == []


# Idempotency-Key


def test_the_same_key_gives_the_same_task_again(client: FlaskClient) -> None:
    headers = {"Idempotency-Key": "order-17"}
    first = client.post(TASKS, data=SEED, content_type="application/json", headers=headers)
    # the same words in another order and other blanks are the same request
    body = dict(reversed(json.loads(SEED).items()))
    again = client.post(TASKS, json=body, headers=headers)
    assert (again.status_code, again.json) == (201, first.json)
    for name in ("Location", "ETag"):
        assert again.headers[name] == first.headers[name]
    assert len(client.get(TASKS).json["items"]) == 1
    assert len(client.get(f"{first.headers['Location']}/runs").json["items"]) == 1


def test_the_answer_stays_what_it_was_when_the_task_has_changed(client: FlaskClient) -> None:
    def make() -> Any:
        headers = {"Idempotency-Key": "k"}
        return client.post(TASKS, json={"type": "echo", "schedule": DAILY}, headers=headers)

    first = make()
    client.patch(first.headers["Location"], json={"name": "changed"})
    client.delete(first.headers["Location"])
    assert make().json == first.json


def test_a_key_that_came_with_another_body_is_refused(client: FlaskClient) -> None:
    headers = {"Idempotency-Key": "k"}
    client.post(TASKS, json={"type": "echo"}, headers=headers)
    answer = client.post(TASKS, json={"type": "echo", "name": "other"}, headers=headers)
    problem(answer, 422, "idempotency-mismatch")
    refused(answer, "Idempotency-Key")
    assert client.post(TASKS, json={"type": "echo"}, headers={"Idempotency-Key": "l"}).json["id"]
    assert len(client.get(TASKS).json["items"]) == 2


def test_a_key_of_a_refused_request_is_free(client: FlaskClient) -> None:
    headers = {"Idempotency-Key": "k"}
    refused(client.post(TASKS, json={"type": "echo", "timeout": 0}, headers=headers), "timeout")
    assert client.post(TASKS, json={"type": "echo"}, headers=headers).status_code == 201


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "größe"])
def test_a_key_that_is_none_is_refused(client: FlaskClient, key: str) -> None:
    answer = client.post(TASKS, json={"type": "echo"}, headers={"Idempotency-Key": key})
    refused(answer, "Idempotency-Key")


def test_of_twenty_requests_with_one_key_at_once_one_makes_a_task(client, app: Flask) -> None:
    def make(_: int) -> tuple[int, str]:
        answer = app.test_client().post(
            TASKS, json={"type": "echo"}, headers={"Idempotency-Key": "k"}
        )
        return answer.status_code, answer.json["id"]

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(make, range(20)))) == 1
    assert len(client.get(TASKS).json["items"]) == 1


# Replace


def test_put_makes_a_task_under_an_id_of_ones_own(client: FlaskClient) -> None:
    answer = client.put(MINE, json={"type": "echo", "schedule": DAILY})
    assert (answer.status_code, answer.json["id"]) == (201, "mine")
    assert answer.headers["ETag"] == '"1"'
    assert client.get(MINE).json == answer.json


def test_put_replaces_a_task_whole(client: FlaskClient) -> None:
    client.put(MINE, json={"type": "echo", "schedule": DAILY, "tags": ["a"], "name": "old"})
    answer = client.put(MINE, json={"type": "sleep", "schedule": DAILY})
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    assert (answer.json["type"], answer.json["tags"], answer.json["name"]) == ("sleep", [], "")
    assert client.get(MINE).json == answer.json
    for query, found in (("type=echo", 0), ("tag=a", 0), ("type=sleep", 1)):
        assert len(client.get(f"{TASKS}?{query}").json["items"]) == found


def test_put_of_the_same_definition_changes_nothing(client: FlaskClient) -> None:
    body = {"type": "echo", "schedule": {"type": "interval", "every": 60}}
    first = client.put(MINE, json=body)
    again = client.put(MINE, json=body)
    assert (again.status_code, again.json) == (200, first.json)
    assert again.headers["ETag"] == first.headers["ETag"]


def test_put_of_a_task_that_has_ended_starts_it_anew(client, dispatch: Dispatch) -> None:
    client.put(MINE, json={"type": "echo"})
    client.delete(MINE)
    answer = client.put(MINE, json={"type": "echo"})
    assert (answer.status_code, answer.json["status"]) == (200, "queued")
    assert answer.json["counts"]["runs"] == 2


@pytest.mark.parametrize("task_id", ["a b", "a%00b", "%C3%A9", "x" * 129, "a{b}", "a*"])
def test_an_id_that_is_none_is_refused(client: FlaskClient, task_id: str) -> None:
    for answer in (
        client.put(f"{TASKS}/{task_id}", json={"type": "echo"}),
        client.get(f"{TASKS}/{task_id}"),
        client.delete(f"{TASKS}/{task_id}"),
        client.get(f"{TASKS}/{task_id}/runs"),
    ):
        refused(answer, "task_id")


def test_of_many_puts_at_once_one_creates(client, app: Flask) -> None:
    def put(number: int) -> int:
        body = {"type": "echo", "schedule": DAILY, "name": f"{number}"}
        return app.test_client().put(MINE, json=body).status_code

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(put, range(12)))
    assert sorted(codes) == [200] * 11 + [201]
    assert len(client.get(TASKS).json["items"]) == 1
    assert client.get(MINE).json["revision"] == 12


# Change


def test_patch_changes_what_it_names_and_nothing_else(client: FlaskClient) -> None:
    before = client.put(MINE, json=EVERY_FIELD).json
    change = {"priority": "low", "timeout": 30, "expires": None}
    answer = client.patch(MINE, json=change)
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    said = {**before, **change, "revision": 2, "updated_at": answer.json["updated_at"]}
    assert answer.json == said == client.get(MINE).json
    assert ms(said["updated_at"]) >= ms(before["updated_at"])


def test_a_part_of_a_definition_is_replaced_whole(client: FlaskClient) -> None:
    client.put(MINE, json=EVERY_FIELD)
    task = client.patch(MINE, json={"retry": {"delay": 5}, "payload": {"a": 1}}).json
    assert (task["retry"]["delay"], task["retry"]["backoff"]) == (5, "exponential")
    assert task["payload"] == {"a": 1}
    refused(client.patch(MINE, json={"schedule": {"type": "cron"}}), "schedule.cron")


def test_a_new_schedule_is_due_when_it_says(client: FlaskClient) -> None:
    client.put(MINE, json={"type": "echo", "schedule": DAILY})
    assert client.patch(MINE, json={"schedule": ONCE}).json["next_run_at"] == LATER


def test_enabled_pauses_and_resumes(client: FlaskClient) -> None:
    client.put(MINE, json={"type": "echo", "schedule": ONCE})
    paused = client.patch(MINE, json={"enabled": False}).json
    assert (paused["status"], paused["enabled"], paused["next_run_at"]) == ("paused", False, None)
    resumed = client.patch(MINE, json={"enabled": True}).json
    assert (resumed["status"], resumed["next_run_at"]) == ("scheduled", LATER)


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"timeout": 0, "tags": [1]}, ["timeout", "tags.0"]),
        ({"type": None}, ["type"]),
        ({"enabled": None}, ["enabled"]),
        ({"tiemout": 5}, ["tiemout"]),
        ({"status": "paused"}, ["status"]),
        ({"schedule": {"type": "cron", "cron": "61 * * * *"}}, ["schedule.cron"]),
    ],
)
def test_a_wrong_change_changes_nothing(client: FlaskClient, change: dict, fields: list) -> None:
    before = client.put(MINE, json={"type": "echo", "schedule": DAILY}).json
    refused(client.patch(MINE, json=change), *fields)
    assert client.get(MINE).json == before


def test_what_has_ended_is_not_changed(client: FlaskClient, dispatch: Dispatch) -> None:
    task_id = ended(client, dispatch)
    said = problem(client.patch(f"{TASKS}/{task_id}", json={"name": "x"}), 409, "conflict")
    assert said == f"The task {task_id!r} has already ended: it is succeeded."


# If-Match


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
@pytest.mark.parametrize(
    ("if_match", "status"),
    [
        ('"2"', 200),
        ('W/"2"', 200),
        ('"1", "2"', 200),
        ("*", 200),
        ('"1"', 412),
        ('"3"', 412),
        ('"x"', 412),
        ('"-2"', 412),
        ('"1", "3"', 412),
        (f'"{"9" * 300}"', 412),
        ("", 412),
    ],
)
def test_a_change_is_made_only_to_what_was_read(
    client: FlaskClient, method: str, if_match: str, status: int
) -> None:
    client.put(MINE, json={"type": "echo", "schedule": DAILY})
    client.patch(MINE, json={"name": "second"})
    body = None if method == "delete" else {"type": "echo", "schedule": DAILY, "name": "third"}
    before = client.get(MINE).json
    answer = client.open(MINE, method=method, json=body, headers={"If-Match": if_match})
    assert answer.status_code == status
    if status == 412:
        problem(answer, 412, "revision-mismatch")
        assert client.get(MINE).json == before
    else:
        assert client.get(MINE).json != before


@pytest.mark.parametrize("if_match", ['"1"', "*"])
def test_what_is_not_there_was_never_read(client: FlaskClient, if_match: str) -> None:
    headers = {"If-Match": if_match}
    problem(client.put(MINE, json={"type": "echo"}, headers=headers), 412, "revision-mismatch")
    for method, body in (("patch", {"name": "x"}), ("delete", None)):
        answer = client.open(MINE, method=method, json=body, headers=headers)
        assert answer.status_code in (404, 412)
    assert client.get(MINE).status_code == 404


@pytest.mark.parametrize("method", ["put", "patch"])
def test_of_twenty_edits_at_once_exactly_one_wins_each_round(
    client, app: Flask, method: str
) -> None:
    """Row 63 of the pains."""
    tag = client.put(MINE, json={"type": "echo", "schedule": DAILY}).headers["ETag"]

    def edit(number: int) -> tuple[int, str]:
        name = f"{tag} by {number}"
        body = {"type": "echo", "schedule": DAILY, "name": name}
        answer = app.test_client().open(MINE, method=method, json=body, headers={"If-Match": tag})
        return answer.status_code, name

    for revision in (2, 3, 4):
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(edit, range(20)))
        (winner,) = [name for status, name in answers if status == 200]
        assert {status for status, _ in answers} == {200, 412}
        now = client.get(MINE)
        assert (now.json["name"], now.json["revision"]) == (winner, revision)
        tag = now.headers["ETag"]


# Cancel and remove


def test_cancel_ends_the_schedule_and_every_unfinished_run(client, dispatch: Dispatch) -> None:
    client.put(MINE, json={"type": "echo", "schedule": DAILY})
    queued, running = (client.post(f"{MINE}/trigger").json["id"] for _ in range(2))
    start(dispatch, running)
    answer = client.delete(MINE)
    assert (answer.status_code, answer.json["id"]) == (200, "mine")
    assert (answer.json["status"], answer.json["next_run_at"]) == ("cancelled", None)
    why = "its task was cancelled"
    run = client.get(f"/api/v1/runs/{queued}").json
    assert (run["status"], run["reason"]) == ("cancelled", why)
    run = client.get(f"/api/v1/runs/{running}").json
    assert (run["status"], run["cancel_reason"]) == ("running", why)
    assert client.delete(MINE).json == answer.json
    assert client.delete(f"{MINE}?terminate=true").json["status"] == "cancelled"
    run = client.get(f"/api/v1/runs/{running}").json
    assert (run["status"], run["reason"]) == ("cancelled", why)
    assert dispatch.store.agenda.due(ms("2100-01-01T00:00:00+00:00")).tasks == []


def test_a_one_off_is_cancelled_at_once_and_its_run_when_it_has_ended(client, dispatch) -> None:
    task = create(client)
    start(dispatch, task["last_run"]["id"])
    answer = client.delete(f"{TASKS}/{task['id']}")
    assert answer.json["status"] == "cancelled"
    assert answer.json["last_run"]["status"] == "running"
    result = client.get(f"{TASKS}/{task['id']}/result")
    assert (result.status_code, result.json["status"]) == (202, "running")
    finish(dispatch, task["last_run"]["id"])
    task = client.get(f"{TASKS}/{task['id']}").json
    assert (task["status"], task["last_run"]["status"]) == ("cancelled", "cancelled")
    assert client.get(f"{TASKS}/{task['id']}/result").json["status"] == "cancelled"


def test_cancel_once_more_gives_the_same_answer(client: FlaskClient) -> None:
    task = create(client)
    first, again = (client.delete(f"{TASKS}/{task['id']}") for _ in range(2))
    assert first.status_code == again.status_code == 200
    assert first.json == again.json


@pytest.mark.parametrize("status", ["succeeded", "failed"])
def test_what_has_ended_cannot_be_cancelled(client, dispatch: Dispatch, status: str) -> None:
    task_id = ended(client, dispatch, status)
    said = problem(client.delete(f"{TASKS}/{task_id}"), 409, "conflict")
    assert said == f"The task {task_id!r} has already ended: it is {status}."
    assert client.get(f"{TASKS}/{task_id}").json["status"] == status


@pytest.mark.parametrize("state", ["scheduled", "running", "succeeded", "cancelled"])
def test_purge_removes_a_task_with_its_history(client, dispatch: Dispatch, state: str) -> None:
    if state == "succeeded":
        task_id = ended(client, dispatch, tags=["a"])
    else:
        task_id = create(client, schedule=DAILY, tags=["a"])["id"]
    if state == "running":
        start(dispatch, client.post(f"{TASKS}/{task_id}/trigger").json["id"])
    if state == "cancelled":
        client.delete(f"{TASKS}/{task_id}")
    answer = client.delete(f"{TASKS}/{task_id}?purge=true")
    assert (answer.status_code, answer.data) == (204, b"")
    for path in ("", "/runs", "/result"):
        problem(client.get(f"{TASKS}/{task_id}{path}"), 404, "not-found")
    for path in (TASKS, f"{TASKS}?tag=a", f"{TASKS}?type=echo", "/api/v1/runs"):
        assert client.get(path).json == {"items": [], "next": None}
    assert not [key for key in dispatch.store.client.keys("*") if task_id in key]


@pytest.mark.parametrize("what", ["task", "run"])
def test_purge_removes_what_stands_in_place_of_a_record(client, dispatch, what: str) -> None:
    task = create(client)
    store = dispatch.store
    key = store.keys.task(task["id"]) if what == "task" else store.keys.run(task["last_run"]["id"])
    store.client.delete(key)
    store.client.set(key, "x")
    path = f"{TASKS}/{task['id']}"
    if what == "task":
        for call in (client.delete(path), client.post(f"{path}/pause")):
            assert "purge it" in problem(call, 409, "conflict")
    assert client.delete(f"{path}?purge=true").status_code == 204
    assert client.get(path).status_code == 404
    assert client.get(TASKS).json["items"] == client.get(RUNS).json["items"] == []
    assert not store.client.exists(key)


def test_cancel_takes_no_body(client: FlaskClient) -> None:
    path = f"{TASKS}/{create(client, schedule=DAILY)['id']}"
    refused(client.delete(path, json={"purge": True}), "body")
    assert client.get(path).json["status"] == "scheduled"


def test_purge_is_said_in_one_word(client: FlaskClient) -> None:
    task = create(client)
    for value in ("yes", "1", "", "TRUE"):
        answer = client.delete(f"{TASKS}/{task['id']}?purge={value}")
        assert refused(answer, "purge") == {"purge": ["Has to be true or false."]}
    assert client.delete(f"{TASKS}/{task['id']}?purge=false").json["status"] == "cancelled"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", "", None),
        ("patch", "", {"name": "x"}),
        ("delete", "", None),
        ("delete", "?purge=true", None),
        ("get", "/result", None),
        ("get", "/runs", None),
        ("post", "/trigger", None),
        ("post", "/pause", None),
        ("post", "/resume", None),
        ("post", "/backfill", {"start": LATER, "end": LATER}),
    ],
)
def test_what_nobody_made_is_not_there(client, method: str, path: str, body: Any) -> None:
    answer = client.open(f"{MINE}{path}", method=method, json=body)
    assert problem(answer, 404, "not-found") == "There is no task 'mine'."
