"""The bodies in docs/failures.md are ones that the API takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from celery import Celery
from flask.testing import FlaskClient

from dispatch_api import create_app
from dispatch_app.config import load
from dispatch_app.dispatch import Dispatch
from tests.conventions.repository import read

SAMPLES = re.findall(r"```json\n(.*?)```", read("docs/failures.md"), re.DOTALL)
BODIES = [body for body in map(json.loads, SAMPLES) if "type" in body]


@pytest.fixture
def client(redis_url: str) -> Iterator[FlaskClient]:
    config = load(environ={"REDIS_URL": redis_url})
    dispatch = Dispatch(Celery("tests", set_as_current=False), config, default_queue="default")
    yield create_app(dispatch).test_client()
    dispatch.store.close()


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body["type"])
def test_every_body_is_taken_and_says_what_it_says(client, body):
    answer = client.post("/api/v1/tasks", json=body)
    assert answer.status_code == 201, answer.text
    shown = answer.json.get("retry", {})
    for name, value in body.get("retry", {}).items():
        texts = [str(item) for item in value] if isinstance(value, list) else value
        assert shown[name] == texts
