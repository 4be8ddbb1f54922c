"""The API as it is deployed: gunicorn with deploy/gunicorn.py, over real HTTP."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

import httpx
import psutil
import pytest

from tests.api.calls import TASKS
from tests.api.test_tasks import SEED
from tests.processes import ROOT, LocalProcess
from tests.servers import free_port
from tests.waiting import wait_for

COMMAND = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.py", "dispatch_api.wsgi:app"]

#: s that the strictest PaaS gives between SIGTERM and SIGKILL
GRACE = 10


class Web(LocalProcess):
    """The web process of the Procfile, and a caller of it."""

    def __init__(self, folder, environ: dict[str, str], port: int) -> None:
        self.port = port
        super().__init__("web", COMMAND, folder, environ, "Booting worker", cwd=ROOT)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)

    def answers(self) -> bool:
        try:
            return self.http.get("/healthz").status_code == 200
        except httpx.TransportError:
            assert self.status == "running", self.logs()
            return False

    def send(self, data: bytes) -> bytes:
        """What comes back on a connection of its own, until it is closed."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=15) as connection:
            connection.sendall(data)
            received = b""
            while part := connection.recv(65_536):
                received += part
            return received


@pytest.fixture
def web(redis_url: str, tmp_path) -> Any:
    """Starts it with these settings, on a port given as PORT, as a PaaS gives it."""
    started: list[Web] = []

    def start(port: int = 0, **environ: str) -> Web:
        port = port or free_port()
        environ = {"REDIS_URL": redis_url, "PORT": str(port), **environ}
        started.append(Web(tmp_path, environ, port))
        wait_for(started[-1].answers, 30, "the API to answer")
        return started[-1]

    yield start
    for process in started:
        process.http.close()
        process.remove()


Start = Callable[..., Web]


def test_the_port_that_a_paas_gives_is_taken_and_the_calls_work(web: Start) -> None:
    server = web()
    headers = {"Content-Type": "application/json"}
    made = server.http.post(TASKS, content=SEED, headers=headers)
    assert (made.status_code, made.json()["status"]) == (201, "queued")
    path = made.headers["Location"]
    assert server.http.get(path).json() == made.json()
    assert server.http.get(f"{path}/result").status_code == 202
    assert server.http.delete(path).json()["status"] == "cancelled"
    assert server.http.get(f"{path}/result").json()["status"] == "cancelled"
    listening = {
        connection.laddr.port
        for process in (psutil.Process(server.pid), *psutil.Process(server.pid).children())
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {server.port}


def test_without_port_the_settings_count(web: Start) -> None:
    port = free_port()
    server = web(port, PORT="", SERVER_HOST="127.0.0.1", SERVER_PORT=str(port))
    assert f"Listening at: http://127.0.0.1:{port} " in server.logs()


def test_sigterm_ends_it_after_the_answers_that_are_under_way(web: Start) -> None:
    server = web()
    path = f"{TASKS}/{server.http.post(TASKS, json={'type': 'echo'}).json()['id']}"
    answers: list[httpx.Response] = []

    def wait() -> None:
        answers.append(httpx.get(f"{server.http.base_url}{path}/result?wait=3", timeout=30))

    waiter = threading.Thread(target=wait)
    waiter.start()
    wait_for(lambda: connections(server) >= 2, 10, "the waiting request to arrive")
    server.kill(signal.SIGTERM)
    assert server.wait(GRACE + 5) == 0
    waiter.join(10)
    assert answers[0].status_code == 202


def connections(server: Web) -> int:
    """Connections that its processes hold on its port."""
    children = psutil.Process(server.pid).children()
    return sum(
        connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == server.port
        for child in children
        for connection in child.net_connections()
    )


def test_sigterm_waits_for_nobody_longer_than_the_grace(web: Start) -> None:
    server = web()
    path = f"{TASKS}/{server.http.post(TASKS, json={'type': 'echo'}).json()['id']}"
    waiting = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    host = f"Host: 127.0.0.1:{server.port}\r\n"
    waiting.sendall(f"GET {path}/result?wait=60 HTTP/1.1\r\n{host}\r\n".encode())
    wait_for(lambda: connections(server) >= 2, 10, "the waiting request to arrive")
    server.kill(signal.SIGTERM)
    server.wait(GRACE + 5)
    assert not psutil.pid_exists(server.pid)
    waiting.close()


def test_half_a_request_holds_nobody_up(web: Start) -> None:
    """`server.read_timeout` is how long a request may stand still."""
    server = web(SERVER_READ_TIMEOUT="500ms")
    head = f"POST {TASKS} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
    body = f"{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n" + '{"type":'
    assert server.send(head.encode()) == b""
    answer = server.send(body.encode())
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in answer
    assert server.http.get(TASKS).json()["items"] == []


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET / HTTP/9.9",
        b"\x00\x01\x02",
        b"GET " + b"/x" * 10_000 + b" HTTP/1.1",
        b"GET / HTTP/1.1\r\nContent-Length: -1",
        b"POST /api/v1/tasks HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
        b"GET http://[::1 HTTP/1.1",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 2_000,
    ],
)
def test_what_is_no_http_is_refused_and_the_next_one_served(web_shared, request_line) -> None:
    server = web_shared
    status = server.send(request_line + b"\r\nConnection: close\r\n\r\n").split(b" ", 2)[1:2]
    assert not status or status[0].startswith(b"4"), status
    assert server.answers()
    assert "Traceback" not in server.logs()


@pytest.fixture(scope="module")
def web_shared(redis_server, tmp_path_factory):
    """One web process for tests that leave it as it was."""
    port = free_port()
    environ = {"REDIS_URL": redis_server.url, "PORT": str(port)}
    server = Web(tmp_path_factory.mktemp("web"), environ, port)
    wait_for(server.answers, 30, "the API to answer")
    yield server
    server.http.close()
    server.remove()


@pytest.mark.parametrize(
    ("environ", "said"),
    [({"SERVER_PORT": "eighty"}, "SERVER_PORT"), ({"SERVER_READ_TIMEOUT": "-1s"}, "READ_TIMEOUT")],
)
def test_a_wrong_setting_stops_it_with_one_line(
    redis_url: str, tmp_path, environ: dict[str, str], said: str
) -> None:
    process = LocalProcess(
        "web", COMMAND, tmp_path, {"REDIS_URL": redis_url, **environ}, "", cwd=ROOT
    )
    assert process.wait(30) != 0
    (line,) = process.logs().strip().splitlines()
    assert said in line
