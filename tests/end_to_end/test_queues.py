"""Queues, priorities, and workers that come late."""

from __future__ import annotations

import pytest


@pytest.fixture
def worker(shared):
    """Starts a worker of the test's own beside the shared one, and ends it."""
    started = []

    def start(*options, **settings):
        started.append(shared.worker(*options, **settings))
        return started[-1]

    yield start
    for process in started:
        process.remove()
        shared.processes.remove(process)


def test_only_a_worker_of_its_queue_takes_a_run(shared, seen, worker, celery_setup):
    about = "queues"
    order = ["low", "normal", "high", "critical"] * 2
    created = [
        shared.create(
            "marking",
            payload={"label": f"{priority} {number}", "about": about},
            queue="reports",
            priority=priority,
        )
        for number, priority in enumerate(order)
    ]
    elsewhere = shared.run("add", payload={"x": 1})
    assert elsewhere.attempts[0].worker == celery_setup.worker.hostname()
    assert {shared.status_of(task_id) for task_id in created} == {"queued"}

    reporter = worker("-Q", "reports")
    runs = [shared.finished(task_id) for task_id in created]
    assert {run.attempts[0].worker for run in runs} == {f"{reporter.name}@127.0.0.1"}
    # by priority, and in the order of their creation where that is the same
    assert [label for (label,) in seen(about)] == [
        *("critical 3", "critical 7", "high 2", "high 6"),
        *("normal 1", "normal 5", "low 0", "low 4"),
    ]


def test_a_run_waits_for_a_worker_that_knows_its_type(shared, worker):
    old = worker("-Q", "deploys")
    task_id = shared.create("newcomer", queue="deploys")
    waits = "no worker of its queue knows the type 'newcomer' yet"
    shared.until(lambda: shared.latest(task_id).reason == waits)
    assert shared.status_of(task_id) == "queued"
    old.kill("SIGTERM")
    assert old.wait() == 0

    worker("-Q", "deploys", app="tests.end_to_end.grown_app")
    run = shared.finished(task_id)
    assert (run.status, run.result, run.reason) == ("succeeded", "here at last", None)
    assert [attempt.outcome for attempt in run.attempts] == ["succeeded"]


def test_a_run_of_an_unknown_type_expires_with_its_reason(shared):
    run = shared.run("nobody.knows.it", expires=500)
    assert (run.status, run.attempts) == ("expired", ())
    assert run.reason == "no worker of its queue knows the type 'nobody.knows.it' yet"
