"""A project of somebody's own, in a folder of its own, beside the API that we bring."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from dispatch_api import create_app
from tests.commands.terminal import clean_environ
from tests.installation import Installation
from tests.processes import LocalProcess

#: as it was before, with one line more
CELERY = """
from celery import Celery
from dispatch_app import Dispatch

app = Celery("theirs", broker={broker!r}, include=["theirs.tasks"])
app.conf.task_default_queue = "theirs"
app.conf.beat_schedule = {{
    "greeting": {{"task": "theirs.tasks.greet", "schedule": 0.2, "args": ["beat"]}},
}}
Dispatch(app)
"""
TASKS = """
from celery import shared_task

@shared_task
def greet(name: str, greeting: str = "Hello"):
    return f"{greeting}, {name}"
"""
GREET = "theirs.tasks.greet"


@pytest.fixture
def project(tmp_path: Path, redis_url: str) -> Path:
    """The folder in which they call `celery`."""
    package = tmp_path / "project" / "theirs"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "celery.py").write_text(CELERY.format(broker=redis_url))
    (package / "tasks.py").write_text(TASKS)
    return package.parent


@pytest.fixture
def start(installation: Installation, project: Path):
    """Starts `celery` in the project's folder, with no settings but those that are named."""
    unset = dict.fromkeys(set(os.environ) - set(clean_environ()), "")
    ready = {"worker": "ready.", "beat": "beat: Starting..."}

    def start(app: str, command: str, *options: str, **settings: str) -> LocalProcess:
        words = [str(Path(sys.executable).with_name("celery")), "-A", app, command, "-l", "INFO"]
        environ = {**unset, "PYTHONPATH": "", **settings}
        process = LocalProcess(
            command, [*words, *options], installation.folder, environ, ready[command], cwd=project
        )
        installation.processes.append(process)
        process.ready()
        return process

    return start


@pytest.fixture
def api(installation: Installation):
    """The API of the installation; its Celery app is not theirs."""
    return create_app(installation.dispatch).test_client()


def create(api, **fields) -> str:
    answer = api.post("/api/v1/tasks", json={"type": GREET, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json["id"]


def test_their_worker_and_their_beat_do_what_the_api_is_told(installation, start, api):
    # the one place where Redis is named is their own app
    worker = start("theirs", "worker", "-c", "1")
    start("theirs", "beat")
    installation.until(lambda: GREET in {each["name"] for each in listed(api)})

    now = create(api, payload={"name": "you"})
    # their worker told which queue is theirs
    assert api.get(f"/api/v1/tasks/{now}").json["queue"] == "theirs"
    often = create(
        api, payload={"name": "again"}, schedule={"type": "interval", "every": 0.2, "max_runs": 3}
    )
    run = installation.finished(now)
    assert (run.status, run.result) == ("succeeded", "Hello, you")
    assert f"Task {GREET}[{run.id}] received" in worker.logs()
    installation.until(lambda: installation.status_of(often) == "completed")
    installation.until(
        lambda: [run.result for run in installation.runs_of(often)] == ["Hello, again"] * 3
    )
    assert installation.finished("beat:theirs:greeting").result == "Hello, beat"


def listed(api) -> list[dict]:
    return api.get("/api/v1/types").json["items"]


def test_what_their_function_takes_is_known_to_the_api(installation, start, api):
    start("theirs", "worker", "-c", "1")
    installation.until(lambda: GREET in {each["name"] for each in listed(api)})
    refused = api.post("/api/v1/tasks", json={"type": GREET, "payload": {"nmae": "you"}})
    assert refused.status_code == 422
    assert set(refused.json["errors"]) == {"payload.name", "payload"}


def test_a_module_that_is_named_runs_with_our_app(installation, start, api, redis_url):
    settings = {"DISPATCH_IMPORTS": "theirs.tasks", "REDIS_URL": redis_url}
    start("dispatch_app", "worker", "-c", "1", **settings)
    run = installation.finished(create(api, payload={"name": "you", "greeting": "Hi"}))
    assert (run.status, run.result) == ("succeeded", "Hi, you")
