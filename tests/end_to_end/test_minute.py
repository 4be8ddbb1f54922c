"""A minute of a task that runs every second, beside a beat that is killed twice. By hand:

python -m pytest -m soak tests/end_to_end/test_minute.py
"""

from __future__ import annotations

import time

import pytest

from dispatch_app.domain.schedule import Interval
from dispatch_app.domain.task import Misfire

pytestmark = pytest.mark.soak


def test_sixty_runs_in_sixty_seconds_while_beat_is_killed_twice(installation):
    installation.worker("-c", "2")
    beat = installation.beat()
    start = installation.store.now() + 1_000
    schedule = Interval(every=1_000, start_time=start, max_runs=60)
    task_id = installation.create(
        "add", payload={"x": 1}, schedule=schedule, misfire=Misfire(policy="run_all")
    )
    for _ in range(2):
        time.sleep(20)
        beat.kill("SIGKILL")
        time.sleep(3)
        beat.restart()
    installation.until(
        lambda: installation.store.tasks.get(task_id).counts.get("succeeded") == 60, timeout=40
    )
    assert installation.store.now() - start < 62_000
    runs = installation.runs_of(task_id)
    assert [run.scheduled_for for run in runs] == [start + n * 1_000 for n in range(60)]
    assert {run.status for run in runs} == {"succeeded"}
