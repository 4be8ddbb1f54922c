"""Schedules whose every occurrence has to run, and the count of what did."""

from __future__ import annotations

from dispatch_app.domain.schedule import Cron, Interval
from dispatch_app.domain.task import Misfire
from tests.installation import Installation
from tests.invariants.broker import messages_of, queued_runs

#: Task -> the moments for which it has to run.
Wanted = dict[str, list[int]]

RUN_ALL = Misfire(policy="run_all")


def every(installation: Installation, interval: int, times: int, count: int) -> Wanted:
    """Tasks of that interval -> the moments for which they have to run."""
    wanted = {}
    for _ in range(count):
        start = installation.store.now() + interval
        schedule = Interval(every=interval, start_time=start, max_runs=times)
        task_id = installation.create("add", payload={"x": 1}, schedule=schedule, misfire=RUN_ALL)
        wanted[task_id] = [start + n * interval for n in range(times)]
    return wanted


def each_second(installation: Installation, times: int, count: int) -> Wanted:
    """The same of cron expressions."""
    first = (installation.store.now() // 1_000 + 2) * 1_000
    schedule = Cron(cron="* * * * * *", start_time=first, max_runs=times)
    ids = [installation.create("add", schedule=schedule, misfire=RUN_ALL) for _ in range(count)]
    return {task_id: [first + n * 1_000 for n in range(times)] for task_id in ids}


def is_empty(installation: Installation) -> bool:
    """Whether nothing is on the agenda any more."""
    with installation.server.client() as client:
        return client.zcard(installation.store.keys.agenda()) == 0


def check(installation: Installation, wanted: Wanted) -> None:
    """Wait for the end of all schedules, then compare every run and every message."""
    installation.until(
        lambda: is_empty(installation),
        "all schedules to end",
        timeout=60,
    )
    for task_id, moments in wanted.items():
        assert [run.scheduled_for for run in installation.runs_of(task_id)] == moments
    runs = queued_runs(installation)
    assert len(runs) == sum(map(len, wanted.values()))
    assert messages_of(installation) == runs
