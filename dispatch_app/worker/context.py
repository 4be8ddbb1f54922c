"""The run as the user's function sees it: `self.dispatch` of a bound task."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

import msgspec

from dispatch_app.domain.errors import LeaseLost, StoreUnavailable
from dispatch_app.domain.retry import time_left
from dispatch_app.domain.task import Task
from dispatch_app.store import Store
from dispatch_app.store.runs import Lease
from dispatch_app.worker.outcome import clean

#: Longest log line that is kept, characters.
LINE_LIMIT = 4_000
#: Seconds for which what is known of a cancellation is believed.
LISTEN_EVERY = 1.0


class RunContext:
    """One attempt of a run, while it runs.

    Attributes:
        id: of the run; the Celery task id.
        task_id: of the definition.
        task: the definition as it was when the run was made.
        attempt: counts from 1.
        scheduled_for: the moment that this run is for, aware, UTC.
        origin: schedule, trigger, retry or backfill.
    """

    def __init__(self, lease: Lease, store: Store) -> None:
        self.id = lease.run_id
        self.task_id = lease.task_id
        self.task: Task = lease.definition
        self.attempt = lease.attempt
        self.scheduled_for = datetime.fromtimestamp(lease.scheduled_for / 1000, timezone.utc)
        self.origin = lease.origin
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
        self._cancelled = False
        self._began = self._heard = time.monotonic()

    @property
    def cancelled(self) -> bool:
        """Whether the run is asked to end, or was taken from this worker (cancelled, or its lease
        lapsed). Asks Redis once a second at most; while that is away, what was known last counts.
        """
        if not self._cancelled and time.monotonic() - self._heard >= LISTEN_EVERY:
            # also if nobody answers: asked in a loop, it may not wait for Redis at every turn
            self._heard = time.monotonic()
            with suppress(StoreUnavailable):
                self._report(None, [])
        return self._cancelled

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
        self._heard = time.monotonic()
        self._cancelled = self._cancelled or asked
