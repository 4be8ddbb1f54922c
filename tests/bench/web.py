"""gunicorn with our settings, and callers that take next to no time themselves."""

from __future__ import annotations

import socket
import sys
from concurrent.futures import ThreadPoolExecutor

import msgspec

from tests.bench.place import Place, seconds
from tests.installation import Installation
from tests.processes import ROOT, LocalProcess
from tests.servers import free_port


class Site:
    """An app under gunicorn, as deploy/gunicorn.py sets it up.

    Args:
        app: as gunicorn names one, `package.module:object`.
    """

    def __init__(self, place: Place, installation: Installation, app: str) -> None:
        self._port = free_port()
        environ = {
            **installation.environ,
            "SERVER_HOST": "127.0.0.1",
            "SERVER_PORT": str(self._port),
        }
        command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.py", app]
        folder = place.new_folder()
        self.process = place.process(
            LocalProcess("web", command, folder, environ, "Booting worker", cwd=ROOT)
        )

    def caller(self) -> Caller:
        """A connection that is kept alive."""
        return Caller(self._port)

    def requests_per_second(self, request: bytes, number: int, connections: int = 4) -> float:
        """One after the other on each of a few connections."""
        callers = [self.caller() for _ in range(connections)]
        each = number // connections
        with ThreadPoolExecutor(connections) as pool:
            taken = seconds(lambda: list(pool.map(lambda c: c.repeat(request, each), callers)))
        for caller in callers:
            caller.close()
        return each * connections / taken


class Caller:
    """HTTP/1.1 as far as it is needed here."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._replies = self._socket.makefile("rb")

    def repeat(self, request: bytes, times: int) -> None:
        """Call and wait, so many times."""
        for _ in range(times):
            self.call(request)

    def call(self, request: bytes) -> bytes:
        """The body of the answer, which has to be a good one."""
        self._socket.sendall(request)
        status = self._replies.readline()
        length = 0
        while (line := self._replies.readline()) != b"\r\n":
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        body = self._replies.read(length)
        assert status.split()[1] in (b"200", b"201"), (status, body)
        return body

    def close(self) -> None:
        """Hang up."""
        self._replies.close()
        self._socket.close()


def get(path: str) -> bytes:
    """A request for a page."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def post(path: str, body: object) -> bytes:
    """A request with a body."""
    content = msgspec.json.encode(body)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content
