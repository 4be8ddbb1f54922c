"""Due tasks to messages in their queue, by beat's own steps in one process.

Yardstick: a loop of `apply_async` of the same task with the same arguments in bare Celery, which
neither plans nor keeps a record.
"""

from __future__ import annotations

from collections.abc import Iterator

from celery import Celery

from dispatch_app.domain.schedule import Interval
from dispatch_app.domain.task import Task
from dispatch_app.scheduler.dispatching import advance
from tests.bench.place import Place, in_turns, seconds
from tests.bench.rows import Goal, Row
from tests.bench.seeding import EXAMPLE, EXAMPLE_PAYLOAD, store_tasks
from tests.installation import Installation

HOURLY = Task(
    type="email",
    payload=EXAMPLE_PAYLOAD,
    queue="default",
    schedule=Interval(every=3_600_000, anchor=1_700_000_000_000),
)
KINDS = {"one-time": EXAMPLE, "interval": HOURLY}


def measure(place: Place) -> Iterator[Row]:
    """Two kinds, few and many."""
    for tasks, rounds in ((10_000, 7), (100_000, 3)):
        for kind, task in KINDS.items():
            installation = place.installation()
            number = place.size(tasks)
            ours, bare = in_turns(
                place.rounds(rounds),
                lambda: _ours(installation, task, number),  # noqa: B023 - called at once
                lambda: _bare(installation, place.size(3_000)),  # noqa: B023
            )
            installation.server.stop()
            yield Row(
                name=f"dispatch of {number:,} due {kind} tasks",
                value=ours,
                unit="/s",
                against="apply_async loop",
                yardstick=bare,
                goal=Goal("ratio", ">=", 10),
            )


def _ours(installation: Installation, task: Task, number: int) -> float:
    """Tasks a second."""
    # at once: what another thread of the server frees meanwhile would be measured with this
    installation.store.client.execute_command("FLUSHALL", "SYNC")
    now = installation.store.now()
    store_tasks(installation, task, (now - 1 - n % 1000 for n in range(number)))
    taken = seconds(lambda: dispatch_all(installation))
    assert installation.store.client.llen(queue_of(task)) == number
    return number / taken


def queue_of(task: Task) -> str:
    """The broker's key for where its messages go."""
    return {"high": "default\x06\x163", "normal": "default\x06\x166"}[task.priority]


def dispatch_all(installation: Installation) -> None:
    """What beat does, without its sleep."""
    while (due := installation.store.agenda.due()).tasks:
        advance(installation.dispatch, due)


def _bare(installation: Installation, number: int) -> float:
    """Messages a second."""
    with Celery("bare", broker=installation.server.url, set_as_current=False) as app:
        send = app.task(_nothing, name="email", shared=False).apply_async
        send(kwargs=EXAMPLE_PAYLOAD, queue="bare")  # connects
        taken = seconds(lambda: [send(kwargs=EXAMPLE_PAYLOAD, queue="bare") for _ in range(number)])
        assert installation.store.client.llen("bare") == number + 1
    installation.store.client.delete("bare")
    return number / taken


def _nothing(**payload: object) -> None:
    """Only ever sent."""
