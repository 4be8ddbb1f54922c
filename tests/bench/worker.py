"""Waiting messages to finished runs: real workers with two processes each.

Yardstick: a bare Celery worker that keeps its results in Redis. It acknowledges early, and of a
task it keeps a state and a result; ours acknowledges late, takes a lease, and writes down the
attempt, history, figures and events. Both replace a process after 1,000 runs, which is our default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from celery import Celery

from dispatch_app.domain.task import Task
from tests.bench.place import Place, in_turns, seconds
from tests.bench.rows import Goal, Row
from tests.bench.seeding import store_tasks
from tests.installation import Installation
from tests.processes import WorkerProcess
from tests.waiting import wait_for

PAYLOAD = {"hello": "world"}
#: Messages wait in a queue that no worker knows until it is renamed to one that they know.
ECHO = Task(type="echo", payload=PAYLOAD, queue="held")


def measure(place: Place) -> Iterator[Row]:
    """With a prefetch multiplier of 1, which is our default, and of 4, which is Celery's."""
    for prefetch in ("1", "4"):
        options = ("-c", "2", "--prefetch-multiplier", prefetch, "--max-tasks-per-child", "1000")
        installation, number = place.installation(), place.size(2_000)
        workers = [
            place.process(installation.worker(*options, app="dispatch_app")),
            place.process(bare_worker(installation, *options)),
        ]
        ours, bare = in_turns(
            place.rounds(5),
            partial(_ours, installation, number),
            partial(_bare, installation, number),
        )
        for process in workers:
            process.remove()
        yield Row(
            name=f"runs by a worker -c 2, prefetch {prefetch}",
            value=ours,
            unit="/s",
            against="bare worker, results in Redis",
            yardstick=bare,
            goal=Goal("ratio", ">=", 0.9),
        )


def bare_worker(installation: Installation, *options: str) -> WorkerProcess:
    """A worker that knows nothing of us."""
    app, folder = "tests.bench.bare_app", installation.folder
    return WorkerProcess("bare", app, folder, installation.environ, *options)


def _ours(installation: Installation, number: int) -> float:
    """Runs a second."""
    store_tasks(installation, ECHO, [None] * number)
    client, keys = installation.store.client, installation.store.keys
    wanted = client.zcard(keys.runs_by("status", "queued"))
    assert wanted == number
    succeeded = keys.runs_by("status", "succeeded")
    before = client.zcard(succeeded)
    return number / _worked_off(
        installation,
        "held\x06\x166",
        "default\x06\x166",
        lambda: client.zcard(succeeded) - before >= number,
    )


def _bare(installation: Installation, number: int) -> float:
    """Tasks a second."""
    client = installation.store.client
    with Celery("client", broker=installation.server.url, set_as_current=False) as app:
        for _ in range(number):
            app.send_task("echo", kwargs=PAYLOAD, queue="held")
    # the list goes, and a key for each result comes
    before = client.dbsize() - 1
    return number / _worked_off(
        installation, "held", "bare", lambda: client.dbsize() - before >= number
    )


def _worked_off(
    installation: Installation, held: str, queue: str, is_done: Callable[[], bool]
) -> float:
    """Seconds from handing over what was held back to the end of the last of it."""

    def work_off() -> None:
        installation.store.client.rename(held, queue)
        wait_for(is_done, 120, f"{queue} to be worked off")

    return seconds(work_off)
