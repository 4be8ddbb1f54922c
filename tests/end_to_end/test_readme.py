"""Every call in the README, run as it stands there, gives the answer that stands there."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.seed import CALLS
from tests.processes import ROOT
from tests.servers import free_port
from tests.waiting import wait_for

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
#: what is different each time
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MOMENT = re.compile(r"20(?:2[6-9]|3\d)-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_FOLDER = re.compile(r"/[^\"]*/(?=\.dispatch/)")


def block(language: str, about: str) -> str:
    """The one block of a language that has this text in it."""
    (found,) = (text for lang, text in BLOCKS if lang == language and about in text)
    return found


def calls() -> list[tuple[str, str | None]]:
    """Each call with the answer that follows it, if one does."""
    found = []
    for (language, text), (after, answer) in zip(BLOCKS, [*BLOCKS[1:], ("", "")], strict=True):
        if language == "bash":
            found.append((text, answer if after == "json" else None))
    return found


def without_chance(value: Any) -> Any:
    """The answer without ids, moments of now, durations and the place of the data."""
    if isinstance(value, dict):
        return {k: "s" if k == "duration" else without_chance(v) for k, v in value.items()}
    if isinstance(value, list):
        return [without_chance(item) for item in value]
    if isinstance(value, str):
        return _FOLDER.sub("", _MOMENT.sub("MOMENT", _ID.sub("ID", value)))
    return value


@pytest.fixture
def up(tmp_path: Path) -> Iterator[str]:
    """`make up` in the README's folder with the README's task type; gives its address."""
    (tmp_path / "jobs.py").write_text(block("python", "# jobs.py"))
    address = f"localhost:{free_port()}"
    environ = {**os.environ, "DISPATCH_IMPORTS": "jobs", "PYTHONPATH": str(tmp_path)}
    for name in ("REDIS_URL", "REDIS_ADDRESS", "CONFIG_FILE", "PORT", "SMTP_URL"):
        environ.pop(name, None)
    with (tmp_path / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("dispatch"), "up", "--port", address.split(":")[1]],
            cwd=tmp_path,
            env=environ,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_for(lambda: knows(address, "report"), 40, (tmp_path / "up.log").read_text())
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(15)


def knows(address: str, name: str) -> bool:
    try:
        types = httpx.get(f"http://{address}/api/v1/types", timeout=5).json()["items"]
    except (httpx.HTTPError, KeyError):
        return False
    return name in {each["name"] for each in types}


@pytest.fixture
def call(up: str) -> Callable[[str, str], Any]:
    """Runs a call of the README with a shell; the answer is JSON."""

    def run(text: str, task_id: str) -> Any:
        command = text.replace("localhost:8080", up).replace("{task_id}", task_id)
        return json.loads(subprocess.check_output(["bash", "-c", f"{command.rstrip()} -sS"]))

    return run


def test_the_calls_answer_as_they_do_in_the_readme(up, call):
    task_id, answers = "", 0
    for text, wanted in calls():
        answer = call(text, task_id)
        assert "errors" not in answer, answer
        if wanted is not None:
            assert without_chance(answer) == without_chance(json.loads(wanted))
            answers += 1
        if "id" in answer:
            task_id = answer["id"]
        if answer.get("status") == "queued":
            path = f"http://{up}/api/v1/tasks/{task_id}/result?wait=20"
            result = httpx.get(path, timeout=30).json()
            assert result["status"] == "succeeded", result
    assert answers >= 5
    assert result["result"] == {"month": "2026-11", "attempt": 1}


def test_the_seeds_calls_are_the_first_ones():
    assert [text for text, _ in calls()][: len(CALLS)] == CALLS
