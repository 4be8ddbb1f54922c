"""Pause and resume, run now, run a window."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from dispatch_app.dispatch import Dispatch
from dispatch_app.scheduler.dispatching import advance
from dispatch_app.store.types import TaskType
from tests.api.calls import (
    DAILY,
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

MINE = f"{TASKS}/mine"
BACKFILLS = "/api/v1/backfills"


@pytest.fixture
def mine(client: FlaskClient) -> FlaskClient:
    """A client of an installation with one task, which is due daily."""
    body = {"type": "echo", "schedule": DAILY, "payload": {"a": 1, "b": [2]}, "queue": "slow"}
    assert client.put(MINE, json=body).status_code == 201
    return client


def agenda(dispatch: Dispatch) -> list[str]:
    """What waits for its moment."""
    return dispatch.store.client.zrange(dispatch.store.keys.agenda(), 0, -1)


# Pause and resume


def test_a_paused_task_says_why_and_is_not_due(mine, dispatch: Dispatch) -> None:
    answer = mine.post(f"{MINE}/pause", json={"note": "the target is down until Monday"})
    assert answer.status_code == 200
    assert answer.json == mine.get(MINE).json
    assert (answer.json["status"], answer.json["enabled"]) == ("paused", False)
    assert answer.json["notes"] == [
        "Paused by somebody on this machine: the target is down until Monday"
    ]
    assert answer.json["next_run_at"] is None
    assert agenda(dispatch) == []


def test_a_resumed_task_is_due_again_without_a_note(mine, dispatch: Dispatch) -> None:
    before = mine.get(MINE).json
    mine.post(f"{MINE}/pause", json={"note": "for a while"})
    answer = mine.post(f"{MINE}/resume")
    assert answer.status_code == 200
    assert answer.json == {**before, "updated_at": answer.json["updated_at"]}
    assert agenda(dispatch) == ["t:mine"]


def test_the_same_again_does_no_harm(mine: FlaskClient) -> None:
    for _ in range(2):
        assert mine.post(f"{MINE}/pause").json["status"] == "paused"
    for _ in range(2):
        assert mine.post(f"{MINE}/resume", json={}).json["status"] == "scheduled"


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_what_has_no_schedule_ahead_has_nothing_to_stop(
    client: FlaskClient, dispatch: Dispatch, verb: str
) -> None:
    running = create(client)["id"]
    over = ended(client, dispatch)
    for task_id in (running, over):
        before = client.get(f"{TASKS}/{task_id}").json
        problem(client.post(f"{TASKS}/{task_id}/{verb}"), 409, "conflict")
        assert client.get(f"{TASKS}/{task_id}").json == before


def test_a_note_is_a_line(mine: FlaskClient) -> None:
    for note in ("x" * 501, "a\nb", 5, None):
        refused(mine.post(f"{MINE}/pause", json={"note": note}), "note")
    refused(mine.post(f"{MINE}/resume", json={"note": "x"}), "note")
    assert mine.get(MINE).json["status"] == "scheduled"


# Trigger


def test_a_trigger_makes_a_run_beside_the_schedule(mine, dispatch: Dispatch) -> None:
    before = mine.get(MINE).json
    answer = mine.post(f"{MINE}/trigger")
    assert answer.status_code == 201
    run = answer.json
    assert answer.headers["Location"] == f"/api/v1/runs/{run['id']}"
    assert mine.get(answer.headers["Location"]).json == run
    assert (run["task_id"], run["status"], run["origin"]) == ("mine", "queued", "trigger")
    assert run["queue"] == "slow"
    task = mine.get(MINE).json
    assert (task["next_run_at"], task["status"]) == (before["next_run_at"], "scheduled")
    assert (task["last_run"]["id"], task["counts"]["runs"]) == (run["id"], 1)
    assert dispatch.store.runs.get(run["id"]).definition.payload == {"a": 1, "b": [2]}


def test_a_trigger_may_override_fields_of_the_payload(mine, dispatch: Dispatch) -> None:
    run = mine.post(f"{MINE}/trigger", json={"payload": {"b": None, "c": "x"}}).json
    payload = dispatch.store.runs.get(run["id"]).definition.payload
    assert payload == {"a": 1, "b": None, "c": "x"}
    assert mine.get(MINE).json["payload"] == {"a": 1, "b": [2]}
    plain = mine.post(f"{MINE}/trigger", json={"payload": {}}).json
    assert dispatch.store.runs.get(plain["id"]).definition.payload == {"a": 1, "b": [2]}


def test_an_override_has_to_fit_the_type(mine, dispatch: Dispatch) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    dispatch.store.types.announce([TaskType(name="echo", schema=schema)])
    refused(mine.post(f"{MINE}/trigger", json={"payload": {"a": "x"}}), "payload.a")
    refused(mine.post(f"{MINE}/trigger", json={"payload": []}), "payload")
    assert mine.get(f"{MINE}/runs").json["items"] == []


def test_a_paused_task_and_one_that_ended_may_be_triggered(client, dispatch: Dispatch) -> None:
    paused = create(client, schedule=DAILY, enabled=False)["id"]
    over = ended(client, dispatch)
    for task_id in (paused, over):
        assert client.post(f"{TASKS}/{task_id}/trigger").status_code == 201
    assert client.get(f"{TASKS}/{paused}").json["status"] == "paused"


def test_a_cancelled_task_is_not_run(mine: FlaskClient) -> None:
    mine.delete(MINE)
    window = {"start": "2024-01-01T00:00:00Z", "end": "2024-01-02T00:00:00Z"}
    problem(mine.post(f"{MINE}/trigger"), 409, "conflict")
    problem(mine.post(f"{MINE}/backfill", json=window), 409, "conflict")
    assert mine.get(f"{MINE}/runs").json["items"] == []


# Backfill


WINDOW = {"start": "2024-02-28T00:00:00Z", "end": "2024-03-01T01:00:00+01:00"}


def carried_out(dispatch: Dispatch) -> None:
    """As a scheduler does."""
    while advance(dispatch, dispatch.store.agenda.due()):
        pass


def test_a_backfill_runs_the_occurrences_of_a_window_both_ends_included(mine, dispatch) -> None:
    before = mine.get(MINE).json
    answer = mine.post(f"{MINE}/backfill", json=WINDOW)
    backfill = answer.json
    assert (answer.status_code, backfill["status"], backfill["total"]) == (201, "running", 3)
    assert answer.headers["Location"] == f"{BACKFILLS}/{backfill['id']}"
    assert (backfill["overlap"], backfill["progress"], backfill["made"]) == ("allow_all", 0, 0)
    carried_out(dispatch)
    runs = mine.get(f"{RUNS}?backfill={backfill['id']}").json["items"]
    days = ["2024-03-01", "2024-02-29", "2024-02-28"]
    assert [run["scheduled_for"] for run in runs] == [f"{day}T00:00:00Z" for day in days]
    assert {(r["origin"], r["status"], r["backfill_id"]) for r in runs} == {
        ("backfill", "queued", backfill["id"])
    }
    task = mine.get(MINE).json
    assert (task["next_run_at"], task["counts"]["runs"]) == (before["next_run_at"], 3)
    start(dispatch, runs[-1]["id"])
    finish(dispatch, runs[-1]["id"])
    shown = mine.get(f"{BACKFILLS}/{backfill['id']}").json
    assert (shown["progress"], shown["counts"]["succeeded"]) == (0.3333, 1)


def test_a_backfill_is_listed_and_stopped(mine, dispatch) -> None:
    first = mine.post(f"{MINE}/backfill", json={**WINDOW, "overlap": "buffer_all"}).json
    carried_out(dispatch)
    second = mine.post(f"{MINE}/backfill", json=WINDOW).json
    listed = mine.get(f"{BACKFILLS}?task_id=mine").json
    assert [one["id"] for one in listed["items"]] == [second["id"], first["id"]]
    page = mine.get(f"{BACKFILLS}?limit=1").json
    assert [one["id"] for one in page["items"]] == [second["id"]]
    rest = mine.get(f"{BACKFILLS}?limit=1&cursor={page['next']}").json
    assert [one["id"] for one in rest["items"]] == [first["id"]]
    stopped = mine.post(f"{BACKFILLS}/{first['id']}/cancel")
    assert (stopped.status_code, stopped.json["status"]) == (200, "cancelled")
    assert stopped.json["counts"]["cancelled"] == 3
    assert mine.post(f"{BACKFILLS}/{first['id']}/cancel").status_code == 200
    found = mine.get(f"{BACKFILLS}?status=cancelled").json["items"]
    assert [one["id"] for one in found] == [first["id"]]
    problem(mine.get(f"{BACKFILLS}/nobodys"), 404, "not-found")
    problem(mine.post(f"{BACKFILLS}/nobodys/cancel"), 404, "not-found")


@pytest.mark.parametrize(
    ("window", "field"),
    [
        ({"start": "2024-01-01T01:00:00Z", "end": "2024-01-01T02:00:00Z"}, "start"),
        ({"start": "2024-01-02T00:00:00Z", "end": "2024-01-01T00:00:00Z"}, "end"),
        ({"start": "1970-01-01T00:00:00Z", "end": "2270-01-01T00:00:00Z"}, "end"),
        ({**WINDOW, "overlap": "none"}, "overlap"),
        ({"start": "2024-01-01", "end": "2024-01-01T00:00:00Z"}, "start"),
        ({"start": "2024-01-01T00:00:00Z"}, "end"),
        ({"start": "2024-01-01T00:00:00Z", "end": None}, "end"),
    ],
)
def test_a_window_without_sense_is_refused(mine, window: dict, field: str) -> None:
    refused(mine.post(f"{MINE}/backfill", json=window), field)
    assert mine.get(f"{MINE}/runs").json["items"] == []


@pytest.mark.parametrize("schedule", [None, ONCE])
def test_only_what_recurs_has_occurrences_to_fill_in(client, schedule: dict | None) -> None:
    task_id = create(client, schedule=schedule)["id"]
    window = {"start": "2024-01-01T00:00:00Z", "end": "2024-02-01T00:00:00Z"}
    refused(client.post(f"{TASKS}/{task_id}/backfill", json=window), "schedule")
