"""What can be scheduled, and payloads that do not fit it."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from dispatch_app.dispatch import Dispatch
from dispatch_app.store.types import TaskType
from tests.api.calls import DAILY, TASKS, create, refused

SCHEMA = {
    "type": "object",
    "properties": {
        "to": {"type": "string", "minLength": 1},
        "copies": {"type": "integer", "maximum": 3},
        "style": {
            "type": "object",
            "properties": {"font": {"enum": ["serif", "sans"]}},
            "additionalProperties": False,
        },
        "pages": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["to"],
    "additionalProperties": False,
}
PRINT = TaskType(name="office.print", schema=SCHEMA, description="On paper.", queue="paper")


@pytest.fixture
def office(client: FlaskClient, dispatch: Dispatch) -> FlaskClient:
    """A client of an installation whose worker can print."""
    dispatch.store.types.announce([PRINT, TaskType(name="echo", schema={"type": "object"})])
    return client


def test_nobody_can_do_anything_before_a_worker_has_said_so(client: FlaskClient) -> None:
    assert client.get("/api/v1/types").json == {"items": [], "next": None}


def test_types_are_listed_by_name_with_their_payloads_schemas(office: FlaskClient) -> None:
    answer = office.get("/api/v1/types")
    assert answer.status_code == 200
    plain = {"description": "", "queue": "default", "payload_schema": {"type": "object"}}
    paper = {"description": "On paper.", "queue": "paper", "payload_schema": SCHEMA}
    assert answer.json == {
        "items": [{"name": "echo", **plain}, {"name": "office.print", **paper}],
        "next": None,
    }


def test_a_real_worker_says_what_it_can_do(installation, api) -> None:
    installation.worker(app="dispatch_app")
    items = api(REDIS_URL=installation.server.url).get("/api/v1/types").json["items"]
    types = {item["name"]: item for item in items}
    assert {"echo", "email", "http", "sleep"} <= set(types)
    assert "to" in types["email"]["payload_schema"]["properties"]
    assert all(item["description"] for item in items)


def test_a_task_goes_to_the_queue_of_its_type(office: FlaskClient) -> None:
    assert create(office, type="office.print", payload={"to": "x"})["queue"] == "paper"


@pytest.mark.parametrize(
    ("payload", "fields"),
    [
        ({}, ["payload.to"]),
        ({"to": 5}, ["payload.to"]),
        ({"to": ""}, ["payload.to"]),
        ({"to": "x", "copies": 4}, ["payload.copies"]),
        ({"to": "x", "copies": "1", "pages": [1, "2"]}, ["payload.copies", "payload.pages.1"]),
        ({"to": "x", "style": {"font": "comic"}}, ["payload.style.font"]),
        ({"to": "x", "style": {"size": 12}}, ["payload.style"]),
        ({"to": "x", "colour": True}, ["payload"]),
        ({"to": "x", "pages": [None] * 500}, [f"payload.pages.{n}" for n in range(20)]),
    ],
)
def test_a_payload_that_does_not_fit_is_refused_by_field(
    office: FlaskClient, payload: dict[str, Any], fields: list[str]
) -> None:
    body = {"type": "office.print", "payload": payload}
    refused(office.post(TASKS, json=body), *fields)
    refused(office.put(f"{TASKS}/mine", json=body), *fields)
    assert office.get(TASKS).json["items"] == []


def test_a_field_that_is_not_taken_is_named(office: FlaskClient) -> None:
    body = {"type": "office.print", "payload": {"to": "x", "colour": True}}
    assert "'colour' was unexpected" in office.post(TASKS, json=body).json["errors"]["payload"][0]


def test_a_change_has_to_fit_too(office: FlaskClient) -> None:
    task = create(office, type="office.print", payload={"to": "x"}, schedule=DAILY)
    path = f"{TASKS}/{task['id']}"
    refused(office.patch(path, json={"payload": {"copies": 1}}), "payload.to")
    assert office.patch(path, json={"type": "echo", "payload": {}}).status_code == 200
    refused(office.patch(path, json={"type": "office.print"}), "payload.to")


def test_a_type_that_nobody_knows_yet_is_taken(office: FlaskClient) -> None:
    """It waits for a worker that does."""
    assert create(office, type="not.yet.deployed", payload={"any": 1})["status"] == "queued"


def test_a_type_whose_schema_is_broken_can_be_scheduled(client, dispatch: Dispatch) -> None:
    dispatch.store.types.announce([TaskType(name="broken", schema={"type": "nonsense"})])
    assert create(client, type="broken", payload={"any": 1})["status"] == "queued"
    assert client.get("/api/v1/types").json["items"][0]["payload_schema"] == {"type": "nonsense"}
