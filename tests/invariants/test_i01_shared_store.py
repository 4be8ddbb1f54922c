"""Row 70: several API processes and several schedulers share one store, and none takes from it what
another one has put there, or runs it twice."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from tests.api.calls import TASKS
from tests.api.test_gunicorn import Web
from tests.invariants.broker import messages_of, queued_runs
from tests.invariants.schedules import is_empty
from tests.servers import free_port
from tests.store.books import disagreements
from tests.waiting import wait_for

EVERY, TIMES = 300, 8


class Client(threading.Thread):
    """Creates, triggers, cancels and purges tasks of its own at random, over HTTP."""

    def __init__(self, port: int, seconds: float) -> None:
        super().__init__()
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
        self._end = time.monotonic() + seconds
        #: task -> its first moment, and how often it was triggered
        self.first: dict[str, int] = {}
        self.triggered: Counter[str] = Counter()
        self.cancelled: set[str] = set()
        self.purged: set[str] = set()
        self.fault: Exception | None = None
        self.start()

    def run(self) -> None:
        acts = [self._create, self._trigger, self._trigger, self._cancel, self._purge]
        try:
            while time.monotonic() < self._end:
                alive = sorted(self.first.keys() - self.cancelled - self.purged)
                if len(alive) < 5:
                    self._create()
                else:
                    random.choice(acts)(random.choice(alive))
        except Exception as error:
            self.fault = error
        self._http.close()

    def _create(self, _: str = "") -> None:
        first = datetime.now(timezone.utc) + timedelta(seconds=1)
        begin = first.isoformat(timespec="milliseconds")
        schedule = {
            "type": "interval",
            "every": EVERY / 1_000,
            "start_time": begin,
            "max_runs": TIMES,
        }
        body = {"type": "add", "schedule": schedule, "misfire": {"policy": "run_all"}}
        made = self._answer("POST", "", 201, json=body).json()
        self.first[made["id"]] = int(first.timestamp() * 1_000)

    def _trigger(self, task_id: str) -> None:
        self._answer("POST", f"/{task_id}/trigger", 201)
        self.triggered[task_id] += 1

    def _cancel(self, task_id: str) -> None:
        # one whose schedule has ended cannot be cancelled any more
        if self._answer("DELETE", f"/{task_id}", 200, 409).status_code == 200:
            self.cancelled.add(task_id)

    def _purge(self, task_id: str) -> None:
        self._answer("DELETE", f"/{task_id}?purge=true", 204)
        self.purged.add(task_id)

    def _answer(self, verb: str, path: str, *expected: int, **more: Any) -> httpx.Response:
        answer = self._http.request(verb, TASKS + path, **more)
        assert answer.status_code in expected, f"{verb} {path}: {answer.text}"
        return answer

    def check(self, installation) -> None:
        """What is left of each of its tasks."""
        for task_id, first in self.first.items():
            runs = installation.runs_of(task_id)
            if task_id in self.purged:
                assert installation.status_of(task_id) is None
                assert runs == []
                continue
            moments = [run.scheduled_for for run in runs if run.origin == "schedule"]
            wanted = [first + n * EVERY for n in range(TIMES)]
            left = wanted[: len(moments)] if task_id in self.cancelled else wanted
            assert moments == left, task_id
            assert len(runs) - len(moments) == self.triggered[task_id]


@pytest.fixture
def port(installation):
    """Where four API processes listen."""
    port = free_port()
    web = Web(
        installation.folder,
        {**installation.environ, "PORT": str(port), "WEB_CONCURRENCY": "4"},
        port,
    )
    installation.processes.append(web)
    wait_for(lambda: web.answers() and web.logs().count("Booting worker") == 4, 30, "four of them")
    yield port
    web.http.close()


@pytest.mark.parametrize("seconds", [6, pytest.param(60, marks=pytest.mark.soak)])
def test_four_api_processes_and_three_beats(installation, port, seconds):
    for _ in range(3):
        installation.beat(wait=False)
    installation.until(lambda: len(installation.beats()) == 3, "three beats", timeout=30)
    clients = [Client(port, seconds) for _ in range(4)]
    for client in clients:
        client.join()
        assert client.fault is None
    installation.until(lambda: is_empty(installation), "all schedules to end", timeout=30)
    for client in clients:
        client.check(installation)
    assert {len(client.purged) > 0 and len(client.cancelled) > 0 for client in clients} == {True}
    queued = queued_runs(installation)
    # messages of what was purged or cancelled are of no use, and no harm
    assert dict.fromkeys(queued, 1) == {key: messages_of(installation)[key] for key in queued}
    assert disagreements(installation.store) == []
