"""Runs services, prints what they say, starts again what dies, ends them in order."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import IO

from honcho.colour import get_colours
from honcho.printer import Message, Printer

from dispatch_app.commands import watchdog

#: the name before our own lines
_OURS = "dispatch"
#: s between two looks at the services
_PAUSE = 0.05
#: s before a dead service is started again: doubles from the first to the last
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
#: s for a killed process to be gone, and for its last lines to be read
_LAST_WAIT = 1.0
#: longer lines are printed as several, bytes
_LONGEST_LINE = 65_536
#: a service that ran so many s before it died is well, and its pauses begin anew
_WELL = 60.0


@dataclasses.dataclass(frozen=True)
class Service:
    """One program to keep running."""

    name: str
    command: Sequence[str]
    #: services of a lower stage end before those of a higher one
    stage: int
    #: s from SIGTERM to SIGKILL
    grace: float
    #: file descriptors that it inherits
    fds: tuple[int, ...] = ()


class Log:
    """The one log of all services: time, name, line. Holds the lines back until `release`."""

    def __init__(self, output: IO[str], names: Sequence[str]) -> None:
        self._printer = Printer(output, width=max(map(len, [_OURS, *names])))
        self._colours = dict(zip(names, get_colours(), strict=False))
        self._lock = threading.Lock()
        self._held: list[Message] | None = []

    def write(self, name: str, line: bytes | str) -> None:
        """Print a line, now or when the others are released."""
        message = Message("line", line, datetime.now(), name, self._colours.get(name))
        with self._lock:
            if self._held is None:
                self._print(message)
            else:
                self._held.append(message)

    def say(self, text: str) -> None:
        """A line of our own."""
        self.write(_OURS, text)

    def release(self) -> None:
        """Print what was held back, and from now on every line at once."""
        with self._lock:
            for message in self._held or ():
                self._print(message)
            self._held = None

    def _print(self, message: Message) -> None:
        # a closed terminal or pipe is no reason to die: the services have to be ended first
        with contextlib.suppress(OSError, ValueError):
            self._printer.write(message)


class _Running:
    """A service with its process and what became of it."""

    process: subprocess.Popen[bytes]
    reader: threading.Thread

    def __init__(self, service: Service) -> None:
        self.service = service
        self.started = 0.0
        self.deaths = 0
        #: when to start it again; 0: it is running
        self.due = 0.0

    @property
    def pid(self) -> int:
        """Of its process; the group has the same number."""
        return self.process.pid

    @property
    def is_over(self) -> bool:
        """Whether its process has ended."""
        return self.process.poll() is not None

    def pause_after_death(self) -> float:
        """How long to wait before the next start, s."""
        was_well = time.monotonic() - self.started > _WELL
        self.deaths = 1 if was_well else self.deaths + 1
        return min(math.ldexp(_FIRST_PAUSE, min(self.deaths, 9) - 1), _LONGEST_PAUSE)

    def cause_of_death(self) -> str:
        """How its process ended, in words."""
        code = self.process.returncode
        return f"ended with code {code}" if code >= 0 else f"was killed by signal {-code}"


class Supervisor:
    """Keeps services running until somebody asks it to stop.

    Use it as a context: leaving it ends everything. A process of its own ends everything if this
    one is killed.

    Args:
        log: where the services' lines and ours go.
        environ: environment of the services.
        held: file descriptors that stay open until everything has ended, whatever happens.
    """

    def __init__(self, log: Log, environ: Mapping[str, str], held: Sequence[int] = ()) -> None:
        self._log, self._environ = log, dict(environ)
        self._all: list[_Running] = []
        self._asked = 0
        self._watchdog = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", watchdog.__name__],
            stdin=subprocess.PIPE,
            pass_fds=tuple(held),
            start_new_session=True,
        )

    def __enter__(self) -> Supervisor:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask)
        return self

    def __exit__(self, *error: object) -> None:
        self._log.release()
        for stage in self._stages():
            pids = [running.pid for running in stage]
            grace = max(running.service.grace for running in stage)
            watchdog.end(pids, grace, partial(self._may_move_on, stage))
        for running in self._all:
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.process.wait(_LAST_WAIT)
            running.reader.join(_LAST_WAIT)
        assert self._watchdog.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._watchdog.stdin.close()
        self._watchdog.wait()

    @property
    def asked_to_stop(self) -> bool:
        """Whether Ctrl-C, SIGTERM or SIGHUP came."""
        return self._asked > 0

    def start(self, service: Service) -> None:
        """Start a service and keep it running."""
        running = _Running(service)
        self._all.append(running)
        self._launch(running)

    def run(self, until: Callable[[], bool], within: float = math.inf) -> bool:
        """Keep the services running until `until` says so.

        Returns:
            Whether it did; False: somebody asked to stop, or `within` s passed.
        """
        deadline = time.monotonic() + within
        while not self.asked_to_stop:
            if until():
                return True
            if time.monotonic() > deadline:
                return False
            self._look_after_all()
            time.sleep(_PAUSE)
        return False

    def _ask(self, number: int, frame: object) -> None:
        # nothing but a number: a signal handler may interrupt anything
        self._asked += 1

    def _may_move_on(self, stage: Sequence[_Running]) -> bool:
        """Whether a stage is over, or is to be killed because somebody asked a second time."""
        return self._asked > 1 or all(running.is_over for running in stage)

    def _launch(self, running: _Running, *, again: bool = False) -> None:
        service = running.service
        process = subprocess.Popen(  # noqa: S603
            service.command,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=service.fds,
            start_new_session=True,
        )
        if again:
            self._log.say(f"{service.name} is started again (pid {process.pid})")
        reader = threading.Thread(target=self._relay, args=(service.name, process), daemon=True)
        reader.start()
        running.process, running.reader = process, reader
        running.started, running.due = time.monotonic(), 0.0
        self._tell_watchdog()

    def _relay(self, name: str, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in iter(lambda: lines.readline(_LONGEST_LINE), b""):
                self._log.write(name, line)

    def _look_after_all(self) -> None:
        for running in self._all:
            if running.due and time.monotonic() > running.due:
                self._launch(running, again=True)
            elif not running.due and running.is_over:
                self._bury(running)

    def _bury(self, running: _Running) -> None:
        """Say that a service died, and when it will be started again."""
        watchdog.kill_group(running.pid)
        pause = running.pause_after_death()
        running.due = time.monotonic() + pause
        self._log.say(
            f"{running.service.name} {running.cause_of_death()}; starting it again in {pause:g} s"
        )
        self._tell_watchdog()

    def _stages(self) -> list[list[_Running]]:
        """What has to be ended, in order."""
        alive = sorted(
            (running for running in self._all if not running.due), key=lambda r: r.service.stage
        )
        return [list(stage) for _, stage in groupby(alive, key=lambda r: r.service.stage)]

    def _tell_watchdog(self) -> None:
        stages = [
            [max(r.service.grace for r in stage), [r.pid for r in stage]]
            for stage in self._stages()
        ]
        assert self._watchdog.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._watchdog.stdin.write(json.dumps(stages).encode() + b"\n")
            self._watchdog.stdin.flush()
