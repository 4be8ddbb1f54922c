"""What idle workers ask of Redis.

Yardstick: as many bare Celery workers, as they come.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.bench.place import Place
from tests.bench.rows import Goal, Row
from tests.bench.worker import bare_worker
from tests.installation import Installation
from tests.processes import WorkerProcess

WORKERS = 3


def measure(place: Place) -> Iterator[Row]:
    """A few workers, told as a hundred."""
    ours, bare = place.installation(), place.installation()
    workers = [place.process(w) for _ in range(WORKERS) for w in _pair(ours, bare)]
    before = [_commands(ours), _commands(bare)]
    span = 3 if place.quick else 20
    time.sleep(span)
    counted = [_commands(ours) - before[0], _commands(bare) - before[1]]
    for worker in workers:
        worker.remove()
    value, yardstick = (100 / WORKERS * commands / span for commands in counted)
    yield Row(
        name="commands of 100 idle workers",
        value=value,
        unit="/s",
        against="bare workers",
        yardstick=yardstick,
        goal=Goal("value", "<", 50),
    )


def _pair(ours: Installation, bare: Installation) -> tuple[WorkerProcess, WorkerProcess]:
    worker = ours.worker("-c", "1", app="dispatch_app", wait=False)
    return worker, bare_worker(bare, "-c", "1", "-n", f"{worker.name}@bare")


def _commands(installation: Installation) -> int:
    return int(installation.store.client.info("stats")["total_commands_processed"])
