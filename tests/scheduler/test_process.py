"""`celery beat` as a process: what it leaves on the disk, how punctual it is, how it ends."""

from __future__ import annotations

import time

import pytest

from dispatch_app.domain.schedule import Interval, Once
from dispatch_app.domain.task import Misfire
from tests.processes import BeatProcess

SLEEPY = {"WORKER_POLL_INTERVAL": "30s", "SCHEDULER_HEARTBEAT_INTERVAL": "30s"}
STATIC_APP = "tests.scheduler.static_app"


def test_it_writes_no_file(installation, tmp_path):
    folder = tmp_path / "read only"
    folder.mkdir()
    folder.chmod(0o555)
    task_id = installation.create("add", schedule=Interval(every=200))
    beat = installation.beat(cwd=folder)
    installation.until(lambda: len(installation.runs_of(task_id)) >= 2)
    beat.kill("SIGTERM")
    assert beat.wait() == 0
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGINT"])
def test_it_ends_at_once_however_long_it_sleeps(installation, signal):
    installation.environ |= SLEEPY
    beat = installation.beat()
    began = time.monotonic()
    beat.kill(signal)
    assert beat.wait() == 0
    assert time.monotonic() - began < 2
    assert installation.beats() == set()


def test_an_interval_of_100_ms_is_never_early_and_does_not_drift(installation):
    installation.environ |= SLEEPY
    installation.beat()
    start = installation.store.now() + 300
    schedule = Interval(every=100, start_time=start, max_runs=100)
    task_id = installation.create("add", schedule=schedule, misfire=Misfire(policy="run_all"))
    installation.until(lambda: installation.status_of(task_id) == "completed", timeout=20)
    runs = installation.runs_of(task_id)
    assert [run.scheduled_for for run in runs] == [start + n * 100 for n in range(100)]
    lateness = sorted(run.queued_at - run.scheduled_for for run in runs)
    assert lateness[0] >= 0
    # this machine does other things as well; drift would add up to much more
    assert lateness[len(lateness) // 2] < 50
    assert runs[-1].queued_at - runs[-1].scheduled_for < 500


def test_entries_of_beat_schedule_run(installation):
    installation.beat(app=STATIC_APP)
    worker = installation.worker(app=STATIC_APP)
    run = installation.finished("beat:users:every-fifth-of-a-second")
    assert (run.status, run.result) == ("succeeded", 5)
    assert run.attempts[0].worker.startswith(worker.name)
    assert installation.status_of("beat:users:at-midnight") == "scheduled"
    assert installation.status_of("beat:users:nonsense") is None


def test_a_worker_with_beat_inside_runs_what_is_due(installation):
    task_id = installation.create("add", payload={"x": 1}, schedule=Interval(every=300))
    installation.worker("-B")
    assert installation.finished(task_id).status == "succeeded"


def test_an_app_without_dispatch_is_told_what_to_call(installation):
    beat = BeatProcess(
        "plain", "tests.scheduler.plain_app", installation.folder, installation.environ
    )
    assert beat.wait() != 0
    assert "Call dispatch_app.Dispatch(app) on this Celery app first." in beat.logs()


def test_many_future_tasks_put_nothing_into_the_broker(installation):
    installation.beat(wait=False)
    worker = installation.worker()
    later = installation.store.now() + 3_600_000
    for number in range(1_000):
        schedule = Once(start_time=later + number)
        installation.create("add", payload={"x": number}, schedule=schedule)
    assert installation.run("add", payload={"x": 1}).status == "succeeded"
    with installation.server.client() as client:
        ours = installation.store.keys.prefix
        others = {key for key in client.scan_iter() if not key.startswith(ours)}
        # kombu's tables of who listens to what, and nothing that holds a message
        assert not {key for key in others if not key.startswith("_kombu.")}
    assert worker.status == "running"
