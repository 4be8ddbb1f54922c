"""The examples in docs/tasks.md, run by a worker and a beat as the page says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import get_args

import pytest

from dispatch_api import create_app
from dispatch_app.domain.run import RunStatus
from dispatch_app.operations import runs
from dispatch_app.results import STATES
from tests.conventions.repository import ROOT, read
from tests.installation import Installation
from tests.servers import RedisServer

PAGE = read("docs/tasks.md")
#: Name of the file, as the first line says, and the text of every module on the page.
MODULES = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, re.DOTALL))
BODIES = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]

#: What each body on the page comes to.
RESULTS = {
    "report": {"month": "2026-11", "attempt": 1},
    "charge": "charged 9.50",
    "ship": {"order": 7, "attempt": 2},
    "tidy": "tidied up",
    "import": {"imported": 3},
    "fetch": "https://example.com/ at the second try",
    "flaky": 2,
}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The project of the page with its worker and its beat, on a server of its own."""
    folder = tmp_path_factory.mktemp("samples")
    for name, text in MODULES.items():
        (folder / name).write_text(text)
    server = RedisServer(tmp_path_factory.mktemp("samples-redis"))
    installation = Installation(
        server, folder, CELERY_BROKER_URL=server.url, PYTHONPATH=f"{folder}:{ROOT}"
    )
    installation.worker("-c", "2", app="theirs")
    installation.beat(app="theirs")
    installation.until(lambda: installation.store.types.get("report"), "the types to be announced")
    yield installation
    installation.close()
    server.stop()


@pytest.fixture
def post(installation: Installation):
    """Creates a task as a caller of the API does."""
    client = create_app(installation.dispatch).test_client()
    return lambda body: client.post("/api/v1/tasks", json=body)


def test_every_module_on_the_page_has_a_name():
    assert len(re.findall("```python", PAGE)) == len(MODULES)


def test_every_body_on_the_page_is_tried():
    assert [body["type"] for body in BODIES] == list(RESULTS)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body["type"])
def test_a_body_gives_what_the_page_says(installation: Installation, post, body):
    answer = post(body)
    assert answer.status_code == 201, answer.text
    run = installation.finished(answer.json["id"])
    assert (run.status, run.result) == ("succeeded", RESULTS[body["type"]])
    if body["type"] == "report":
        assert run.log == ("page 1", "page 2", "page 3")
        assert run.progress == {"done": 3, "of": 3}


def test_an_import_that_is_cancelled_stops_between_two_rows_or_in_one(installation, post):
    body = {"type": "import", "payload": {"rows": 1_000, "takes": 0.1}}
    run = installation.reached(post(body).json["id"], "running")
    runs.cancel(installation.dispatch, run.id, grace=60_000)
    run = installation.finished(run.task_id)
    assert run.status == "cancelled"
    assert 0 <= run.result["imported"] < 1_000


def test_a_discarded_run_fails_at_once(installation: Installation, post):
    body = {"type": "ship", "payload": {"order": 8, "stock": "gone"}}
    run = installation.finished(post(body).json["id"])
    assert (run.status, run.reason, len(run.attempts)) == ("failed", "discarded by the task", 1)


def test_a_payload_that_does_not_fit_is_refused(post):
    answer = post({"type": "charge", "payload": {"amount": 0}})
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == ["payload.amount"]


def test_a_type_says_to_which_queue_it_goes(installation: Installation, post):
    """The one of the app whose worker announced it."""
    assert post({"type": "charge", "payload": {"amount": 1}}).json["queue"] == "celery"


def test_the_result_of_a_run_can_be_asked_for(installation: Installation, post):
    task_id = post({"type": "charge", "payload": {"amount": 2}}).json["id"]
    run = installation.finished(task_id)
    answer = subprocess.run(
        [sys.executable, "-c", f"import asking; print(asking.result_of({run.id!r}))"],
        cwd=installation.folder,
        env={**installation.environ},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert answer.stdout == "charged 2.00\n"


def test_a_task_that_their_own_code_sends_is_no_run(installation: Installation):
    """`self.dispatch` is None there, as the page says."""
    sent = installation.app.send_task("report", kwargs={"month": "now"}, queue="celery")
    log = installation.processes[0]
    installation.until(lambda: f"[{sent.id}] raised unexpected" in log.logs(), "the task to run")
    assert "'NoneType' object has no attribute 'log'" in log.logs()


def test_states_of_async_result_are_written_down():
    written = {}
    for statuses, state in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| `([A-Z]+)`", PAGE, re.MULTILINE):
        written |= dict.fromkeys(re.findall(r"\w+", statuses), state)
    assert written == STATES
    assert set(written) == set(get_args(RunStatus))
