"""`dispatch up`, as a person at a terminal meets it: the panel, the calls, Ctrl-C, what dies."""

from __future__ import annotations

import re
import signal
import subprocess
import time

import httpx
import pytest

from tests.commands.terminal import Up, is_gone, refusal, started
from tests.end_to_end.seed import EMAIL
from tests.installation import Installation
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    """One that the tests share which leave it running."""
    folder = tmp_path_factory.mktemp("up")
    # a lease lives three of these
    with started(folder, SCHEDULER_HEARTBEAT_INTERVAL="500ms") as up:
        yield up


def api(up: Up, method: str, path: str, **options) -> httpx.Response:
    return httpx.request(method, f"{up.url}/api/v1{path}", timeout=30, **options)


def create(up: Up, type: str, **fields) -> str:
    answer = api(up, "POST", "/tasks", json={"type": type, "name": type, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def status(up: Up, task_id: str) -> str:
    return api(up, "GET", f"/tasks/{task_id}").json()["status"]


def result(up: Up, task_id: str) -> dict:
    """The result of a task's latest run, once it has ended."""
    answer = api(up, "GET", f"/tasks/{task_id}/result", params={"wait": 20})
    assert answer.status_code == 200, (answer.text, up.logs())
    return answer.json()


def panel(up: Up) -> dict[str, str]:
    """Its lines by their first word."""
    text = up.logs().partition("is up\n")[2]
    return dict(re.findall(r"^  (\w+) +(\S.*)$", text, re.MULTILINE))


def test_every_address_of_the_panel_answers(up):
    assert {name: panel(up)[name] for name in ("API", "Docs", "Health")} == {
        "API": f"{up.url}/api/v1/tasks",
        "Docs": f"{up.url}/docs",
        "Health": f"{up.url}/readyz",
    }
    for name in ("API", "Docs"):
        assert httpx.get(panel(up)[name], follow_redirects=True, timeout=10).status_code == 200
    # a worker and a beat are there a moment after the API
    wait_for(lambda: httpx.get(panel(up)["Health"], timeout=10).status_code == 200, 20, up.logs())


def test_the_curl_line_of_the_panel_works_as_it_stands_there(up):
    line = up.logs().partition("Try      ")[2].partition("  Stop ")[0]
    answer = subprocess.run(
        ["bash", "-c", f"{line.strip()} -sS"], capture_output=True, text=True, check=True
    )
    task = httpx.Response(200, text=answer.stdout).json()
    assert (task["type"], task["name"]) == ("echo", "hello")
    assert result(up, task["id"])["result"] == {"text": "hello"}


def test_the_panel_says_where_the_data_is(up):
    folder = panel(up)["Data"]
    (port,) = re.fullmatch(r"redis://127.0.0.1:(\d+)/0", panel(up)["Redis"]).groups()
    assert folder == f"{up.folder}/.dispatch"
    assert up.services()["redis"].net_connections("tcp4")[0].laddr.port == int(port)


def test_every_line_of_the_log_has_time_and_name(up):
    up.said("ready.")
    lines = up.logs().partition("Ctrl-C\n\n")[2].splitlines()
    names = r"(redis   |api     |beat    |worker  |dispatch)"
    assert [line for line in lines if not re.match(rf"\d\d:\d\d:\d\d {names} \| ", line)] == []


def test_the_seeds_example_is_created_runs_and_has_a_result(up):
    created = api(up, "POST", "/tasks", json=EMAIL)
    assert created.status_code == 201
    task = created.json()
    assert created.headers["Location"].endswith(f"/api/v1/tasks/{task['id']}")
    assert {name: task[name] for name in ("type", "name", "priority", "timeout")} == {
        name: EMAIL[name] for name in ("type", "name", "priority", "timeout")
    }
    assert api(up, "GET", f"/tasks/{task['id']}").status_code == 200
    answer = result(up, task["id"])
    assert (answer["status"], answer["error"]) == ("succeeded", None)
    cancelled = api(up, "DELETE", f"/tasks/{task['id']}")
    assert cancelled.status_code == 409
    assert "ended" in cancelled.text


def test_a_result_that_is_not_there_yet_is_202_and_a_cancelled_task_is_200(up):
    task_id = create(up, "sleep", payload={"seconds": 60})
    wait_for(lambda: status(up, task_id) == "running", 20)
    answer = api(up, "GET", f"/tasks/{task_id}/result")
    assert answer.status_code == 202
    assert int(answer.headers["Retry-After"]) >= 1
    for _ in range(2):
        cancelled = api(up, "DELETE", f"/tasks/{task_id}")
        assert (cancelled.status_code, cancelled.json()["id"]) == (200, task_id)
    assert result(up, task_id)["status"] == "cancelled"
    assert status(up, task_id) == "cancelled"


@pytest.mark.parametrize("name", ["api", "beat", "worker", "redis"])
def test_a_service_that_is_killed_is_started_again_and_work_goes_on(up, name):
    before = create(up, "echo", payload={"text": "before"})
    assert result(up, before)["result"] == {"text": "before"}
    running = create(up, "sleep", payload={"seconds": 2})
    wait_for(lambda: status(up, running) == "running", 20)
    victim = up.services()[name]
    family = [victim, *victim.children(recursive=True)]
    victim.kill()
    up.said(f"{name} was killed by signal 9; starting it again in 1 s")
    up.said(f"{name} is started again (pid ")
    assert up.services()[name].pid != victim.pid
    wait_for(lambda: all(map(is_gone, family)), 5, f"what the {name} left to end")
    wait_for(lambda: httpx.get(f"{up.url}/readyz", timeout=10).status_code == 200, 30, up.logs())
    assert result(up, before)["result"] == {"text": "before"}
    # needs all four: it is due in a second
    after = create(up, "echo", payload={"text": "after"}, schedule=in_a_second())
    assert result(up, after)["result"] == {"text": "after"}
    assert result(up, running)["status"] == "succeeded"


def in_a_second() -> dict:
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
    return {"type": "one-time", "start_time": moment}


def test_ctrl_c_ends_everything_and_the_next_one_finds_what_was_there(tmp_path):
    with started(tmp_path) as up:
        done = create(up, "echo", payload={"text": "done"})
        result(up, done)
        later = create(up, "echo", schedule={"type": "interval", "every": 3600})
        running = create(up, "sleep", payload={"seconds": 4})
        wait_for(lambda: status(up, running) == "running", 20)
        everything = up.everything()
        assert len(everything) >= 8
        began = time.monotonic()
        assert up.interrupt() == 0
        assert time.monotonic() - began < 10
        assert [process for process in everything if not is_gone(process)] == []
        assert "has stopped; the data is in" in up.logs()
    with started(tmp_path) as up:
        assert {task["id"] for task in api(up, "GET", "/tasks").json()["items"]} == {
            *(done, later, running)
        }
        assert result(up, done)["result"] == {"text": "done"}
        assert api(up, "GET", f"/tasks/{later}").json()["next_run_at"]
        # it was handed back, and begins again
        assert result(up, running)["status"] == "succeeded"


def test_ctrl_c_while_it_starts_leaves_nothing(tmp_path):
    up = Up(tmp_path)
    try:
        wait_for(lambda: "worker" in up.services(), 20, "a worker")
        everything = up.everything()
        assert up.interrupt() == 0
        assert [process for process in everything if not is_gone(process)] == []
        # Celery's worker may end its start with one; what is not prefixed is ours
        assert not re.search("^Traceback", up.logs(), re.MULTILINE)
    finally:
        up.remove()


def test_one_that_was_killed_leaves_nothing_and_the_next_one_goes_on(tmp_path):
    with started(tmp_path) as up:
        running = create(up, "sleep", payload={"seconds": 2})
        wait_for(lambda: status(up, running) == "running", 20)
        everything = up.everything()
        up.kill()
        # at once: it waits for the data until the last of them has ended
        with started(tmp_path) as second:
            assert [process for process in everything if not is_gone(process)] == []
            assert result(second, running)["status"] == "succeeded"


def test_a_second_one_is_told_what_to_set(up):
    taken = f"Port {up.port} of 127.0.0.1 is taken by another program: "
    said = refusal(up.folder, "--port", str(up.port), DISPATCH_DATA_DIR=f"{up.folder}/other")
    assert said == f"Error: {taken}stop that, or set SERVER_PORT to another port.\n"
    said = refusal(up.folder)
    assert said.startswith(f"Error: dispatch is already running in .dispatch (process {up.pid})")


@pytest.mark.parametrize("variable", ["REDIS_URL", "REDIS_ADDRESS"])
def test_a_redis_that_is_named_is_used_and_none_is_started(tmp_path, redis_server, variable):
    value = {"REDIS_URL": redis_server.url, "REDIS_ADDRESS": f"127.0.0.1:{redis_server.port}"}
    with redis_server.client() as client:
        client.flushall()
        with started(tmp_path, **{variable: value[variable]}) as up:
            assert set(up.services()) == {"api", "beat", "worker"}
            task_id = create(up, "echo", payload={"text": "hello"})
            assert result(up, task_id)["result"] == {"text": "hello"}
            assert client.exists(f"{{dispatch}}:task:{task_id}")
            assert panel(up)["Data"] == redis_server.url
            assert not (tmp_path / ".dispatch" / "redis").exists()
            assert up.interrupt() == 0


def test_the_seeds_file_gets_its_five_nodes_of_ten(tmp_path, redis_server):
    file = tmp_path / "config.json"
    file.write_text(SEED)
    # only what this machine has elsewhere is said beside it
    with started(tmp_path, CONFIG_FILE=str(file), REDIS_URL=redis_server.url) as up:
        workers = [name for name in up.services() if name.startswith("worker")]
        assert sorted(workers) == [f"worker{number}" for number in range(1, 6)]
        for name in workers:
            wait_for(lambda name=name: len(up.services()[name].children()) == 10, 30, up.logs())
        installation = Installation(redis_server, tmp_path)
        wait_for(lambda: len(installation.store.workers.alive("worker")) == 5, 30, up.logs())
        installation.close()
        assert result(up, create(up, "echo", payload={"text": "hi"}))["result"] == {"text": "hi"}
        assert up.interrupt() == 0


SEED = """{
  "server": {
    "host": "0.0.0.0",
    "port": "8080",
    "read_timeout": 30000000000,
    "write_timeout": 30000000000
  },
  "redis": {
    "address": "localhost:6379",
    "password": "",
    "db": 0
  },
  "worker": {
    "count": 5,
    "queue_size": 100,
    "poll_interval": 1000000000,
    "max_concurrent": 10
  },
  "scheduler": {
    "max_retries": 3,
    "default_timeout": 600000000000,
    "heartbeat_interval": 5000000000,
    "retry_backoff": 30000000000
  }
}
"""


def test_a_terminal_that_is_closed_ends_everything(tmp_path):
    with started(tmp_path) as up:
        everything = up.everything()
        up.kill(signal.SIGHUP)
        assert up.wait(15) == 0
        assert [each for each in everything if not is_gone(each)] == []
