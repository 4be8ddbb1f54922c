"""Run and attempt, and the life of a run as one table.

`TRANSITIONS` is the drawing that `docs/lifecycle.md`, the API's enum and the guard in
`store/lua/lib/move.lua` are tested against. The states' names are those of the API.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from dispatch_app.domain.task import Task

RunStatus = Literal[
    "waiting",
    "queued",
    "running",
    "retrying",
    "succeeded",
    "failed",
    "cancelled",
    "expired",
    "skipped",
]
#: A finished run stays finished (I5): no transition leaves these.
FINISHED: frozenset[str] = frozenset({"succeeded", "failed", "cancelled", "expired", "skipped"})

Origin = Literal["schedule", "trigger", "retry", "backfill"]

#: (from, event, to); None is "does not exist yet".
TRANSITIONS: tuple[tuple[str | None, str, str], ...] = (
    (None, "dispatched", "queued"),
    (None, "has to wait", "waiting"),
    (None, "its policy says no", "skipped"),
    ("waiting", "room", "queued"),
    ("queued", "its message may be lost: sent again", "queued"),
    ("queued", "a worker takes the lease", "running"),
    ("running", "returned", "succeeded"),
    ("running", "raised, attempts left", "retrying"),
    ("running", "raised, no attempt left or not retryable", "failed"),
    ("running", "lease lapsed, lost attempts left", "queued"),
    ("running", "lost again, lost attempts left", "retrying"),
    ("running", "lost, no lost attempt left", "failed"),
    ("running", "handed back by its worker", "queued"),
    ("running", "asked to end, and has ended or is fenced", "cancelled"),
    ("retrying", "its moment comes", "queued"),
    ("waiting", "cancelled", "cancelled"),
    ("queued", "cancelled", "cancelled"),
    ("retrying", "cancelled", "cancelled"),
    ("waiting", "too late to start", "expired"),
    ("queued", "too late to start", "expired"),
)


def allowed(before: str | None, after: str) -> bool:
    """Whether some event leads from `before` (None: a new run) to `after`."""
    return any(a == before and b == after for a, _, b in TRANSITIONS)


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt raised, as text: it outlives the class that it was."""

    type: str
    message: str
    traceback: str | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try of a run."""

    #: counts from 1
    number: int
    worker: str | None = None
    started_at: int | None = None
    finished_at: int | None = None
    #: running, succeeded, failed, retried, timed_out, lost, cancelled, handed_back
    outcome: str = "running"
    error: Failure | None = None
    #: ms from its end to the next attempt, where its policy or its own code says so
    delay: int | None = None


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One execution of a task for one occurrence or trigger, as the store holds it."""

    #: the Celery task id
    id: str
    task_id: str
    #: the definition as it was when the run was made
    definition: Task
    status: RunStatus
    #: why it is in this status, where that is not plain ("too late to start")
    reason: str | None = None
    origin: Origin = "schedule"
    #: the backfill that it belongs to
    backfill_id: str | None = None
    #: the finished run that it is in place of
    retry_of: str | None = None
    #: when it became a dead letter; None: it is none, or none any more
    died_at: int | None = None
    scheduled_for: int
    queued_at: int | None = None
    #: when it was queued for its first attempt; a deadline counts from there
    first_queued_at: int | None = None
    started_at: int | None = None
    finished_at: int | None = None
    #: number of the attempt that is queued, running or ended last; counts from 1
    attempt: int = 1
    #: attempts that raised, and attempts whose worker vanished
    failures: int = 0
    lost: int = 0
    #: moment of the next attempt while it is retrying
    retry_at: int | None = None
    #: when it was first asked to end while it ran, and why
    cancel_requested_at: int | None = None
    cancel_reason: str | None = None
    progress: Any = None
    result: Any = None
    error: Failure | None = None
    attempts: tuple[Attempt, ...] = ()
    log: tuple[str, ...] = ()
    #: of skipped occurrences: how many this record stands for, and the last of them; its
    #: `scheduled_for` is the first
    count: int = 1
    last_scheduled_for: int | None = None
    #: what of its record cannot be read -> why; of dead letters only, others are then not shown
    damage: dict[str, str] = {}

    @property
    def is_finished(self) -> bool:
        """Whether it has ended for good."""
        return self.status in FINISHED
