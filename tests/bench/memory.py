"""What a stored task and a finished run take of the server's memory.

Yardsticks: the definition alone in a hash; a result as Celery keeps one.
"""

from __future__ import annotations

from collections.abc import Iterator

from celery import Celery

from dispatch_app.domain.schedule import Cron
from dispatch_app.domain.task import Task
from dispatch_app.ids import new_id
from dispatch_app.operations.tasks import make_run
from dispatch_app.store.runs import Outcome
from tests.bench.bulk import store_hashes
from tests.bench.place import Place
from tests.bench.rows import Goal, Row
from tests.bench.seeding import EXAMPLE_PAYLOAD, used_memory
from tests.installation import Installation

#: As the example, on a schedule; with a result as the built-in type gives it.
WEEKLY = Task(
    type="email", payload=EXAMPLE_PAYLOAD, queue="default", schedule=Cron(cron="0 9 * * 1")
)
RESULT = '{"accepted":["user@example.com"],"message_id":"<176400000000.1.2@example.com>"}'
#: Runs that a task keeps, unless it is told otherwise.
KEPT = 100


def measure(place: Place) -> Iterator[Row]:
    """The original's example; with its index entries, and all."""
    stock = place.stock(1_000_000)
    yield Row(
        name=f"memory for a task, of {stock.tasks:,}",
        value=stock.memory / stock.tasks,
        unit="bytes",
        against="its definition in a hash",
        yardstick=_hash(place.installation(), place.size(20_000)),
        goal=Goal("value", "<", 1_500),
    )
    yield Row(
        name="memory for a finished run",
        value=_run(place.installation(), place.size(20_000) // KEPT),
        unit="bytes",
        against="a result as Celery keeps it",
        yardstick=_result(place.installation(), place.size(20_000)),
    )


def _hash(installation: Installation, number: int) -> float:
    before = used_memory(installation)
    store_hashes(installation, number)
    return (used_memory(installation) - before) / number


def _run(installation: Installation, tasks: int) -> float:
    """Bytes, after what does not grow any more (the stream of events) has its size."""
    for _ in range(max(1, tasks // 4)):
        _finish(installation, KEPT)
    before = used_memory(installation)
    for _ in range(max(1, tasks)):
        _finish(installation, KEPT)
    return (used_memory(installation) - before) / (max(1, tasks) * KEPT)


def _finish(installation: Installation, number: int) -> None:
    """So many runs of one task, from their message to their end; workers take the messages."""
    store, task_id = installation.store, installation.create(**_fields(WEEKLY))
    now = installation.store.now()
    runs = [make_run(installation.dispatch, WEEKLY, 0, "trigger", now=now) for _ in range(number)]
    store.tasks.trigger(task_id, WEEKLY.type, runs)
    outcome = Outcome(status="succeeded", outcome="succeeded", result=RESULT)
    for run in runs:
        store.runs.start(run.id, 1, token=run.id, worker="worker@host", lease=15_000)
        store.runs.finish(run.id, run.id, outcome)
        store.client.delete(run.queue)


def _fields(task: Task) -> dict[str, object]:
    return {name: getattr(task, name) for name in ("type", "payload", "queue", "schedule")}


def _result(installation: Installation, number: int) -> float:
    url = installation.server.url
    with Celery("bare", broker=url, backend=url, set_as_current=False) as app:
        before = used_memory(installation)
        for _ in range(number):
            app.backend.store_result(new_id(), RESULT, "SUCCESS")
        return (used_memory(installation) - before) / number
