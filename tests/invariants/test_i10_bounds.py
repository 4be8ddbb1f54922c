"""I10: load and garbage bound themselves: histories, logs, results, waiting runs, the stream.

That bodies, lists and numbers of the API have limits with clear errors is in tests/api.
"""

from __future__ import annotations

import pytest

from dispatch_app.domain.task import Task
from dispatch_app.operations import tasks
from dispatch_app.store.runs import Outcome

SUCCESS = Outcome(status="succeeded", outcome="succeeded", result='"x"')


@pytest.fixture
def small(redis_server, redis_url, new_installation):
    """An installation that keeps little."""
    return new_installation(redis_server, DISPATCH_KEEP_RUNS="5", WORKER_QUEUE_SIZE="3")


def work_off(installation, run_id: str) -> None:
    runs = installation.store.runs
    runs.start(run_id, 1, token="t", worker="w", lease=60_000)
    runs.report(run_id, "t", progress="1", lines=["a line"] * 700)
    runs.report(run_id, "t", progress="2", lines=["a line"] * 700)
    runs.finish(run_id, "t", SUCCESS)


def test_a_tasks_history_and_logs_stay_as_long_as_they_may(small):
    task_id = small.create("add", payload={"x": 1})
    client, keys, sizes = small.store.client, small.store.keys, []
    for _ in range(40):
        run = tasks.trigger(small.dispatch, task_id)
        work_off(small, run.id)
        assert client.llen(keys.log(run.id)) == 1_000
        sizes.append(client.dbsize())
    assert len([run for run in small.runs_of(task_id) if run.is_finished]) == 5
    # a run more is a run less: nothing of those that went stays behind
    assert sizes[20] == sizes[-1]
    assert client.zcard(keys.runs()) == client.zcard(keys.runs_by("task", task_id))
    assert small.store.tasks.get(task_id).counts["succeeded"] == 40


def test_the_stream_is_capped(small):
    task = Task(type="add", payload={"x": 1})
    for _ in range(24):
        tasks.trigger(small.dispatch, tasks.create(small.dispatch, task).id)
    with small.server.client() as client:
        key = small.store.keys.events()
        with client.pipeline(transaction=False) as pipe:
            for _ in range(12_000):
                pipe.xadd(key, {"event": "x"})
            pipe.execute()
        tasks.create(small.dispatch, task)
        # trimmed by whole nodes of a hundred
        assert client.xlen(key) <= 10_200


def test_what_waits_is_bounded_and_what_is_skipped_is_counted_in_one_record(small):
    task_id = small.create("add", payload={"x": 1}, overlap="buffer_all")
    for _ in range(40):
        tasks.trigger(small.dispatch, task_id)
    runs = small.runs_of(task_id)
    assert [run.status for run in runs].count("waiting") == 3
    skipped = [run for run in runs if run.status == "skipped"]
    assert (len(skipped), skipped[0].count) == (1, 37)
