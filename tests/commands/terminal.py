"""`dispatch` as a person at a terminal starts it: with no settings but those that a test names."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from dispatch_app.config import KEYS
from tests.processes import LocalProcess
from tests.servers import free_port
from tests.waiting import wait_for

DISPATCH = str(Path(sys.executable).with_name("dispatch"))
#: a word of the command line of each service, and of what ends them
_WORDS = {"gunicorn": "api", "beat": "beat", "worker": "worker", "valkey-server": "redis"}


def clean_environ(**environ: str) -> dict[str, str]:
    """This process' environment without a setting in it, and these settings."""
    variables = {variable for key in KEYS.values() for variable in key.variables}
    rest = {k: v for k, v in os.environ.items() if k not in variables | {"CONFIG_FILE"}}
    return {**rest, **environ}


def is_gone(process: psutil.Process) -> bool:
    """Whether a process has ended; one that nobody waited for has."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class Up(LocalProcess):
    """`dispatch up` in a folder, on a free port; it has started when the panel is there.

    Args:
        folder: where it runs and keeps its data.
        options: of its command line.
        environ: settings.
        port: of the API, if the test needs one.
    """

    def __init__(
        self, folder: Path, *options: str, port: int | None = None, **environ: str
    ) -> None:
        self.folder, self.port = folder, port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        unset = dict.fromkeys(set(os.environ) - set(clean_environ()), "")
        command = [DISPATCH, "up", "--port", str(self.port), *options]
        super().__init__(
            f"up-{self.port}", command, folder, {**unset, **environ}, "Stop     Ctrl-C"
        )

    def services(self) -> dict[str, psutil.Process]:
        """The processes that it keeps running, by the names that its log has for them."""
        return dict(map(_named, self._services()))

    def everything(self) -> list[psutil.Process]:
        """All processes that came of it, itself included."""
        itself = psutil.Process(self.pid)
        return [itself, *itself.children(recursive=True)]

    def said(self, text: str, timeout: float = 20) -> str:
        """Wait for a line of the log that has this text."""

        def line() -> str | None:
            return next((line for line in self.logs().splitlines() if text in line), None)

        return wait_for(line, timeout, f"{text!r} in\n{self.logs()}", pause=0.05)

    def interrupt(self) -> int:
        """Ctrl-C; the exit code, once it has ended."""
        self.kill(signal.SIGINT)
        return self.wait(20)

    def _services(self) -> Iterator[psutil.Process]:
        for child in psutil.Process(self.pid).children():
            if "watchdog" not in " ".join(child.cmdline()):
                yield child


def _named(process: psutil.Process) -> tuple[str, psutil.Process]:
    words = process.cmdline()
    name = next(name for word, name in _WORDS.items() if any(word in each for each in words[:7]))
    if name == "worker":
        name = words[words.index("-n") + 1].removesuffix("@%h")
    return name, process


@contextmanager
def started(folder: Path, *options: str, **environ: str) -> Iterator[Up]:
    """`dispatch up`, up and running; what is left of it ends with the block."""
    up = Up(folder, *options, **environ)
    try:
        up.ready()
        yield up
    finally:
        up.remove()


def refusal(folder: Path, *options: str, **environ: str) -> str:
    """What `dispatch up` says when it does not start."""
    answer = subprocess.run(
        [DISPATCH, "up", *options],
        cwd=folder,
        env=clean_environ(**environ),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert answer.returncode == 1, answer
    return answer.stderr
