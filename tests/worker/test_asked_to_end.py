"""What a run sees that its overlap policy asks to end (`cancel_other`), and what becomes of it.

Runs are triggered, so no beat is needed: the asking is done by the trigger, the end by the worker.
"""

from __future__ import annotations

import subprocess
from signal import SIGTERM

import pytest
from kombu import Queue

from dispatch_app.operations import tasks
from dispatch_app.worker.request import DispatchRequest


@pytest.fixture
def asked(installation):
    """Has a task of this type run under `cancel_other`, and asks its run to end by triggering
    another one; gives both."""

    def ask(type: str, *, payload=None, **fields):
        task_id = installation.create(type, payload=payload or {}, overlap="cancel_other", **fields)
        first = installation.reached(task_id, "running")
        installation.until(lambda: installation.notes(first.id), "its function to begin")
        second = tasks.trigger(installation.dispatch, task_id, {"seconds": 0} if payload else None)
        assert (second.status, second.reason) == ("waiting", "overlap: cancel_other")
        return first, second

    return ask


def ended(installation, run):
    """The run, when it has."""
    return installation.until(
        lambda: (r := installation.store.runs.get(run.id)).is_finished and r, "its end"
    )


def told(installation, run) -> list[object]:
    return [note for note, *_ in installation.notes(run.id)]


def test_the_function_is_told_may_tidy_up_and_the_next_one_runs_then(installation, asked):
    worker = installation.worker("-c", "2")
    children = worker.children
    first, second = asked("tidying", payload={"seconds": 60})
    first = ended(installation, first)
    assert (first.status, first.reason) == ("cancelled", "overlap: cancel_other")
    assert [attempt.outcome for attempt in first.attempts] == ["cancelled"]
    assert told(installation, first)[:4] == ["before_start", "begins", "is told", "is tidy"]
    second = ended(installation, second)
    assert (second.status, second.result) == ("succeeded", "done")
    assert second.started_at >= first.finished_at
    assert worker.children == children


def test_it_is_told_once_however_long_it_takes_to_tidy_up(installation, asked):
    installation.worker("-c", "2", SCHEDULER_HEARTBEAT_INTERVAL="100ms")
    first, second = asked("tidying", payload={"seconds": 60, "takes": 0.8})
    assert ended(installation, first).status == "cancelled"
    assert told(installation, first).count("is told") == 1
    assert told(installation, first).count("is tidy") == 1
    assert ended(installation, second).status == "succeeded"


def test_one_that_does_not_catch_it_is_cancelled_neither_retried_nor_failed(installation, asked):
    worker = installation.worker("-c", "2")
    first, _ = asked("interruptible", max_retries=5)
    first = ended(installation, first)
    assert (first.status, first.retry_at) == ("cancelled", None)
    counts = installation.store.tasks.get(first.task_id).counts
    assert counts == {"runs": 2, "cancelled": 1}
    # Celery's own hooks are told the same: neither on_retry nor on_failure
    assert told(installation, first) == ["before_start", "begins"]
    assert "ERROR" not in worker.logs()


@pytest.mark.parametrize("pool", ["solo", "threads"])
def test_a_pool_without_processes_tells_it_by_progress_and_log(installation, asked, pool):
    worker = installation.worker("-P", pool, "-c", "2")
    # heartbeats pass until it has ended
    first, second = asked("asking", payload={"seconds": 60, "takes": 1.2})
    first = ended(installation, first)
    assert (first.status, told(installation, first)) == ("cancelled", ["begins", "is told"])
    assert ended(installation, second).status == "succeeded"
    # the signal that a process of prefork gets would print the stacks of all threads here
    assert "LOCAL VARIABLES" not in worker.logs()
    assert "Traceback" not in worker.logs()


@pytest.mark.parametrize("pool", ["solo", "threads"])
def test_a_pool_without_processes_lets_it_go_on_and_it_counts_for_nothing(
    installation, asked, pool
):
    installation.beat(wait=False)
    worker = installation.worker("-P", pool, "-c", "2")
    first, second = asked("waiting", payload={"seconds": 3})
    first = ended(installation, first)
    assert (first.status, told(installation, first)) == ("cancelled", ["begins"])
    assert ended(installation, second).status == "succeeded"
    installation.until(lambda: told(installation, first) == ["begins", "ends"])
    assert installation.run("add", payload={"x": 1}).status == "succeeded"
    assert installation.store.runs.get(first.id) == first
    assert "Traceback" not in worker.logs()


@pytest.fixture
def process():
    """Stands for one of a pool's."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def add(x):
    return x


def test_a_process_is_told_only_while_the_run_is_in_it(installation, process):
    installation.create("add", payload={"x": 1})
    with installation.app.connection_for_read() as connection:
        message = Queue("default", channel=connection.default_channel).get()
        task = installation.app.task(add, name="add", shared=False)
        request = DispatchRequest(message, app=installation.app, task=task)
    request.worker_pid = process.pid
    # the run has ended since it was asked: its process may be at another one by now
    request.ask_to_end()
    process.terminate()
    # SIGUSR1 would have come first
    assert process.wait(10) == -SIGTERM
