"""Celery's own commands against worker and beat, and what they mean for runs."""

from __future__ import annotations

import pytest

from dispatch_app.operations import runs, tasks


@pytest.fixture
def command(shared):
    """Runs a `celery` command line of the user's project and gives back what it says."""

    def run(*arguments: str) -> str:
        process = shared.command(*arguments)
        output, _ = process.communicate(timeout=30)
        assert process.returncode == 0, output
        return output

    return run


@pytest.fixture
def blocked(shared):
    """A queue from which the worker takes nothing before `blocked()` is called."""
    queue = "blocked"

    def open_it() -> None:
        assert shared.app.control.add_consumer(queue, reply=True, timeout=5, limit=1)

    yield queue, open_it
    shared.app.control.cancel_consumer(queue, reply=True, timeout=5, limit=1)


def test_inspect_and_status_answer_and_show_the_run(shared, celery_setup, command):
    task_id = shared.create("waiting")
    run = shared.reached(task_id, "running")
    said = [shared.command("inspect", "active"), shared.command("status")]
    active, status = (process.communicate(timeout=30)[0] for process in said)
    assert run.id in active
    assert f"{celery_setup.worker.hostname()}: OK" in status
    runs.cancel(shared.dispatch, run.id)


def test_a_revoked_run_is_cancelled_and_never_runs(shared, seen, command, blocked):
    queue, open_it = blocked
    task_id = shared.create("waiting", payload={"seconds": 0}, queue=queue)
    run = shared.latest(task_id)
    command("control", "revoke", run.id)
    open_it()
    run = shared.finished(task_id)
    assert (run.status, run.reason) == ("cancelled", "revoked through Celery")
    assert seen(run.id) == []


def test_a_terminated_run_is_cancelled(shared, seen):
    task_id = shared.create("waiting")
    run = shared.reached(task_id, "running")
    shared.app.control.revoke(run.id, terminate=True)
    run = shared.finished(task_id)
    assert (run.status, run.reason) == ("cancelled", "terminated through Celery")
    assert seen(run.id) == [["begins"]]


def test_cancelling_a_run_ends_it_within_a_heartbeat(shared, seen, celery_setup):
    # the process that runs it has to be gone: with two such runs the pool would be full
    for _ in range(3):
        task_id = shared.create("waiting")
        run = shared.reached(task_id, "running")
        shared.until(lambda id=run.id: seen(id) == [["begins"]])
        cancelled = runs.cancel(shared.dispatch, run.id, terminate=True)
        assert (cancelled.status, cancelled.reason) == ("cancelled", "cancelled by request")
        shared.until(lambda id=run.id: f"Run {id} was cancelled" in celery_setup.worker.logs())
    assert shared.run("add", payload={"x": 1}).result == 2
    assert shared.latest(task_id) == cancelled
    assert seen(run.id) == [["begins"]]


def test_cancelling_a_task_ends_its_run(shared, celery_setup):
    task_id = shared.create("waiting")
    run = shared.reached(task_id, "running")
    assert tasks.cancel(shared.dispatch, task_id).status == "cancelled"
    run = shared.finished(task_id)
    assert (run.status, run.reason) == ("cancelled", "its task was cancelled")
    assert f"Run {run.id} is asked to end" in celery_setup.worker.logs()


def test_a_run_that_was_cancelled_in_its_queue_never_runs(shared, seen, blocked):
    queue, open_it = blocked
    first = shared.create("waiting", payload={"seconds": 0}, queue=queue)
    second = shared.create("waiting", payload={"seconds": 0}, queue=queue)
    runs.cancel(shared.dispatch, shared.latest(first).id)
    open_it()
    assert shared.finished(second).status == "succeeded"
    cancelled = shared.latest(first)
    assert (cancelled.status, cancelled.attempts) == ("cancelled", ())
    assert seen(cancelled.id) == []


def test_events_show_a_run_under_its_id(shared):
    monitor = shared.command("events", "--dump")
    try:
        lines: list[str] = []
        run = None
        for line in monitor.stdout:
            lines.append(line)
            if "heartbeat" in line and run is None:
                run = shared.run("add", payload={"x": 1})
            if run and "task succeeded" in line and run.id in line:
                break
        assert any("task received" in line and run.id in line for line in lines), lines
    finally:
        monitor.kill()
        monitor.communicate()
