"""The samples in docs/calendars.md, sent as the page says."""

from __future__ import annotations

import json
import re
import shlex

import pytest
from flask.testing import FlaskClient

from dispatch_api import create_app
from dispatch_api.bodies import MAX_CALENDAR_BYTES
from dispatch_app.domain.calendar import MOST_BYTES, MOST_ENTRIES
from dispatch_app.operations import ics
from dispatch_app.store.calendars import MOST
from tests.api.conftest import new_dispatch
from tests.conventions.repository import read

PAGE = read("docs/calendars.md")
CALENDARS = re.findall(r"```http\nPUT (\S+)\n```\n```json\n(.*?)```", PAGE, re.DOTALL)
TASKS = re.findall(r"leave out:\n\n```json\n(.*?)```", PAGE, re.DOTALL)
(CURL,) = re.findall(r"```sh\n(curl .*?)```", PAGE, re.DOTALL)

FILE = b"""BEGIN:VCALENDAR
X-WR-CALNAME:Feiertage
BEGIN:VEVENT
DTSTART;VALUE=DATE:20201225
RRULE:FREQ=YEARLY
SUMMARY:Christmas
END:VEVENT
END:VCALENDAR
"""


@pytest.fixture
def client(redis_url: str):
    """A caller of an installation with the calendars of the page."""
    dispatch = new_dispatch(redis_url)
    client = create_app(dispatch).test_client()
    for path, body in CALENDARS:
        answer = client.put(path, json=json.loads(body))
        assert answer.status_code == 201, answer.text
        assert answer.json.items() >= json.loads(body).items()
    yield client
    dispatch.store.close()


def test_every_sample_on_the_page_is_tried():
    assert len(re.findall("```", PAGE)) / 2 == 2 * len(CALENDARS) + len(TASKS) + 1


def test_a_task_runs_when_the_page_says(client: FlaskClient):
    (body,) = map(json.loads, TASKS)
    assert client.post("/api/v1/tasks", json=body).status_code == 201
    query = {"schedule": body["schedule"], "after": "2026-12-01T00:00:00Z", "count": 5}
    found = client.post("/api/v1/schedules/preview", json=query).json["occurrences"]
    assert [each["at"] for each in found] == [
        "2026-12-24T09:00:00+01:00",
        "2026-12-24T12:00:00+01:00",
        "2026-12-28T09:00:00+01:00",
        "2026-12-28T12:00:00+01:00",
        "2026-12-29T09:00:00+01:00",
    ]


def test_a_file_is_sent_as_the_page_says(client: FlaskClient):
    _, flag, _, header, content_type, url = shlex.split(CURL.replace("\\\n", ""))
    assert (flag, header) == ("-T", "-H")
    path = url.removeprefix("http://localhost:8080")
    name, _, value = content_type.partition(": ")
    answer = client.put(path, data=FILE, headers={name: value})
    assert answer.status_code == 200, answer.text
    assert (answer.json["timezone"], answer.json["description"]) == ("Europe/Berlin", "Feiertage")
    assert len(answer.json["entries"]) == ics.YEARS == 10


def test_the_limits_on_the_page_are_those_of_the_code():
    limits = PAGE.rpartition("There may be ")[2]
    assert [int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", limits)] == [
        MOST,
        MOST_ENTRIES,
        MOST_BYTES // 1024,
        MAX_CALENDAR_BYTES // 1024**2,
        ics.MOST_RULES,
    ]
