"""Every operation of the OpenAPI document, with what nobody should send (rows 61 and 62).

What the document forbids is refused with a reason that names the field, and stores nothing at all;
what it allows may be refused too, but nothing ends in a 500.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from dispatch_api import create_app
from dispatch_api.problems import CONTENT_TYPE
from dispatch_app.dispatch import Dispatch
from tests.api.calls import CALENDARS, DAILY, LATER, LETTERS, ONCE, TASKS, finish, start
from tests.api.conftest import new_dispatch
from tests.api.test_bodies import HOSTILE

METHODS = ("get", "post", "put", "patch", "delete")


def described() -> dict[str, Any]:
    """The OpenAPI document, with no need of a server."""
    dispatch = new_dispatch("redis://127.0.0.1:1/0")
    document = create_app(dispatch).test_client().get("/openapi.json").json
    dispatch.store.close()
    return document


def inlined(node: Any, document: dict[str, Any]) -> Any:
    """A part of the document with what its references point to in their place."""
    if isinstance(node, list):
        return [inlined(inner, document) for inner in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        found: Any = document
        for name in node["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        return inlined(found, document)
    return {name: inlined(inner, document) for name, inner in node.items()}


def operations() -> dict[str, dict[str, Any]]:
    """Operation by its id: its method and path, the schema of its body (or None), and the names
    of its query arguments and headers."""
    document, found = described(), {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method not in item:
                continue
            said = inlined(item[method], document)
            content = said.get("requestBody", {}).get("content", {})
            parameters = said.get("parameters", [])
            found[said["operationId"]] = {
                "method": method,
                "path": path,
                "body": content.get("application/json", {}).get("schema"),
                "query": [one["name"] for one in parameters if one["in"] == "query"],
                "headers": [one["name"] for one in parameters if one["in"] == "header"],
            }
    return found


OPERATIONS = operations()
WITH_BODY = [name for name, operation in OPERATIONS.items() if operation["body"]]
WITH_HEADERS = [name for name, operation in OPERATIONS.items() if operation["headers"]]
WITH_ID = [name for name, operation in OPERATIONS.items() if "{" in operation["path"]]

#: What is no JSON object in any way; not for any operation in particular.
RAW = {name: body for name, (body, status, _) in HOSTILE.items() if status in (400, 413)} | {
    "a list": b"[]",
    "a list of an object": b'[{"type": "echo"}]',
    "a text": b'"echo"',
    "a number": b"1",
    "true": b"true",
    "null": b"null",
    "a list in lists, as deep as it may be": b"[" * 32 + b"]" * 32,
    "NULs": b"\x00" * 1_000,
    "noise": bytes(range(256)) * 100,
    "a form": b"type=echo&name=x",
    "XML": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
}

DEEP: Any = "x"
for _ in range(25):
    DEEP = {"a": [DEEP]} if isinstance(DEEP, str) else [DEEP]

#: Values for every field, of each type and of some sizes.
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 2**53, -(2**53), 1e308, -1e308, 5e-324),
    *("", " ", "\x00", "a\nb", "\u202eabc", "💥" * 100, "x" * 20_000, "{", "%s%n", "../..", "null"),
    *("Infinity", "-1", "1e400", "9" * 400, "9" * 5_000 + "h", "P" + "9" * 400 + "D"),
    *("2030-02-30T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", LATER),
    *([], [[]], [None], ["x"], ["x"] * 10_000, [{"a": 1}], DEEP),
    *({}, {"": ""}, {"type": "cron"}, {"type": {}}, {"$ref": "#"}, {"__proto__": {"a": 1}}),
]  # fmt: skip

#: What an operation needs to be content, where that is not nothing.
CONTENT: dict[str, dict[str, Any]] = {
    "create_task": {"type": "echo"},
    "replace_task": {"type": "echo"},
    "preview_schedule": {"schedule": DAILY},
    "backfill_task": {"start": "2024-01-01T00:00:00Z", "end": "2024-01-02T00:00:00Z"},
}
SCHEDULES = {"one-time": ONCE, "interval": {"type": "interval", "every": 60}, "cron": DAILY}


class Target:
    """An installation with a task `mine`, a run and a dead letter of it and a calendar `mine`, and
    calls of any operation on them."""

    def __init__(self, client: FlaskClient, dispatch: Dispatch) -> None:
        self.client, self._redis = client, dispatch.store.client
        assert client.put(f"{TASKS}/mine", json={"type": "echo", "schedule": DAILY}).json
        assert client.put(f"{CALENDARS}/mine", json={}).json
        self._run = client.post(f"{TASKS}/mine/trigger").json["id"]
        self._letter = client.post(f"{TASKS}/mine/trigger").json["id"]
        start(dispatch, self._letter)
        finish(dispatch, self._letter, "failed")
        window = CONTENT["backfill_task"]
        self._backfill = client.post(f"{TASKS}/mine/backfill", json=window).json["id"]

    def call(self, name: str, ids: str | None = None, query: str = "", **sent: Any) -> TestResponse:
        operation = OPERATIONS[name]
        path = operation["path"].replace("{task_id}", ids or "mine")
        run_id = self._letter if "dead_letter" in name else self._run
        path = path.replace("{run_id}", ids or run_id).replace("{name}", ids or "mine")
        path = path.replace("{backfill_id}", ids or self._backfill)
        path = path.replace("{queue}", ids or "mine").replace("{type_name}", ids or "mine")
        path = f"{path}?{query}" if query else path
        return self.client.open(path, method=operation["method"], **sent)

    def state(self) -> dict[str, str]:
        """All that is stored."""
        return {key: self._redis.dump(key) for key in self._redis.keys("*")}

    def is_whole(self) -> bool:
        """Whether all that is listed can be read."""
        listed = [f"{TASKS}/{one['id']}" for one in self._listed(TASKS)]
        listed += [f"{path}/runs" for path in listed]
        listed += [f"/api/v1/runs/{one['id']}" for one in self._listed("/api/v1/runs")]
        listed += [f"{LETTERS}/{one['id']}" for one in self._listed(LETTERS)]
        calendars = self.client.get(CALENDARS).json["items"]
        listed += [f"{CALENDARS}/{one['name']}" for one in calendars]
        return all(self.client.get(path).status_code == 200 for path in listed)

    def _listed(self, path: str) -> list[dict[str, Any]]:
        return self.client.get(f"{path}?limit=500").json["items"]


@pytest.fixture
def target(client: FlaskClient, dispatch: Dispatch) -> Target:
    return Target(client, dispatch)


def explained(answer: TestResponse, what: Any) -> dict[str, list[str]]:
    """The fields that a refusal names; what is no refusal of the right form fails the test."""
    shown = (str(what)[:200], answer.status_code, answer.text[:300])
    assert 400 <= answer.status_code < 500, shown
    assert answer.content_type == CONTENT_TYPE, shown
    assert answer.json["type"].startswith("urn:dispatch:problem:"), shown
    assert answer.json["detail"], shown
    return answer.json.get("errors", {})


def answered(answer: TestResponse, what: Any) -> None:
    """Fails the test where an answer is neither of the right kind nor a refusal with a reason."""
    assert answer.status_code < 500, (str(what)[:200], answer.text[:300])
    if answer.status_code >= 400:
        explained(answer, what)


def fields(schema: dict[str, Any], body: dict[str, Any]) -> Iterator[tuple[str, Any, dict]]:
    """Dotted path, schema and surrounding body of each field of an object, also further in."""
    for name, inner in schema.get("properties", {}).items():
        if inner.get("readOnly"):
            continue
        yield name, inner, body
        for choice in inner.get("oneOf", [inner]):
            if "properties" not in choice:
                continue
            kind = choice["properties"].get("type", {}).get("enum", [""])[0]
            for path, field, content in fields(choice, SCHEDULES.get(kind, {})):
                yield f"{name}.{path}", field, {**body, name: content}


def put(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The body with another value in that field."""
    name, _, rest = path.partition(".")
    return {**body, name: put(body[name], rest, value) if rest else value}


def bodies(name: str) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Path of a field, a body with a value of ours in it, whether the document allows it."""
    for path, schema, content in fields(OPERATIONS[name]["body"], CONTENT.get(name, {})):
        validator = Draft202012Validator(schema)
        for value in VALUES:
            yield path, put(content, path, value), validator.is_valid(value)


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(RAW) >= 50
    assert len(WITH_BODY) >= 9
    paths = {path for path, _, _ in bodies("create_task")}
    assert {"tags", "retry.jitter", "schedule.every", "schedule.cron", "misfire.policy"} <= paths


@pytest.mark.parametrize("name", WITH_BODY)
def test_no_operation_takes_what_is_no_json_object(target: Target, name: str) -> None:
    before = target.state()
    for what, body in RAW.items():
        explained(target.call(name, data=body, content_type="application/json"), what)
    assert target.state() == before


@pytest.mark.parametrize("name", WITH_BODY)
def test_what_the_document_forbids_is_refused_by_name(target: Target, name: str) -> None:
    before = target.state()
    for path, body, allowed in bodies(name):
        if not allowed:
            named = explained(target.call(name, json=body), body)
            assert any(f"{field}.".startswith(f"{path}.") for field in named), (path, body, named)
    assert target.state() == before


@pytest.mark.parametrize("name", WITH_BODY)
def test_what_the_document_allows_is_no_trouble(target: Target, name: str) -> None:
    for _, body, allowed in bodies(name):
        if allowed:
            answered(target.call(name, json=body), body)
    assert target.is_whole()


@pytest.mark.parametrize("name", WITH_BODY)
def test_unknown_fields_are_refused_by_name(target: Target, name: str) -> None:
    before = target.state()
    content = CONTENT.get(name, {})
    for unknown in (
        "x",
        "",
        " ",
        "value",
        "_schema",
        "__class__",
        "a.b",
        "\x00",
        "💥",
        "x" * 10_000,
    ):
        named = explained(target.call(name, json={**content, unknown: 1}), unknown)
        (field,) = named
        assert unknown.startswith(field) or not unknown, field
    assert target.state() == before


@pytest.mark.parametrize("name", OPERATIONS)
def test_unknown_and_repeated_query_arguments_are_refused_by_name(target, name: str) -> None:
    before = target.state()
    content = CONTENT.get(name) if name in WITH_BODY else None
    for unknown in ("x", "value", "_schema", "format", "LIMIT"):
        assert list(explained(target.call(name, query=f"{unknown}=1", json=content), name)) == [
            unknown
        ]
    for known in (*OPERATIONS[name]["query"], "x"):
        answer = target.call(name, query=f"{known}=1&{known}=1", json=content)
        assert known in explained(answer, name)
    assert target.state() == before


@pytest.mark.parametrize("name", [name for name in OPERATIONS if OPERATIONS[name]["query"]])
def test_no_query_argument_is_any_trouble(target: Target, name: str) -> None:
    texts = ["", "0", "-1", "%00", "%ff%fe", "%ED%A0%80", "x" * 5_000, "[]", "{}", "1e400", "NaN",
             "%F0%9F%92%A5", "9" * 400, "null", "%0a", "true", "AAAA", "1970-01-01T00:00:00Z",
             "9999-12-30T00:00:00Z", "2026-01-01T00:00:00%2B99:99", "%", "%zz"]  # fmt: skip
    for known in OPERATIONS[name]["query"]:
        for text in texts:
            answered(target.call(name, query=f"{known}={text}"), (known, text))
    assert target.is_whole()


@pytest.mark.parametrize("name", WITH_ID)
def test_no_id_is_any_trouble(target: Target, name: str) -> None:
    before = target.state()
    content = CONTENT.get(name) if name in WITH_BODY else None
    for ids in ("%00", "a%20b", "..%2f..", "%F0%9F%92%A5", "%ff%fe", "x" * 129, "x" * 10_000, "'",
                "*", "{mine}", "mine%0a", "mine%00", "%25", "m/i"):  # fmt: skip
        explained(target.call(name, ids, json=content), ids)
    assert target.state() == before


@pytest.mark.parametrize("name", WITH_HEADERS)
def test_no_header_is_any_trouble(target: Target, name: str) -> None:
    content = CONTENT.get(name, {}) if name in WITH_BODY else None
    for text in ("", " ", '"', "W/", ",", "*, *", '"\xff"', "x" * 8_000, '"1",' * 2_000, "\x7f"):
        for header in OPERATIONS[name]["headers"]:
            answered(target.call(name, json=content, headers={header: text}), (header, text))
    assert target.is_whole()


def test_a_body_of_the_largest_size_is_no_trouble(target: Target) -> None:
    names = {f"{number:05}": number for number in range(4_000)}
    for field in ("payload", "metadata", "tags", "description", "name", "schedule", "retry"):
        for value in (names, list(names), json.dumps(names)):
            answered(target.call("create_task", json={"type": "echo", field: value}), field)
    assert target.is_whole()
