"""Rows 22 and 47: what a clock that moves by days makes late, and tasks that run once. Row 48,
clocks that are wrong or jump, is I8 (tests/invariants)."""

from __future__ import annotations

import pytest

from dispatch_app.domain.schedule import Interval, Once
from dispatch_app.domain.task import Misfire
from dispatch_app.scheduler.dispatching import advance

HOUR, DAY = 3_600_000, 86_400_000


def moments(installation, task_id: str) -> list[int]:
    """The occurrences that became a run."""
    runs = installation.runs_of(task_id)
    return [run.scheduled_for for run in runs if run.status != "skipped"]


@pytest.mark.parametrize(
    ("policy", "ran"), [("run_all", range(72)), ("run_last", [71]), ("skip", [])]
)
def test_row_22_a_clock_that_moves_three_days_makes_late_what_misfire_judges(
    installation, policy, ran
):
    first = installation.store.now() + HOUR
    task_id = installation.create(
        "add", schedule=Interval(every=HOUR, start_time=first), misfire=Misfire(policy=policy)
    )
    now = first + 3 * DAY - HOUR + 300_000
    while advance(installation.dispatch, installation.store.agenda.due(now)):
        pass
    assert moments(installation, task_id) == [first + number * HOUR for number in ran]
    # what did not run is counted, and it goes on in the future
    assert sum(run.count for run in installation.runs_of(task_id)) == 72
    assert installation.store.tasks.get(task_id).next_run_at == first + 72 * HOUR


def test_row_47_a_thousand_at_one_instant_run_once_each_and_are_over(installation):
    moment = Once(start_time=installation.store.now() + 2_000)
    created = [installation.create("add", payload={"x": 1}, schedule=moment) for _ in range(1_000)]
    first, _ = installation.beat(wait=False), installation.beat(wait=False)
    installation.worker("-c", "2")
    with installation.server.client() as client:
        done = installation.store.keys.runs_by("status", "succeeded")
        installation.until(lambda: client.zcard(done) == 1_000, "a thousand runs", timeout=40)
        assert client.zcard(installation.store.keys.runs()) == 1_000
        assert client.exists(installation.store.keys.agenda()) == 0
    for task_id in created:
        assert moments(installation, task_id) == [moment.start_time]
        assert installation.status_of(task_id) == "succeeded"
    # a beat that starts again finds none of them
    first.restart()
    installation.until(lambda: first.pid in installation.beats(), "the beat to be back")
    soon = Once(start_time=installation.store.now() + 200)
    assert installation.run("add", payload={"x": 1}, schedule=soon).status == "succeeded"
    assert sum(len(installation.runs_of(task_id)) for task_id in created) == 1_000
