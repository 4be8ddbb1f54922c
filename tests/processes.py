"""Celery's processes on this machine, in the shape of a container.

pytest-celery starts Docker containers; its nodes, clusters and setups only call the methods that a
container has. Here is an object with those methods that wraps a local process, so that they serve
on a machine without Docker, where a process is there within a second.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
from pytest_celery import CeleryTestContainer, CeleryWorkerContainer

from tests.servers import RedisServer
from tests.waiting import wait_for

ROOT = Path(__file__).parents[1]

#: What stands behind the @ of every node's name.
HOST = "127.0.0.1"


class LocalProcess(CeleryTestContainer):
    """A process of its own session, started when it is made; what it says goes to a file.

    Args:
        name: of the node, unique in its folder.
        command: of the process.
        folder: where its output is kept.
        environ: what it gets beside this process' own environment.
        ready_prompt: what it says once it is ready.
        cwd: where it runs, if that is another folder.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        folder: Path,
        environ: Mapping[str, str],
        ready_prompt: str,
        cwd: Path | None = None,
    ) -> None:
        # past the container's own __init__, which would ask Docker
        self._name, self._command, self._folder = name, command, folder
        self._environ = {**os.environ, "PYTHONPATH": str(ROOT), **environ}
        self._prompt, self._cwd = ready_prompt, cwd or folder
        self._log = folder / f"{name}.log"
        self._process = self._started()

    @property
    def id(self) -> str:
        return HOST

    @property
    def name(self) -> str:
        return self._name

    @property
    def status(self) -> str:
        return "running" if self._process.poll() is None else "exited"

    @property
    def attrs(self) -> dict[str, Any]:
        return {}

    @property
    def ready_prompt(self) -> str:
        return self._prompt

    @property
    def celeryconfig(self) -> dict[str, Any]:
        return {}

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def logs(self) -> str:
        return self._log.read_text(errors="replace")

    def reload(self) -> None:
        """What Docker would have to be asked for is known here."""

    def ready(self) -> bool:
        """Wait until it says that it is ready."""

        def prompted() -> bool:
            if self._process.poll() is not None:
                raise AssertionError(f"{self._name} ended ({self.exit_code}):\n{self.logs()}")
            return self._prompt in self.logs()

        return wait_for(prompted, 30, f"{self._name} to say {self._prompt!r}", pause=0.05)

    def kill(self, signal: str | int = "SIGKILL") -> None:
        """Send a signal to the process, not to its children; SIGKILL is waited for."""
        number = _number(signal)
        os.kill(self.pid, number)
        if number == _number("SIGKILL"):
            self._process.wait(10)

    def kill_all(self, signal: str | int = "SIGKILL") -> None:
        """Send a signal to the process and its children, as a PaaS and the kernel do."""
        os.killpg(self.pid, _number(signal))

    def wait(self, timeout: float = 15) -> int:
        """Wait for its end; returns the exit code."""
        return self._process.wait(timeout)

    def restart(self, timeout: float = 10) -> None:
        """End it and start it again under the same name, as `docker restart`."""
        self.remove()
        self._process = self._started()
        self.ready()

    def remove(self, **_: Any) -> None:
        """End it with all its children at once, as `docker rm --force`."""
        for process in self._family():
            process.kill()
        self._process.wait(10)

    teardown = remove

    def _family(self) -> list[psutil.Process]:
        try:
            parent = psutil.Process(self.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _started(self) -> subprocess.Popen[bytes]:
        with self._log.open("wb") as log:
            return subprocess.Popen(
                self._command,
                cwd=self._cwd,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


class WorkerProcess(LocalProcess, CeleryWorkerContainer):
    """`celery -A APP worker`."""

    def __init__(
        self, name: str, app: str, folder: Path, environ: Mapping[str, str], *options: str
    ) -> None:
        command = celery(app, "worker", "-l", "INFO", "-n", f"{name}@{HOST}", *options)
        super().__init__(name, command, folder, environ, "ready.")

    def worker_name(self) -> str:  # type: ignore[override]
        return self._name

    @property
    def children(self) -> list[int]:
        """Ids of the processes of its pool."""
        return [child.pid for child in psutil.Process(self.pid).children()]


class BeatProcess(LocalProcess):
    """`celery -A APP beat`."""

    def __init__(
        self,
        name: str,
        app: str,
        folder: Path,
        environ: Mapping[str, str],
        *options: str,
        cwd: Path | None = None,
    ) -> None:
        command = celery(app, "beat", "-l", "INFO", *options)
        super().__init__(name, command, folder, environ, "beat: Starting...", cwd)


class BrokerProcess(CeleryTestContainer):
    """A server of ours in the shape of pytest-celery's Redis container."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server

    @property
    def id(self) -> str:
        return HOST

    @property
    def name(self) -> str:
        return f"redis-{self._server.port}"

    @property
    def status(self) -> str:
        return "running"

    @property
    def celeryconfig(self) -> dict[str, Any]:
        return {"url": self._server.url, "host_url": self._server.url}

    def logs(self) -> str:
        return (self._server.folder / "server.log").read_text(errors="replace")

    def ready(self) -> bool:
        with self._server.client() as client:
            return bool(client.ping())

    def reload(self) -> None:
        """What Docker would have to be asked for is known here."""

    def kill(self, signal: str | int = "SIGKILL") -> None:
        os.kill(self._server.pid, _number(signal))


def celery(app: str, *arguments: str) -> list[str]:
    """The command line of `celery -A APP ...`."""
    return [sys.executable, "-m", "celery", "-A", app, *arguments]


def _number(name: str | int) -> int:
    return name if isinstance(name, int) else int(signal.Signals[name])
