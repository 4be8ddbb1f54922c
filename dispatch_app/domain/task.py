"""Task: what to run, when and how. All durations here are integer milliseconds, all moments
integer milliseconds since 1970 UTC; the API's seconds and RFC 3339 texts end at its schemas."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.retry import RetryPolicy
from dispatch_app.domain.schedule import Kind, Once

Priority = Literal["critical", "high", "normal", "low"]
PRIORITIES: tuple[Priority, ...] = ("critical", "high", "normal", "low")

MisfirePolicy = Literal["run_last", "run_all", "skip", "run"]
OverlapPolicy = Literal[
    "allow_all", "skip", "buffer_one", "buffer_all", "cancel_other", "terminate_other"
]
OnWorkerLost = Literal["retry", "fail"]

#: Lost attempts after which a run fails with the next one, unless its task says otherwise; as
#: Sidekiq's poison pills.
MAX_LOST = 3


class Misfire(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What becomes of occurrences that could not be dispatched in their time: the last one runs,
    all of them do, in order, or none does."""

    #: None: what `Task.misfire_policy` says
    policy: MisfirePolicy | None = None
    #: ms; an occurrence that is later than that is skipped, whatever the policy
    catch_up: int | None = None


class Task(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The stored definition. Immutable: a change makes another one (`msgspec.structs.replace`)."""

    #: name of the registered Celery task that does the work
    type: str
    name: str = ""
    description: str = ""
    priority: Priority = "normal"
    #: keyword arguments of the function
    payload: dict[str, Any] = {}
    #: positional arguments; only entries of a Celery `beat_schedule` have them
    args: tuple[Any, ...] = ()
    #: "" until it is created: then the queue of its type, or the app's default one
    queue: str = ""
    tags: tuple[str, ...] = ()
    #: how often an attempt that raised is tried again, 0 to 1000
    max_retries: int = 3
    #: hard time limit of one attempt, ms
    timeout: int = 600_000
    retry: RetryPolicy = RetryPolicy()
    #: whether an attempt follows one whose worker vanished; `fail`: a run is never started twice
    #: because of that
    on_worker_lost: OnWorkerLost = "retry"
    #: lost attempts that are followed by another one, 0 to 100
    max_lost: int = MAX_LOST
    #: a run that has not started so many ms after its time is given up
    expires: int | None = None
    misfire: Misfire = Misfire()
    #: what becomes of an occurrence that comes while an earlier run is not finished
    overlap: OverlapPolicy = "allow_all"
    schedule: Kind | None = None
    #: free for the caller; never interpreted
    metadata: dict[str, Any] = {}

    @property
    def is_one_off(self) -> bool:
        """Whether it runs once: immediate or one-time. Such a task shows its run's status."""
        return self.schedule is None or isinstance(self.schedule, Once)

    @property
    def misfire_policy(self) -> MisfirePolicy:
        """The policy that holds: its own, else `run` for a one-off and `run_last` for others."""
        return self.misfire.policy or ("run" if self.is_one_off else "run_last")

    @property
    def calendars(self) -> tuple[str, ...]:
        """The names of all calendars that its schedule names."""
        return self.schedule.calendars if self.schedule else ()

    def check(self) -> None:
        """Refuse policies that do not fit the schedule, and what the schedule itself refuses.

        Raises:
            InvalidInput.
        """
        if self.schedule is not None:
            try:
                self.schedule.check()
            except InvalidInput as error:
                raise error.under("schedule") from error
        if self.misfire.policy == "run" and not self.is_one_off:
            raise InvalidInput(
                {"misfire.policy": "run is for what runs once; choose run_last, run_all or skip."}
            )


#: Statuses of a task of its own; a one-off task shows its run's status once it has one.
TASK_STATUSES = ("scheduled", "paused", "completed", "cancelled")


class LastRun(msgspec.Struct, frozen=True, kw_only=True):
    """The run of a task that changed last."""

    id: str
    status: str
    finished_at: int | None = None


class StoredTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task as the store holds it."""

    id: str
    definition: Task
    #: counts up with each change of the definition; the API's ETag
    revision: int
    status: str
    next_run_at: int | None
    created_at: int
    updated_at: int
    last_run: LastRun | None = None
    #: runs, succeeded, failed, cancelled, expired, retried: only those that are not 0
    counts: dict[str, int] = {}
    #: occurrences dispatched so far of each of its schedules; what `max_runs` bounds
    done: tuple[int, ...] = (0,)
    #: why it waits, in words ("paused by hand: ...", "no worker knows this type")
    notes: tuple[str, ...] = ()
    #: what its record has lost: revision, status; it can be replaced or purged, and nothing else
    lost: tuple[str, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether nothing of it will ever run again by itself."""
        return self.status in ENDED


#: Statuses from which a task does not come back by itself.
ENDED = frozenset({"completed", "cancelled", "succeeded", "failed", "expired", "skipped"})
