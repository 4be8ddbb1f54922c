"""Stored tasks by the hundred thousand: the script of `POST /tasks`, in pipelines."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

import msgspec

from dispatch_app.domain.schedule import Once
from dispatch_app.domain.task import Task
from dispatch_app.ids import new_id
from dispatch_app.operations.tasks import make_run
from dispatch_app.store.codec import encode_task, listings_of
from dispatch_app.store.scripts import source
from tests.installation import Installation

#: The example of the original README.
EXAMPLE_PAYLOAD = {
    "to": "user@example.com",
    "subject": "Welcome!",
    "body": "Welcome to our service!",
}
EXAMPLE = Task(
    type="email",
    name="Send welcome email",
    description="Send a welcome email to new users",
    priority="high",
    payload=EXAMPLE_PAYLOAD,
    queue="default",
    max_retries=3,
    timeout=60_000,
    schedule=Once(start_time=1_681_138_800_000),
)
#: The same as the body of a request.
EXAMPLE_BODY = {
    **{name: getattr(EXAMPLE, name) for name in ("type", "name", "description", "priority")},
    "payload": EXAMPLE_PAYLOAD,
    "max_retries": 3,
    "timeout": 60,
    "schedule": {"type": "one-time", "start_time": "2043-04-10T15:00:00Z"},
}

_BATCH = 1_000
_DAY_MS = 86_400_000


def store_tasks(installation: Installation, task: Task, moments: Iterable[int | None]) -> None:
    """Store a task for each moment at which it is first due; None: it gets its run at once."""
    client, prefix = installation.store.client, installation.store.keys.prefix
    sha = client.script_load(source("create"))
    encode = msgspec.msgpack.Encoder().encode
    arguments = {
        "def": encode_task(task),
        "type": task.type,
        "once": task.is_one_off,
        "indexes": listings_of(task),
    }
    moments = iter(moments)
    while batch := list(islice(moments, _BATCH)):
        with client.pipeline(transaction=False) as pipe:
            for moment in batch:
                first = _first(installation, task, moment)
                pipe.evalsha(sha, 1, prefix, encode({**arguments, "id": new_id(), **first}))
            pipe.execute()


def _first(installation: Installation, task: Task, moment: int | None) -> dict[str, object]:
    if moment is not None:
        return {"status": "scheduled", "next": moment, "run": None}
    now = installation.store.now()
    run = make_run(installation.dispatch, task, now, "schedule", now=now)
    return {"status": "queued", "next": None, "run": run}


class Stock(NamedTuple):
    """Tasks that are not due for a day: the original's example, over and over."""

    installation: Installation
    tasks: int
    #: what they take of the server's memory, bytes
    memory: int


def stock(installation: Installation, tasks: int) -> Stock:
    """Fill an empty installation."""
    tomorrow = installation.store.now() + _DAY_MS
    before = used_memory(installation)
    store_tasks(installation, EXAMPLE, (tomorrow + n * 10 for n in range(tasks)))
    return Stock(installation, tasks, used_memory(installation) - before)


def used_memory(installation: Installation) -> int:
    """Bytes that the server has taken from its allocator."""
    return int(installation.store.client.info("memory")["used_memory"])
