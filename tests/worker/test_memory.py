"""Row 46: the memory of a worker's main process, which lives for as long as the worker does, and of
those of its pool, which do not."""

from __future__ import annotations

import psutil
import pytest

RUNS = 20_000


def made(installation, number: int) -> None:
    for _ in range(number):
        installation.create("echo", payload={"text": "hello"})


@pytest.mark.soak
def test_it_does_not_grow_with_the_number_of_runs(installation):
    """Measured after each fifth of the runs: with 10,000 of them, 71,172 KiB and then 71,240."""
    worker = installation.worker("-c", "2")
    process = psutil.Process(worker.pid)
    succeeded = installation.store.keys.runs_by("status", "succeeded")
    sizes = []
    with installation.server.client() as client:
        for _ in range(5):
            made(installation, RUNS // 5)
            goal = RUNS // 5 * (len(sizes) + 1)
            installation.until(lambda goal=goal: client.zcard(succeeded) >= goal, timeout=300)
            sizes.append(process.memory_info().rss)
    assert sizes[-1] < 1.05 * sizes[0], [size >> 10 for size in sizes]


def test_a_process_of_the_pool_that_is_too_large_is_replaced_after_its_run(installation):
    """Celery's own setting, as docs/workers.md has it; here every process is."""
    worker = installation.worker("--max-memory-per-child", "1000")
    (before,) = worker.children
    run = installation.run("add", payload={"x": 1})
    assert (run.status, len(run.attempts)) == ("succeeded", 1)
    installation.until(lambda: worker.children not in ([], [before]), "another process")
    assert installation.run("add", payload={"x": 1}).status == "succeeded"
