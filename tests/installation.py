"""One installation on a server of its own: what a client does with it, and its processes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
from celery import Celery

from dispatch_app.config import load
from dispatch_app.dispatch import Dispatch
from dispatch_app.domain.errors import NotFound
from dispatch_app.domain.retry import RetryPolicy
from dispatch_app.domain.run import Run
from dispatch_app.domain.task import Task
from dispatch_app.operations import tasks
from dispatch_app.store import Store
from dispatch_app.store.runs import RunFilter
from tests.processes import ROOT, BeatProcess, LocalProcess, WorkerProcess, celery
from tests.servers import RedisServer
from tests.waiting import wait_for

#: The project whose tasks run here: not ours, and none of its tasks knows of us.
USERS_APP = "tests.end_to_end.users_app"

AT_ONCE = RetryPolicy(delay=0, jitter=False)


class Installation:
    """A client of an installation, as the API is one, and the starter of workers and beats.

    Args:
        server: whose database it has to itself.
        folder: for the processes' output.
        environ: settings, for the client and for every process.
    """

    def __init__(self, server: RedisServer, folder: Path, **environ: str) -> None:
        self.server, self.folder = server, folder
        self.environ = {
            "REDIS_URL": server.url,
            "SCHEDULER_HEARTBEAT_INTERVAL": "500ms",
            "DISPATCH_DATA_DIR": str(folder),
            **environ,
        }
        self.app = Celery("client", set_as_current=False)
        self.dispatch = Dispatch(self.app, load(environ=self.environ), default_queue="default")
        self.processes: list[LocalProcess] = []
        self._numbers = count(1)

    @property
    def store(self) -> Store:
        return self.dispatch.store

    def worker(
        self, *options: str, app: str = USERS_APP, wait: bool = True, **environ: str
    ) -> WorkerProcess:
        """Start `celery worker` with these options (and `-c 1`, if they say nothing)."""
        if not {"-c", "-P"} & set(options):
            options = ("-c", "1", *options)
        name = f"worker-{next(self._numbers)}"
        environ = {**self.environ, **environ}
        return self._started(WorkerProcess(name, app, self.folder, environ, *options), wait)

    def beat(
        self,
        *options: str,
        app: str = USERS_APP,
        wait: bool = True,
        cwd: Path | None = None,
        **environ: str,
    ) -> BeatProcess:
        """Start `celery beat`; it is up when the store has heard of it."""
        name = f"beat-{next(self._numbers)}"
        environ = {**self.environ, **environ}
        beat = self._started(BeatProcess(name, app, self.folder, environ, *options, cwd=cwd), wait)
        if wait:
            self.until(lambda: beat.pid in self.beats(), "the beat to say that it lives")
        return beat

    def command(self, *arguments: str, app: str = USERS_APP) -> subprocess.Popen[str]:
        """Start a `celery` command of an app; its output is for the caller to read."""
        return subprocess.Popen(
            celery(app, *arguments),
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **self.environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def beats(self) -> set[int]:
        """Process ids of the live schedulers."""
        return {info["pid"] for info in self.store.workers.alive("scheduler").values()}

    def create(self, type: str, **fields: Any) -> str:
        """Store a task, which retries at once unless it says otherwise; returns its id."""
        return tasks.create(self.dispatch, Task(**{"retry": AT_ONCE, **fields}, type=type)).id

    def run(self, type: str, **fields: Any) -> Run:
        """Have a task run now, and wait for the end of its run."""
        return self.finished(self.create(type, **fields))

    def latest(self, task_id: str) -> Run | None:
        """The youngest run of a task."""
        return self.store.runs.latest(task_id)

    def reached(self, task_id: str, *statuses: str, timeout: float = 15) -> Run:
        """Wait until the youngest run of a task is in one of these statuses."""

        def there() -> Run | None:
            run = self.latest(task_id)
            return run if run and run.status in statuses else None

        try:
            return wait_for(there, timeout, pause=0.03)
        except AssertionError:
            logs = "\n".join(f"--- {p.name}\n{p.logs()[-3000:]}" for p in self.processes)
            raise AssertionError(
                f"not {' or '.join(statuses)} within {timeout:g} s: {self.latest(task_id)}\n{logs}"
            ) from None

    def finished(self, task_id: str, timeout: float = 15) -> Run:
        """Wait for the end of the youngest run of a task."""
        return self.reached(task_id, "succeeded", "failed", "cancelled", "expired", timeout=timeout)

    def runs_of(self, task_id: str) -> list[Run]:
        """All kept runs of a task, oldest first."""
        found, cursor = [], None
        while True:
            page = self.store.runs.list(RunFilter(task_id=task_id), 500, cursor)
            found += page.items
            cursor = page.next
            if cursor is None:
                return found[::-1]

    def status_of(self, task_id: str) -> str | None:
        """The task's status, None if there is no such task."""
        try:
            return self.store.tasks.get(task_id).status
        except NotFound:
            return None

    def until(self, condition: Callable[[], Any], what: str = "", timeout: float = 15) -> Any:
        """The first true answer of `condition`."""
        return wait_for(condition, timeout, what, pause=0.03)

    def notes(self, about: str) -> list[list[object]]:
        """What the functions, hooks and signals of the user's app noted about a run, in order."""
        with self.server.client() as client:
            return [msgspec.json.decode(text) for text in client.lrange(f"seen:{about}", 0, -1)]

    def close(self) -> None:
        """End all processes, and give back the connections."""
        for process in self.processes:
            process.remove()
        self.store.close()
        self.app.close()

    def _started(self, process: Any, wait: bool) -> Any:
        self.processes.append(process)
        if wait:
            process.ready()
        return process
