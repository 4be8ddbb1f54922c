"""Boot step: says that this worker lives, and which types it knows, with payload schemas."""

from __future__ import annotations

import inspect
import os
from collections.abc import Set
from contextlib import suppress
from typing import Any

import msgspec
from celery import Celery, Task
from celery.signals import task_unknown
from celery.worker import state

from dispatch_app.domain.errors import StoreUnavailable
from dispatch_app.messages import ATTEMPT_HEADER
from dispatch_app.store.types import TaskType
from dispatch_app.worker.duty import Duty

#: Passes after which the types are announced again (they are forgotten after a day).
_AGAIN = 500


class Announcement(Duty):
    """A beat a heartbeat; the types at the start, now and then, and when other queues are
    served."""

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self._passes = self._begun = self._idle_ms = 0
        self._served: Set[str] = frozenset()
        self._dispatch = worker.app.dispatch
        task_unknown.connect(self.on_unknown)

    def perform(self, worker: Any) -> None:
        """Announce."""
        dispatch = worker.app.dispatch
        dispatch.store.workers.beat(
            "worker",
            worker.hostname,
            {
                "pid": os.getpid(),
                "concurrency": worker.concurrency,
                "queues": sorted(worker.app.amqp.queues.consume_from),
                "idle_for": self._idle_for(worker),
            },
            ttl=3 * dispatch.config.scheduler.heartbeat_interval,
        )
        alive = dispatch.store.workers.alive("worker").values()
        served = frozenset(queue for info in alive for queue in info.get("queues", ()))
        if self._passes % _AGAIN == 0 or served != self._served:
            known = {each.name: each.queue for each in dispatch.store.types.all()}
            types = [_settled(each, known.get(each.name), served) for each in types_of(worker.app)]
            dispatch.store.types.announce(types)
        self._passes += 1
        self._served = served

    def _idle_for(self, worker: Any) -> int:
        """For how many ms nothing has started here although a slot was free. Looks are counted, not
        time: a worker that was frozen has not been idle."""
        before, self._begun = self._begun, state.all_total_count[0]
        if self._begun != before or len(state.active_requests) >= worker.concurrency:
            self._idle_ms = 0
        else:
            self._idle_ms += worker.app.dispatch.config.scheduler.heartbeat_interval
        return self._idle_ms

    def on_unknown(self, name: str, id: str, message: Any, **_: Any) -> None:
        """A message of a type that this worker does not know: Celery drops it, we send it again."""
        attempt = (message.headers or {}).get(ATTEMPT_HEADER)
        if attempt is not None:
            delay = 2 * self._dispatch.config.scheduler.heartbeat_interval
            reason = f"no worker of its queue knows the type {name!r} yet"
            self._dispatch.store.runs.postpone(id, attempt, delay=delay, reason=reason)

    def stop(self, worker: Any) -> None:
        """End, and say goodbye."""
        self.end()
        # where Redis is away nobody can be told: this worker will be missed soon enough
        with suppress(StoreUnavailable):
            worker.app.dispatch.store.workers.leave("worker", worker.hostname)

    terminate = stop


def _settled(mine: TaskType, queue: str | None, served: Set[str]) -> TaskType:
    """The type with the queue that it had, as long as a worker serves that: of two apps that know
    it (all know the built-in ones) neither takes it from the other."""
    return msgspec.structs.replace(mine, queue=queue) if queue in served else mine


def types_of(app: Celery) -> list[TaskType]:
    """Every task of the app that can be scheduled."""
    return [
        TaskType(
            name=name,
            schema=getattr(task, "payload_schema", None) or schema_of(task),
            description=inspect.getdoc(task.run) or "",
            queue=app.dispatch.messages.default_queue(name),
        )
        for name, task in sorted(app.tasks.items())
        if not name.startswith("celery.")
    ]


def schema_of(task: Task) -> dict[str, Any]:
    """A JSON Schema of the payload: the parameters of the function by name, and which it needs.

    Annotations are not enforced; Celery does not do so either.
    """
    try:
        parameters = inspect.signature(task.run).parameters.values()
    except (TypeError, ValueError):
        return {"type": "object"}
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    schema: dict[str, Any] = {"type": "object", "properties": {p.name: {} for p in named}}
    if required := [p.name for p in named if p.default is p.empty]:
        schema["required"] = required
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        schema["additionalProperties"] = False
    return schema
