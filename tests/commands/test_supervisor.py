import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from dispatch_app.commands.supervisor import Log, Service, Supervisor
from tests.waiting import wait_for


@pytest.fixture
def output():
    return io.StringIO()


@pytest.fixture
def supervisor(output):
    log = Log(output, ["a", "b", "c"])
    log.release()
    return Supervisor(log, os.environ)


def service(name: str, script: str, stage: int = 0, grace: float = 2.0) -> Service:
    return Service(name, ["sh", "-c", script], stage, grace)


def lines(output) -> list[str]:
    """What was printed, without the times."""
    return [line[9:] for line in output.getvalue().splitlines()]


def waits_for_term(says: str) -> str:
    return f"trap '{says}; exit 0' TERM; echo ready; while :; do sleep 0.02; done"


def printed(output, text: str, times: int = 1):
    return lambda: output.getvalue().count(text) >= times


def test_a_service_that_dies_is_started_again_after_a_growing_pause(supervisor, output):
    with supervisor:
        supervisor.start(service("a", "echo hello; exit 3"))
        supervisor.start(service("b", waits_for_term(":")))
        assert supervisor.run(printed(output, "in 2 s"), 10)
    said = [line.partition(" (pid")[0] for line in lines(output) if not line.startswith("b")]
    assert said == [
        "a        | hello",
        "dispatch | a ended with code 3; starting it again in 1 s",
        "dispatch | a is started again",
        "a        | hello",
        "dispatch | a ended with code 3; starting it again in 2 s",
    ]


def test_what_a_dead_service_left_behind_does_not_outlive_it(supervisor, output, tmp_path):
    with supervisor:
        supervisor.start(service("a", f"sleep 60 & echo $! > {tmp_path}/pid; kill -9 $$"))
        assert supervisor.run(printed(output, "was killed by signal 9"), 5)
        wait_for(lambda: is_gone(int((tmp_path / "pid").read_text())), 2)


def test_services_end_in_the_order_of_their_stages(supervisor, output, tmp_path):
    order = tmp_path / "order"
    with supervisor:
        for name, stage in (("c", 2), ("a", 0), ("b", 1)):
            supervisor.start(service(name, waits_for_term(f"echo {name} >> {order}"), stage))
        assert supervisor.run(printed(output, "ready", 3), 5)
    assert order.read_text().split() == ["a", "b", "c"]


def test_the_last_words_of_a_service_are_printed(supervisor, output):
    with supervisor:
        supervisor.start(service("a", waits_for_term("echo goodbye")))
        assert supervisor.run(printed(output, "ready"), 5)
    assert "goodbye" in output.getvalue()


def test_a_service_that_will_not_end_is_killed_with_its_group(supervisor, output, tmp_path):
    script = f"trap '' TERM; sleep 60 & echo $! > {tmp_path}/pid; echo ready; wait; sleep 60"
    with supervisor:
        supervisor.start(service("a", script, grace=0.3))
        assert supervisor.run(printed(output, "ready"), 5)
        began = time.monotonic()
    assert 0.3 <= time.monotonic() - began < 2
    wait_for(lambda: is_gone(int((tmp_path / "pid").read_text())), 2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_asks_it_to_stop(supervisor, output, number):
    with supervisor:
        supervisor.start(service("a", waits_for_term(":")))
        os.kill(os.getpid(), number)
        assert not supervisor.run(lambda: False, 5)
        assert supervisor.asked_to_stop


def test_a_second_signal_kills_at_once(supervisor, output):
    with supervisor:
        supervisor.start(service("a", "trap '' TERM; echo ready; sleep 60; sleep 60", grace=30))
        assert supervisor.run(printed(output, "ready"), 5)
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        began = time.monotonic()
    assert time.monotonic() - began < 2


def test_lines_are_held_back_until_they_are_released(output):
    log = Log(output, ["a"])
    log.write("a", b"first\n")
    assert output.getvalue() == ""
    log.release()
    log.write("a", "second ä".encode())
    assert [line.partition("| ")[2] for line in lines(output)] == ["first", "second ä"]


def test_a_closed_terminal_does_not_keep_services_from_ending(tmp_path):
    log = Log(_Closed(), ["a"])
    log.release()
    script = waits_for_term(f"echo > {tmp_path}/ended").replace("while", f"> {tmp_path}/up; while")
    with Supervisor(log, os.environ) as supervisor:
        supervisor.start(service("a", script))
        assert supervisor.run((tmp_path / "up").exists, 5)
    assert (tmp_path / "ended").exists()


class _Closed(io.StringIO):
    """What a terminal that is gone does."""

    def write(self, text):
        raise BrokenPipeError


KILLED = """
import os, signal, sys
from dispatch_app.commands.supervisor import Log, Service, Supervisor
folder = sys.argv[1]
script = 'echo $$ >> {0}/pids; sleep 60 & echo $! >> {0}/pids; wait'.format(folder)
with Supervisor(Log(sys.stdout, ["a"]), os.environ) as supervisor:
    for stage in (0, 1):
        supervisor.start(Service("a", ["sh", "-c", script], stage, 1.0))
    supervisor.run(lambda: open(folder + "/pids").read().count("\\n") == 4)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_nothing_outlives_a_supervisor_that_was_killed(tmp_path):
    pids = tmp_path / "pids"
    pids.touch()
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], cwd=Path(__file__).parents[2], timeout=10
    )
    assert killed.returncode == -signal.SIGKILL
    started = [int(pid) for pid in pids.read_text().split()]
    assert len(started) == 4
    wait_for(lambda: all(map(is_gone, started)), 5, "the services to end")


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
