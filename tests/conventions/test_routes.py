"""What the API answers to, who may call it, and that it is documented."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask

from dispatch_api import access, create_app, resources
from tests.api.conftest import new_dispatch

#: What callers rely on. A route that is gone, or one that is new, has to be written down here.
ROUTES = """
GET     /api/v1/calendars
DELETE  /api/v1/calendars/<name>
GET     /api/v1/calendars/<name>
PUT     /api/v1/calendars/<name>
GET     /api/v1/backfills
DELETE  /api/v1/dead-letters
GET     /api/v1/dead-letters
POST    /api/v1/dead-letters/replay
DELETE  /api/v1/dead-letters/<run_id>
GET     /api/v1/dead-letters/<run_id>
POST    /api/v1/dead-letters/<run_id>/replay
GET     /api/v1/backfills/<backfill_id>
POST    /api/v1/backfills/<backfill_id>/cancel
POST    /api/v1/pause
GET     /api/v1/pauses
POST    /api/v1/queues/<queue>/pause
POST    /api/v1/queues/<queue>/resume
POST    /api/v1/resume
GET     /api/v1/runs
GET     /api/v1/runs/<run_id>
POST    /api/v1/runs/<run_id>/cancel
POST    /api/v1/runs/<run_id>/retry
POST    /api/v1/schedules/preview
GET     /api/v1/tasks
POST    /api/v1/tasks
DELETE  /api/v1/tasks/<task_id>
GET     /api/v1/tasks/<task_id>
PATCH   /api/v1/tasks/<task_id>
PUT     /api/v1/tasks/<task_id>
POST    /api/v1/tasks/<task_id>/backfill
POST    /api/v1/tasks/<task_id>/pause
GET     /api/v1/tasks/<task_id>/result
POST    /api/v1/tasks/<task_id>/resume
GET     /api/v1/tasks/<task_id>/runs
POST    /api/v1/tasks/<task_id>/trigger
GET     /api/v1/types
POST    /api/v1/types/<type_name>/pause
POST    /api/v1/types/<type_name>/resume
GET     /docs
GET     /docs/<name>
GET     /healthz
GET     /metrics
GET     /openapi.json
GET     /readyz
"""

#: A server that is not there: who may not call is refused before anybody asks it.
NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    """An app with a key configured."""
    dispatch = new_dispatch(NOWHERE, {"DISPATCH_API_KEYS": "ci:s3cret"})
    yield create_app(dispatch)
    dispatch.store.close()


def routes(app: Flask) -> list[tuple[str, str]]:
    """Method and path of everything that the app answers to, as the table above has them."""
    return sorted(
        (method, re.sub(r"<\w+:", "<", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    )


def test_the_routes_are_those_that_are_promised(app: Flask):
    promised = [tuple(line.split()) for line in ROUTES.strip().splitlines()]
    assert routes(app) == sorted(promised)


def test_nothing_but_healthz_answers_without_a_key(app: Flask):
    client = app.test_client()
    answered = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if client.open(re.sub(r"<[^>]*>", "x", rule.rule), method=method).status_code != 401
    }
    assert answered == {"health.healthz"} == access.OPEN


def test_every_route_is_in_the_openapi_document_or_is_a_page(app: Flask):
    answer = app.test_client().get("/openapi.json", headers={"Authorization": "Bearer s3cret"})
    documented = {
        (method.upper(), path.replace("{", "<").replace("}", ">"))
        for path, operations in answer.json["paths"].items()
        for method in operations
        if method in ("get", "post", "put", "patch", "delete")
    }
    pages = {
        path
        for _, path in routes(app)
        for page in resources.PAGES
        if path.startswith(f"/{page.name}")
    }
    missing = [r for r in routes(app) if r not in documented and r[1] not in pages]
    assert missing == [("GET", "/openapi.json")]


def test_every_noun_of_the_api_has_a_folder_of_routes_and_schemas():
    for blueprint in resources.VERSIONED:
        # the paths of pauses say what is paused: a queue, a type
        own = "" if blueprint.name == "pauses" else f"/{blueprint.name.replace('_', '-')}"
        assert blueprint.url_prefix == own
        assert blueprint.import_name == f"dispatch_api.resources.{blueprint.name}.routes"
