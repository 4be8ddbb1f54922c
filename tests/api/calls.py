"""What the tests of the API say again and again: make a task, be its worker, be refused."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dispatch_app.dispatch import Dispatch
from dispatch_app.domain.run import Failure
from dispatch_app.store.runs import Outcome

TASKS = "/api/v1/tasks"
RUNS = "/api/v1/runs"
CALENDARS = "/api/v1/calendars"
LETTERS = "/api/v1/dead-letters"
PREVIEW = "/api/v1/schedules/preview"

#: A moment that no test lives to see.
LATER = "2099-01-01T00:00:00Z"
DAILY = {"type": "cron", "cron": "0 0 * * *"}
ONCE = {"type": "one-time", "start_time": LATER}
#: A body that says everything that a body can say.
EVERY_FIELD: dict[str, Any] = {
    "type": "reports.weekly",
    "name": "Weekly report: größer",
    "description": "Two\nlines",
    "priority": "critical",
    "payload": {"to": ["a", {"b": None}], "ratio": 0.25, "n": 2**53},
    "queue": "reports",
    "tags": ["team:data", "eu"],
    "max_retries": 0,
    "timeout": 0.5,
    "retry": {
        "backoff": "linear",
        "delay": 1.5,
        "factor": 1.5,
        "max_delay": 60,
        "jitter": False,
        "retry_on": ["requests.ConnectionError"],
        "dont_retry_on": ["ValueError", "4xx"],
        "deadline": 86_400,
    },
    "on_worker_lost": "fail",
    "max_lost": 7,
    "expires": 3600,
    "misfire": {"policy": "run_all", "catch_up": 7200},
    "overlap": "buffer_one",
    "schedule": {
        "type": "cron",
        "cron": "30 2 * * MON",
        "timezone": "Europe/Berlin",
        "description": "At 02:30, only on Monday (Europe/Berlin), from 2030-01-01 01:00:00 +0100, "
        "until 2031-01-01 01:00:00 +0100, 5 times at most, up to 30 s later",
        "start_time": "2030-01-01T00:00:00Z",
        "end_time": "2031-01-01T00:00:00Z",
        "max_runs": 5,
        "dst": "run_twice",
        "seconds": "first",
        "day_or": True,
        "resolved": None,
        "jitter": 30,
        "calendars": [],
    },
    "metadata": {"ticket": 17},
    "enabled": False,
}


def create(client: FlaskClient, **fields: Any) -> dict[str, Any]:
    """A new task, as the API shows it; without a schedule it has a run at once."""
    answer = client.post(TASKS, json={"type": "echo", **fields})
    assert answer.status_code == 201, answer.text
    return answer.json


def refused(answer: TestResponse, *fields: str, status: int = 422) -> dict[str, list[str]]:
    """What is said of each wrong field; exactly these have to be named."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    assert set(answer.json["errors"]) == set(fields)
    assert all(text for texts in answer.json["errors"].values() for text in texts)
    return answer.json["errors"]


def problem(answer: TestResponse, status: int, name: str) -> str:
    """What a problem of this type says in detail."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    assert answer.json["type"] == f"urn:dispatch:problem:{name}"
    assert answer.json["status"] == status
    assert answer.json["title"]
    return answer.json["detail"]


def start(dispatch: Dispatch, run_id: str) -> None:
    """Take the lease of a run, as a worker would."""
    attempt = dispatch.store.runs.get(run_id).attempt
    lease = dispatch.store.runs.start(run_id, attempt, token="t", worker="w@host", lease=60_000)
    assert not isinstance(lease, str), lease


def finish(
    dispatch: Dispatch,
    run_id: str,
    status: str = "succeeded",
    *,
    result: str | None = None,
    error: Failure | None = None,
) -> None:
    """End a run that was started.

    Args:
        result: JSON text.
    """
    outcome = Outcome(status=status, outcome=status, result=result, error=error)
    dispatch.store.runs.finish(run_id, "t", outcome)


def ended(client: FlaskClient, dispatch: Dispatch, status: str = "succeeded", **fields: Any) -> str:
    """The id of a task whose only run has ended so."""
    task = create(client, **fields)
    start(dispatch, task["last_run"]["id"])
    finish(dispatch, task["last_run"]["id"], status)
    return task["id"]
