"""The OpenAPI document says all there is; the page that shows it needs nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from dispatch_api import problems
from tests.api.calls import EVERY_FIELD, RUNS, TASKS, create

METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    return app.test_client().get("/openapi.json").json


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """`GET /path` with its operation."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method.upper()} {path}", item[method]


def test_the_document_is_valid(document) -> None:
    assert document["openapi"] == "3.1.0"
    validate(document)


def test_every_operation_says_what_it_does_under_a_name_of_its_own(document) -> None:
    found = dict(operations(document))
    assert found
    for name, operation in found.items():
        assert operation["summary"], name
        assert operation["tags"], name
    assert len({operation["operationId"] for operation in found.values()}) == len(found)


def test_every_operation_says_what_it_answers(document) -> None:
    for name, operation in operations(document):
        codes = set(operation["responses"])
        assert codes & {"200", "201", "204"}, name
        assert {"401", "422", "503"} <= codes, name
        if "requestBody" in operation:
            assert {"400", "413", "415"} <= codes, name
        # a name that need not be there: of what is put, or paused
        free = name.startswith("PUT") or operation["tags"] == ["pauses"]
        assert "404" in codes or "{" not in name or free, name


def test_every_problem_is_said_in_one_form(document) -> None:
    for name, operation in operations(document):
        for code, answer in operation["responses"].items():
            if code.isdigit() and int(code) < 400:
                continue
            answer = resolved(document, answer)
            assert set(answer["content"]) == {problems.CONTENT_TYPE}, (name, code)
            schema = resolved(document, answer["content"][problems.CONTENT_TYPE]["schema"])
            assert {"type", "title", "status", "detail", "errors"} <= set(schema["properties"])
    types = document["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]
    assert set(types) == {problems.TYPE_PREFIX + name for name in problems.MEANINGS}


def resolved(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """What a `$ref` points to."""
    if "$ref" not in node:
        return node
    for name in node["$ref"].removeprefix("#/").split("/"):
        document = document[name]
    return document


def test_every_reference_leads_somewhere_in_the_document(document) -> None:
    for reference in references(document):
        assert reference.startswith("#/")
        assert resolved(document, {"$ref": reference})


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for inner in node.values():
            yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


def test_examples_in_the_document_work(client: FlaskClient, document) -> None:
    """Who copies one from the page gets an answer of the kind that is promised."""
    client.put(f"{TASKS}/mine", json={"type": "echo", "schedule": EVERY_FIELD["schedule"]})
    tried = 0
    for name, operation in operations(document):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        if "example" not in body:
            continue
        method, path = name.split()
        path = path.format(task_id="mine", name="mine")
        answer = client.open(path, method=method, json=body["example"])
        assert str(answer.status_code) in operation["responses"], answer.text
        assert answer.status_code < 300, answer.text
        tried += 1
    assert tried >= 4


def test_what_is_shown_is_what_the_document_says(client: FlaskClient, document) -> None:
    """No field that the document does not have, none missing."""
    task = create(client, **EVERY_FIELD)
    run = client.post(f"{TASKS}/{task['id']}/trigger").json
    schemas = document["components"]["schemas"]
    assert set(task) == set(schemas["Task"]["properties"])
    assert set(run) == set(schemas["Run"]["properties"])
    assert set(client.get(RUNS).json) == set(schemas["RunPage"]["properties"])
    kinds = resolved_schedules(document)
    assert set(task["schedule"]) == set(kinds["cron"]["properties"])


def resolved_schedules(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Kind -> schema, out of the alternatives of a task's schedule."""
    choices = document["components"]["schemas"]["Task"]["properties"]["schedule"]["oneOf"]
    schemas = [resolved(document, choice) for choice in choices if "$ref" in choice]
    return {schema["properties"]["type"]["enum"][0]: schema for schema in schemas}


def test_every_kind_of_schedule_is_in_the_document(document) -> None:
    assert set(resolved_schedules(document)) == {"one-time", "interval", "cron"}


def test_keys_are_documented_and_healthz_needs_none(document) -> None:
    assert document["components"]["securitySchemes"] == {
        "key": {"type": "http", "scheme": "bearer"}
    }
    assert dict(operations(document))["GET /healthz"]["security"] == []
    assert {"key": []} in document["security"]


# The page


class Links(HTMLParser):
    """Everything that a page loads or leads to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inline = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.found += [named[name] for name in ("src", "href") if named.get(name)]
        self.inline += tag in ("script", "style") and "src" not in named
        self.inline += any(name.startswith("on") or name == "style" for name in named)


def test_all_that_the_page_loads_comes_from_here(client: FlaskClient) -> None:
    answer = client.get("/docs")
    assert answer.status_code == 200
    assert answer.content_type == "text/html; charset=utf-8"
    links = Links(answer.text)
    assert len(links.found) >= 4
    for link in links.found:
        assert not urlsplit(link).netloc, link
        part = client.get(urljoin("/docs", link))
        assert part.status_code == 200, link
        assert part.headers["X-Content-Type-Options"] == "nosniff"
        part.close()


def test_the_page_names_no_place_elsewhere(client: FlaskClient) -> None:
    page = client.get("/docs").text
    with client.get("/docs/start.js") as script:
        start = script.text
    assert "//" not in re.sub(r"^\s*//.*$", "", page + start, flags=re.MULTILINE)
    assert 'url: "openapi.json"' in start
    assert "validatorUrl: null" in start, "else it sends the document to a validator elsewhere"


def test_the_browser_is_told_to_load_nothing_from_elsewhere(client: FlaskClient) -> None:
    policy = dict(
        rule.strip().split(" ", 1)
        for rule in client.get("/docs").headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    allowed = {"'self'", "'none'", "'unsafe-inline'", "data:"}
    assert {source for sources in policy.values() for source in sources.split()} <= allowed
    assert Links(client.get("/docs").text).inline == 0, "the policy would forbid it"


def test_the_page_works_below_a_prefix(client: FlaskClient) -> None:
    """Behind a proxy that serves it under /jobs, say: every link is relative."""
    links = Links(client.get("/docs").text)
    assert not [link for link in links.found if link.startswith("/")]


@pytest.mark.parametrize(
    "name",
    ["nothing.js", "page.html", "routes.py", "..%2froutes.py", "../../../../etc/passwd", "%00"],
)
def test_nothing_else_is_served_beside_the_page(client: FlaskClient, name: str) -> None:
    answer = client.get(f"/docs/{name}")
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"
