"""The run as the user's function sees it: `self.dispatch` of a bound task."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

import msgspec

from dispatch_app.domain.errors import LeaseLost
from dispatch_app.domain.retry import time_left
from dispatch_app.domain.task import Task
from dispatch_app.store import Store
from dispatch_app.store.runs import Lease
from dispatch_app.worker.outcome import clean

#: Longest log line that is kept, characters.
LINE_LIMIT = 4_000


class RunContext:
    """One attempt of a run, while it runs.

    Attributes:
        id: of the run; the Celery task id.
        task_id: of the definition.
        task: the definition as it was when the run was made.
        attempt: counts from 1.
        scheduled_for: the moment that this run is for, aware, UTC.
        origin: schedule, trigger, retry or backfill.
        cancelled: whether the run was taken from this worker (cancelled, or its lease lapsed), or
            is asked to end (`cancel_other`); known after `progress` or `log`.
    """

    def __init__(self, lease: Lease, store: Store) -> None:
        self.id = lease.run_id
        self.task_id = lease.task_id
        self.task: Task = lease.definition
        self.attempt = lease.attempt
        self.scheduled_for = datetime.fromtimestamp(lease.scheduled_for / 1000, timezone.utc)
        self.origin = lease.origin
        self.cancelled = False
        #: whether the function has been called
        self.entered = False
        self.lease = lease
        #: set where the task's own code has decided that no retry follows
        self.gave_up = False
        #: set by self.retry(throw=False): what the worker does once the function has returned
        self.retry: Exception | None = None
        #: the definition with other arguments, for the next attempts of this run
        self.changed: Task | None = None
        self._store = store
        self._began = time.monotonic()

    @property
    def time_left(self) -> int | None:
        """Milliseconds in which another attempt may still begin; None: any number. By the clock of
        Redis, and this host's only for what has gone by since the attempt began."""
        gone = int((time.monotonic() - self._began) * 1000)
        return time_left(self.task.retry, self.lease.queued_at, self.lease.started_at + gone)

    def progress(self, value: Any) -> None:
        """Show how far the run has come: any JSON value, such as 0.4 or {"done": 4, "of": 10}."""
        self._report(msgspec.json.encode(value).decode(), [])

    def log(self, *lines: str) -> None:
        """Keep lines with the run, at most the last 1,000 of 4,000 characters each."""
        self._report(None, [clean(line[:LINE_LIMIT]) for line in lines])

    def replace_arguments(self, args: Sequence[Any] | None, kwargs: dict[str, Any] | None) -> None:
        """Give the next attempts other arguments, as `self.retry(kwargs=...)` asks for."""
        self.changed = msgspec.structs.replace(
            self.task,
            args=self.task.args if args is None else tuple(args),
            payload=self.task.payload if kwargs is None else kwargs,
        )

    def _report(self, progress: str | None, lines: list[str]) -> None:
        try:
            asked = self._store.runs.report(
                self.id, self.lease.token, progress=progress, lines=lines
            )
        except LeaseLost:
            asked = True
        self.cancelled = self.cancelled or asked
