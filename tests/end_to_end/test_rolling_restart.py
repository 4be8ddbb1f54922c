"""A release: all processes are replaced, one after the other, while tasks are made and run.

What was done is read from a file outside of Redis, to which the functions append.
"""

from __future__ import annotations

import threading
from collections import Counter

import pytest

ROUGH = "tests.worker.rough_app"


class Load:
    """Makes tasks, one after the other, until it is told to stop."""

    def __init__(self, installation) -> None:
        self._installation, self._end = installation, threading.Event()
        self.tasks: dict[str, str] = {}
        self._thread = threading.Thread(target=self._make)
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        self._thread.join()

    def _make(self) -> None:
        while not self._end.wait(0.05):
            number = len(self.tasks)
            # every twentieth takes longer than the grace period of a worker
            payload = {"label": f"{number}", "seconds": 3.0 if number % 20 == 0 else 0.05}
            self.tasks[f"{number}"] = self._installation.create("enter", payload=payload)


def replaced(installation, process, start):
    """What `start` starts in its place, once it has ended as platforms end it."""
    process.kill_all("SIGTERM")
    assert process.wait(10) == 0
    new = start()
    new.ready()
    return new


@pytest.mark.parametrize("rounds", [1, pytest.param(5, marks=pytest.mark.soak)])
def test_nothing_is_lost_and_nothing_doubled(installation, tmp_path, rounds):
    ledger = tmp_path / "ledger"
    installation.environ |= {"LEDGER": str(ledger), "GRACE_S": "1"}

    def worker():
        return installation.worker("-c", "4", app=ROUGH, wait=False)

    def beat():
        return installation.beat(app=ROUGH, wait=False)

    workers, beats = [worker(), worker()], [beat(), beat()]
    for process in (*workers, *beats):
        process.ready()
    load = Load(installation)
    for _ in range(rounds):
        workers = [replaced(installation, each, worker) for each in workers]
        beats = [replaced(installation, each, beat) for each in beats]
    load.stop()
    runs = [installation.finished(task_id, timeout=60) for task_id in load.tasks.values()]
    assert len(runs) > 50 * rounds
    assert Counter(run.status for run in runs) == {"succeeded": len(runs)}
    # no worker was missed: what was cut off was handed back, and is the same attempt
    outcomes = Counter(attempt.outcome for run in runs for attempt in run.attempts)
    assert set(outcomes) == {"succeeded", "handed_back"}
    lines = Counter(ledger.read_text().splitlines())
    assert {line: n for line, n in lines.items() if line.startswith("end")} == {
        f"end {label} 1": 1 for label in load.tasks
    }
    begun = sum(n for line, n in lines.items() if line.startswith("begin"))
    assert begun <= outcomes["succeeded"] + outcomes["handed_back"]
