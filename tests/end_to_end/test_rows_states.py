"""Row 33: a client can tell what waits, what runs, what ended, and what never was."""

from __future__ import annotations

from functools import partial
from typing import get_args

import pytest

from dispatch_api import create_app
from dispatch_app.domain.run import FINISHED, RunStatus
from dispatch_app.operations import runs
from dispatch_app.store.runs import Outcome


@pytest.fixture
def api(installation):
    return create_app(installation.dispatch).test_client()


@pytest.mark.parametrize("unknown", ["018bcfe5-6800-7000-8000-000000000001", "never-was"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/tasks/{}"),
        ("PATCH", "/tasks/{}"),
        ("DELETE", "/tasks/{}"),
        ("DELETE", "/tasks/{}?purge=true"),
        ("GET", "/tasks/{}/result"),
        ("GET", "/tasks/{}/runs"),
        ("POST", "/tasks/{}/trigger"),
        ("POST", "/tasks/{}/pause"),
        ("POST", "/tasks/{}/resume"),
        ("GET", "/runs/{}"),
        ("POST", "/runs/{}/cancel"),
        ("POST", "/runs/{}/retry"),
    ],
)
def test_what_never_was_is_not_found(api, method, path, unknown):
    body = {} if method in ("PATCH", "POST") else None
    answer = api.open(f"/api/v1{path.format(unknown)}", method=method, json=body)
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert unknown in answer.json["detail"]


def start(installation, run) -> None:
    installation.store.runs.start(run.id, 1, token="t", worker="w@host", lease=60_000)


def end(installation, run, status: str, **fields) -> None:
    start(installation, run)
    outcome = Outcome(status=status, outcome=status, **fields)
    installation.store.runs.finish(run.id, "t", outcome)


def cancel(installation, run) -> None:
    runs.cancel(installation.dispatch, run.id)


def expire(installation, run) -> None:
    installation.until(lambda: installation.store.now() > run.queued_at + 5)
    start(installation, run)


#: How a run comes to each status that it can have in this release.
WAYS = {
    "queued": lambda *_: None,
    "running": start,
    "retrying": partial(end, status="retrying", delay=60_000),
    "succeeded": partial(end, status="succeeded", result="1"),
    "failed": partial(end, status="failed"),
    "cancelled": cancel,
    "expired": expire,
}


def test_every_status_is_shown_here_or_waits_for_its_policy():
    assert set(get_args(RunStatus)) - set(WAYS) == {"waiting", "skipped"}


@pytest.mark.parametrize("status", WAYS)
def test_every_status_has_its_name(installation, api, status):
    task_id = installation.create("add", expires=1 if status == "expired" else None)
    run = installation.latest(task_id)
    WAYS[status](installation, run)
    assert api.get(f"/api/v1/runs/{run.id}").json["status"] == status
    assert api.get(f"/api/v1/tasks/{task_id}").json["status"] == status
    result = api.get(f"/api/v1/tasks/{task_id}/result")
    assert (result.status_code, result.json["status"]) == (
        200 if status in FINISHED else 202,
        status,
    )
    for other in get_args(RunStatus):
        listed = api.get(f"/api/v1/runs?status={other}").json["items"]
        assert [found["id"] for found in listed] == ([run.id] if other == status else [])
