"""The stack that is broken: a server, workers, beats and the API, each behind a line of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests import clocks
from tests.installation import Installation
from tests.processes import ROOT, LocalProcess
from tests.proxy import Proxy
from tests.servers import RedisServer, free_port
from tests.waiting import wait_for

APP = "tests.chaos.app"
HEARTBEAT_S = 1.0
#: what each worker is: its pool, and whether it serves poison, which ends processes
WORKERS = (
    ("-P", "prefork", "-c", "3", "-Q", "load,poison"),
    ("-P", "prefork", "-c", "2", "-Q", "load"),
    ("-P", "threads", "-c", "4", "-Q", "load"),
)
BEATS = 2
#: s that a process has between SIGTERM and its end, the strictest PaaS'
GRACE = 10


class Service:
    """One process, which is started again when it has ended, as a supervisor does.

    Attributes:
        broken: whether a fault is at work on it, so that its end is no surprise.
        surprises: how it ended although nobody broke it.
        killed: how often it had not ended in time after SIGTERM.
    """

    def __init__(self, name: str, start: Callable[[], LocalProcess]) -> None:
        self.name, self._start = name, start
        self.broken = False
        self.surprises: list[str] = []
        self.killed = 0
        self.process = start()

    def again(self) -> None:
        """Start it, in place of what is left of it."""
        self.process.remove()
        self.process = self._start()

    def tend(self) -> None:
        """Start it again if it has ended by itself."""
        if not self.broken and self.process.exit_code is not None:
            last = self.process.logs().strip().rpartition("\n")[2]
            log = f"{self.process.name}.log"
            self.surprises.append(
                f"{self.name} ended by itself ({self.process.exit_code}), see {log}: {last}"
            )
            self.again()

    def end_orderly(self) -> None:
        """SIGTERM to all of it and, if that does not end it in time, SIGKILL, as a platform does.

        Where Redis stands still meanwhile, there is nobody to hand anything back to.
        """
        self.process.kill_all("SIGTERM")
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.killed += 1
            self.process.kill_all("SIGKILL")


class Stack:
    """All of it, from empty; `close` ends it.

    Args:
        folder: for output, data and the ledger.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.ledger = folder, folder / "ledger"
        self.ledger.touch()
        data = folder / "redis"
        data.mkdir()
        self.clock = clocks.WrongClock(data) if clocks.library() else None
        durable = ("--appendonly", "yes", "--appendfsync", "always")
        self.server = RedisServer(data, *durable, environ=self.clock and self.clock.environ)
        settings = {
            "SCHEDULER_HEARTBEAT_INTERVAL": f"{HEARTBEAT_S:g}s",
            "DISPATCH_KEEP_RUNS": "100000",
            "DISPATCH_IMPORTS": "",
            "CHAOS_LEDGER": str(self.ledger),
            "REMAP_SIGTERM": "SIGQUIT",
        }
        self.installation = Installation(self.server, folder, **settings)
        self.proxies: list[Proxy] = []
        self.api_port = free_port()
        self.workers = [self._worker(number) for number in range(len(WORKERS))]
        self.beats = [self._beat(number) for number in range(BEATS)]
        self.api = self._api()
        self._done = threading.Event()
        self._tender = threading.Thread(target=self._tend, name="supervisor", daemon=True)
        self._tender.start()

    @property
    def services(self) -> list[Service]:
        return [*self.workers, *self.beats, self.api]

    @property
    def subjects(self) -> dict[str, int]:
        """How many there are of what can be broken."""
        return {
            "worker": len(self.workers),
            "beat": len(self.beats),
            "api": 1,
            "redis": 1,
            "proxy": len(self.proxies),
        }

    def stop_tending(self) -> None:
        """From now on nothing is started again."""
        self._done.set()
        self._tender.join()

    def close(self) -> None:
        """End everything."""
        self.stop_tending()
        for service in self.services:
            service.process.kill_all(signal.SIGCONT) if _lives(service) else None
        self.installation.close()
        for proxy in self.proxies:
            proxy.close()
        self.server.stop()
        if self.clock:
            self.clock.sweep()

    def _line(self) -> Proxy:
        self.proxies.append(Proxy(self.server.port))
        return self.proxies[-1]

    def _worker(self, number: int) -> Service:
        url = self._line().url
        options = WORKERS[number]

        def start() -> LocalProcess:
            return self.installation.worker(*options, app=APP, wait=False, REDIS_URL=url)

        return Service(f"worker {number}", start)

    def _beat(self, number: int) -> Service:
        url = self._line().url

        def start() -> LocalProcess:
            return self.installation.beat(app=APP, wait=False, REDIS_URL=url)

        return Service(f"beat {number}", start)

    def _api(self) -> Service:
        environ = {
            **self.installation.environ,
            "REDIS_URL": self._line().url,
            "PORT": str(self.api_port),
            "WEB_CONCURRENCY": "1",
        }
        command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.py"]
        command += ["--bind", f"127.0.0.1:{self.api_port}", "dispatch_api.wsgi:app"]
        starts = iter(range(1, 1_000_000))

        def start() -> LocalProcess:
            name = f"api-{next(starts)}"
            process = LocalProcess(name, command, self.folder, environ, "Booting worker", cwd=ROOT)
            self.installation.processes.append(process)
            return process

        return Service("api", start)

    def _tend(self) -> None:
        while not self._done.wait(0.5):
            for service in self.services:
                service.tend()

    def await_all(self, timeout: float = 60) -> None:
        """Wait until every worker and beat says that it lives."""
        workers = self.installation.store.workers

        def up() -> bool:
            alive = {
                (info["pid"]) for kind in ("worker", "scheduler")
                for info in workers.alive(kind).values()
            }  # fmt: skip
            return {s.process.pid for s in (*self.workers, *self.beats)} <= alive

        wait_for(up, timeout, "all workers and beats to be up", pause=0.2)


def _lives(service: Service) -> bool:
    return psutil.pid_exists(service.process.pid) and service.process.exit_code is None


def pause(seconds: float) -> None:
    """Let a fault last."""
    time.sleep(seconds)
