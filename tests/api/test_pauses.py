"""Everything, a queue or a type is paused, by somebody, with a note."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from dispatch_app.dispatch import Dispatch
from tests.api.calls import DAILY, RUNS, TASKS, create, problem, refused

V1 = "/api/v1"
WHO = "somebody on this machine"
#: Path before the verb -> scope.
SCOPES = {"": "all", "/queues/reports": "queue:reports", "/types/app.mail": "type:app.mail"}
every_scope = pytest.mark.parametrize(("path", "scope"), SCOPES.items())


def held(dispatch: Dispatch, run_id: str) -> None:
    """A worker gets the message of a run whose scope is paused."""
    asked: dict[str, Any] = {"token": "t", "worker": "w", "lease": 9_000}
    assert dispatch.store.runs.start(run_id, 1, **asked) == "PAUSED"


@every_scope
def test_a_pause_says_who_when_and_why(client: FlaskClient, path: str, scope: str) -> None:
    answer = client.post(f"{V1}{path}/pause", json={"note": "moving house"})
    assert answer.status_code == 200
    begun = answer.json
    assert begun["at"].endswith("Z")
    assert begun == {
        "scope": scope,
        "paused": True,
        "who": WHO,
        "at": begun["at"],
        "note": "moving house",
        "held": 0,
    }
    assert client.get(f"{V1}/pauses").json == {"items": [begun], "next": None}


@every_scope
def test_a_resume_says_what_has_ended(client: FlaskClient, path: str, scope: str) -> None:
    begun = client.post(f"{V1}{path}/pause").json
    answer = client.post(f"{V1}{path}/resume")
    assert (answer.status_code, answer.json) == (200, {**begun, "paused": False})
    assert client.get(f"{V1}/pauses").json == {"items": [], "next": None}


@every_scope
def test_the_same_again_does_no_harm(client: FlaskClient, path: str, scope: str) -> None:
    first = client.post(f"{V1}{path}/pause", json={"note": "x"}).json
    assert client.post(f"{V1}{path}/pause", json={"note": "x"}).json == first
    for _ in range(2):
        answer = client.post(f"{V1}{path}/resume", json={})
        assert answer.status_code == 200
    assert answer.json == {
        "scope": scope, "paused": False, "who": None, "at": None, "note": "", "held": 0,
    }  # fmt: skip


def test_they_are_listed_by_scope_with_what_they_hold(client, dispatch: Dispatch) -> None:
    run_id = create(client, queue="reports")["last_run"]["id"]
    for path in SCOPES:
        client.post(f"{V1}{path}/pause")
    held(dispatch, run_id)
    listed = client.get(f"{V1}/pauses").json["items"]
    assert [(one["scope"], one["held"]) for one in listed] == [
        ("all", 1), ("queue:reports", 0), ("type:app.mail", 0),
    ]  # fmt: skip
    assert client.post(f"{V1}/resume").json["held"] == 1


@pytest.mark.parametrize("path", SCOPES)
def test_a_note_is_a_line(client: FlaskClient, path: str) -> None:
    for note in ("x" * 501, "a\nb", 5, None):
        refused(client.post(f"{V1}{path}/pause", json={"note": note}), "note")
    refused(client.post(f"{V1}{path}/resume", json={"note": "x"}), "note")
    assert client.get(f"{V1}/pauses").json["items"] == []


def test_a_name_that_can_be_none_is_refused(client: FlaskClient) -> None:
    refused(client.post(f"{V1}/queues/a%20b/pause"), "queue")
    refused(client.post(f"{V1}/types/{'x' * 129}/resume"), "type_name")


def test_there_are_so_many_and_no_more(client: FlaskClient, dispatch: Dispatch) -> None:
    for number in range(200):
        dispatch.store.pauses.pause(f"queue:{number}", "ci")
    refused(client.post(f"{V1}/pause"), "scope")


# What tasks and runs say


def notes(client: FlaskClient, task_id: str) -> list[str]:
    return client.get(f"{TASKS}/{task_id}").json["notes"]


def test_a_task_says_which_pauses_stand_in_its_way(client: FlaskClient) -> None:
    mine = create(client, schedule=DAILY, queue="reports", type="app.mail")["id"]
    other = create(client, schedule=DAILY)["id"]
    client.post(f"{V1}/queues/reports/pause", json={"note": "the disk is full"})
    client.post(f"{V1}/types/app.mail/pause")
    assert notes(client, mine) == [
        f"The queue reports is paused by {WHO}: the disk is full",
        f"The type app.mail is paused by {WHO}",
    ]
    assert notes(client, other) == []
    assert client.get(TASKS).json["items"][1]["notes"] == notes(client, mine)
    client.post(f"{V1}/pause", json={"note": "the night"})
    assert notes(client, other) == [f"Everything is paused by {WHO}: the night"]
    for path in SCOPES:
        client.post(f"{V1}{path}/resume")
    assert notes(client, mine) == []


def test_a_run_that_is_held_says_why(client: FlaskClient, dispatch: Dispatch) -> None:
    task = create(client, queue="reports")
    client.post(f"{V1}/queues/reports/pause", json={"note": "the disk is full"})
    held(dispatch, task["last_run"]["id"])
    run = client.get(f"{RUNS}/{task['last_run']['id']}").json
    assert (run["status"], run["reason"]) == (
        "queued", "the queue reports is paused: the disk is full",
    )  # fmt: skip
    assert client.post(f"{RUNS}/{run['id']}/cancel").json["status"] == "cancelled"
    assert client.get(f"{V1}/pauses").json["items"][0]["held"] == 0


# Who


@pytest.fixture
def keyed(api: Callable[..., FlaskClient]) -> FlaskClient:
    return api(DISPATCH_API_KEYS="ci:s3cret-of-ci,ops:s3cret-of-ops")


@pytest.mark.parametrize("name", ["ci", "ops"])
def test_who_did_it_is_the_name_of_the_key(keyed: FlaskClient, name: str) -> None:
    key = {"Authorization": f"Bearer s3cret-of-{name}"}
    assert keyed.post(f"{V1}/queues/reports/pause", headers=key).json["who"] == name
    keyed.put(f"{TASKS}/mine", json={"type": "echo", "schedule": DAILY}, headers=key)
    answer = keyed.post(f"{TASKS}/mine/pause", json={"note": "too loud"}, headers=key)
    assert answer.json["notes"] == [f"Paused by {name}: too loud"]
    assert keyed.post(f"{TASKS}/mine/pause", headers=key).json["notes"] == [f"Paused by {name}"]


def test_without_a_key_nothing_is_paused(keyed: FlaskClient) -> None:
    problem(keyed.post(f"{V1}/pause"), 401, "not-allowed")
    key = {"Authorization": "Bearer s3cret-of-ci"}
    assert keyed.get(f"{V1}/pauses", headers=key).json["items"] == []
