"""dispatch doctor: what it says of a real installation, and what it mends."""

from __future__ import annotations

import subprocess

import pytest

from dispatch_app.domain.schedule import Interval
from tests.commands.terminal import DISPATCH, clean_environ
from tests.servers import free_port
from tests.store.books import disagreements

NOBODY = [
    "No beat seen: start one with `celery -A dispatch_app beat`.",
    "No worker seen: start one with `celery -A dispatch_app worker`.",
]


@pytest.fixture
def doctor(installation):
    """What `dispatch doctor` with these words said, and its exit code; as on a terminal."""

    def run(*words: str, app: str = "dispatch_app") -> tuple[list[str], int]:
        process = installation.command("dispatch", "doctor", *words, app=app)
        said, _ = process.communicate(timeout=60)
        return said.splitlines(), process.returncode

    return run


def beat_and_worker(installation, queues: str = "default") -> None:
    workers = installation.store.workers
    workers.beat("scheduler", "beat", {"pid": 1}, ttl=60_000)
    workers.beat("worker", "worker", {"queues": queues.split(",")}, ttl=60_000)


def test_of_a_sound_installation_it_says_that_nothing_is_wrong(installation, doctor):
    installation.beat(app="dispatch_app")
    installation.worker(app="dispatch_app")
    assert installation.run("echo", payload={"message": "x"}).status == "succeeded"
    assert doctor() == (["Nothing is wrong."], 0)


def test_it_says_who_is_missing(doctor):
    assert doctor() == ([*NOBODY, "2 found, 0 mended."], 1)


def test_it_says_for_what_queued_runs_wait(installation, doctor):
    beat_and_worker(installation)
    for _ in range(2):
        installation.create("unheard", queue="reports")
    assert doctor() == (
        [
            "No worker consumes the queue 'reports', on which 2 runs are queued: start one with "
            "-Q reports.",
            "No worker knows the type 'unheard', of which 2 runs are queued: start one that has it "
            "(DISPATCH_IMPORTS).",
            "2 found, 0 mended.",
        ],
        1,
    )


def test_it_mends_what_is_out_of_step(installation, doctor):
    beat_and_worker(installation)
    task_id = installation.create("echo", schedule=Interval(every=3_600_000))
    with installation.server.client() as client:
        client.delete(installation.store.keys.agenda())
    line = f"Task {task_id}: it is not on the agenda."
    assert doctor("--dry-run") == ([line, "1 found, 0 mended."], 1)
    assert disagreements(installation.store) != []
    assert doctor() == ([f"{line} Mended.", "1 found, 1 mended."], 1)
    assert disagreements(installation.store) == []
    assert doctor() == (["Nothing is wrong."], 0)


def test_without_celery_before_it_looks_at_our_own_app(redis_url):
    said = subprocess.run(
        [DISPATCH, "doctor"],
        env=clean_environ(REDIS_URL=redis_url),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert said.stdout.splitlines() == [*NOBODY, "2 found, 0 mended."]
    assert (said.returncode, said.stderr) == (1, "")


def test_it_serves_an_app_of_ones_own(doctor):
    lines, code = doctor(app="tests.end_to_end.users_app")
    assert (lines[-1], code) == ("2 found, 0 mended.", 1)


def test_an_app_without_dispatch_is_told_what_to_call(doctor):
    refusal = "Error: Call dispatch_app.Dispatch(app) on this Celery app first."
    assert doctor(app="tests.bench.bare_app") == ([refusal], 2)


def test_a_key_that_holds_something_else_is_named_and_it_cannot_look(installation, doctor):
    keys = installation.store.keys
    names = {keys.tasks(): "zset", keys.types(): "hash", keys.paused(): "hash",
             keys.beats("worker"): "zset", keys.beats("scheduler"): "zset"}  # fmt: skip
    with installation.server.client() as client:
        for name in names:
            client.set(name, "x")
        client.delete(keys.schema())
        client.lpush(keys.schema(), "x")
    lines, code = doctor()
    assert sorted(lines) == sorted(
        f"Error: The key {name} in Redis holds a {held} in place of a {kind}: rename or delete it."
        for name, held, kind in [
            *((name, "string", kind) for name, kind in names.items()),
            (keys.schema(), "list", "string"),
        ]
    )
    assert code == 2


def test_without_redis_it_cannot_look(installation, doctor):
    installation.environ["REDIS_URL"] = f"redis://127.0.0.1:{free_port()}/0"
    (line,), code = doctor()
    assert line.startswith("Error: Redis does not answer: ")
    assert code == 2
