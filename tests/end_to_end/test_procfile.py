"""The Procfile, as honcho and as a PaaS run it: PORT, REDIS_URL and keys come from outside."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from honcho.environ import parse_procfile

from tests.commands.terminal import clean_environ, is_gone
from tests.installation import Installation
from tests.processes import ROOT, LocalProcess
from tests.servers import free_port
from tests.waiting import wait_for

#: s that the strictest PaaS gives between SIGTERM and SIGKILL
GRACE = 10
KEY = {"Authorization": "Bearer s3cret"}
READY = {
    "web": "Booting worker",
    "worker": "ready.",
    "beat": "beat: Starting...",
    "honcho": "ready.",
}


class Platform:
    """Sets what a PaaS sets, and starts commands in the project's folder."""

    def __init__(self, installation: Installation) -> None:
        self.installation, self.port = installation, free_port()
        self._unset = dict.fromkeys(set(os.environ) - set(clean_environ()), "")

    def start(self, name: str, command: list[str]) -> LocalProcess:
        environ = {
            **self._unset,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PORT": str(self.port),
            "REDIS_URL": self.installation.server.url,
            "DISPATCH_API_KEYS": "ci:s3cret",
            "DISPATCH_DATA_DIR": str(self.installation.folder),
        }
        folder = self.installation.folder
        process = LocalProcess(name, command, folder, environ, READY[name], cwd=ROOT)
        self.installation.processes.append(process)
        return process

    def call(self, method: str, path: str, **options) -> httpx.Response:
        url = f"http://127.0.0.1:{self.port}{path}"
        return httpx.request(method, url, timeout=30, **options)

    def create(self, type: str, payload: dict, **fields) -> str:
        body = {"type": type, "payload": payload, **fields}
        answer = self.call("POST", "/api/v1/tasks", json=body, headers=KEY)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]


@pytest.fixture
def platform(installation: Installation) -> Platform:
    return Platform(installation)


@pytest.fixture
def honcho(platform: Platform) -> LocalProcess:
    """`honcho start`, with everything up."""
    # a file .env of the developer's own is no part of this
    command = [sys.executable, "-m", "honcho", "-e", os.devnull, "start"]
    process = platform.start("honcho", command)
    process.ready()
    wait_for(lambda: "Booting worker" in process.logs(), 20, "the API")
    return process


@pytest.fixture
def dynos(platform: Platform) -> list[LocalProcess]:
    """A session of its own for each line, as containers are."""
    lines = parse_procfile((ROOT / "Procfile").read_text()).processes
    assert set(lines) == {"web", "worker", "beat"}
    dynos = [platform.start(name, ["sh", "-c", command]) for name, command in lines.items()]
    for dyno in dynos:
        dyno.ready()
    return dynos


def family(*processes: LocalProcess) -> Iterator[psutil.Process]:
    """The processes with all that came of them."""
    for process in processes:
        parent = psutil.Process(process.pid)
        yield from (parent, *parent.children(recursive=True))


def test_holders_of_a_key_have_their_tasks_run_and_nobody_else(platform, honcho):
    listening = {
        tuple(connection.laddr)
        for process in family(honcho)
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {("0.0.0.0", platform.port)}
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        body = {"type": "echo"}
        answer = platform.call("POST", "/api/v1/tasks", json=body, headers=headers)
        assert answer.status_code == 401
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
    schedule = {"type": "one-time", "start_time": soon}
    task_id = platform.create("echo", {"text": "hello"}, schedule=schedule)
    answer = platform.call("GET", f"/api/v1/tasks/{task_id}/result?wait=20", headers=KEY)
    assert answer.json()["result"] == {"text": "hello"}


def test_ctrl_c_ends_what_honcho_started(honcho):
    everything = list(family(honcho))
    honcho.kill(signal.SIGINT)
    honcho.wait(GRACE)
    wait_for(lambda: all(map(is_gone, everything)), 1, honcho.logs())
    assert "SIGKILL" not in honcho.logs()


def test_sigterm_to_every_process_of_an_idle_platform_ends_all_in_time(platform, dynos):
    everything = list(family(*dynos))
    assert len(everything) >= 6
    for dyno in dynos:
        dyno.kill_all("SIGTERM")
    wait_for(lambda: all(map(is_gone, everything)), GRACE)
    assert [dyno.exit_code for dyno in dynos] == [0, 0, 0]


def test_sigterm_to_every_process_hands_back_what_runs(platform, dynos, installation):
    task_id = platform.create("sleep", {"seconds": 60})
    installation.reached(task_id, "running")
    everything = list(family(*dynos))
    for dyno in dynos:
        dyno.kill_all("SIGTERM")
    wait_for(lambda: all(map(is_gone, everything)), GRACE)
    assert [dyno.exit_code for dyno in dynos] == [0, 0, 0]
    run = installation.latest(task_id)
    assert (run.status, run.attempt) == ("queued", 1)
