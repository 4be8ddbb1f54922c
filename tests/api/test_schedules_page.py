"""Every call in docs/schedules.md, run as it stands there, gives the answer that stands there."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
from flask import Flask
from flask.testing import FlaskClient

from dispatch_app.domain.schedule import Cron, zones
from dispatch_app.domain.schedule.phrases import LANGUAGES
from tests.conventions.repository import read

PAGE = read("docs/schedules.md")
CALLS = re.findall(r"^```bash\n(.*?)^```\n\n```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
#: What stands by itself: tasks.
BODIES = re.findall(r"(?<!```\n\n)^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
#: The cells of the table that says expressions in words.
TABLE = PAGE.partition("| in words |\n")[2].partition("\n\n")[0]
WORDS = re.findall(r"^\| `(.+?)` \| (.+) \|$", TABLE, re.MULTILINE)
#: Morocco's last change of the clock is in the data since then.
FOR_MOROCCO = "2026f"


@pytest.mark.parametrize(("call", "answer"), CALLS)
def test_a_call_answers_as_it_does_on_the_page(app: Flask, serve, call: str, answer: str) -> None:
    if "Casablanca" in call and FOR_MOROCCO > zones.VERSION:
        pytest.skip(f"the zone data are {zones.VERSION}")
    with serve(app) as url:
        command = f"{call.replace('http://localhost:8080', url).rstrip()} -sS"
        said = subprocess.check_output(["bash", "-c", command], timeout=60)
    assert json.loads(said) == json.loads(answer)


@pytest.mark.parametrize("body", BODIES)
def test_a_task_on_the_page_can_be_made(client: FlaskClient, body: str) -> None:
    answer = client.post("/api/v1/tasks", json=json.loads(body))
    assert answer.status_code == 201, answer.text


def test_every_call_on_the_page_is_tried() -> None:
    assert len(CALLS) + len(BODIES) == PAGE.count("```json")
    assert len(CALLS) == PAGE.count("```bash") == PAGE.count("curl ") >= 5
    calls = "".join(call for call, _ in CALLS)
    for zone in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"):
        assert zone in calls


@pytest.mark.parametrize(("expression", "words"), WORDS)
def test_an_expression_means_what_the_page_says(expression: str, words: str) -> None:
    assert Cron(cron=expression).describe() == words


def test_every_language_is_on_the_page() -> None:
    section = PAGE.partition("## Languages\n")[2].partition("```")[0]
    assert set(re.findall(r"\(`(\w\w)`\)", section)) == set(LANGUAGES)
    assert len(WORDS) >= 10
