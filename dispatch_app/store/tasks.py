"""Definitions: one method per script or read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from dispatch_app.domain.errors import Conflict, CorruptRecord, NotFound, RevisionMismatch
from dispatch_app.domain.task import OverlapPolicy, StoredTask, Task
from dispatch_app.store.answers import Idempotency, heard_before
from dispatch_app.store.codec import (
    encode_task,
    listings_before,
    listings_of,
    pairs,
    stored_task,
    unreadable_task,
)
from dispatch_app.store.keys import Keys
from dispatch_app.store.misfits import of_right_type
from dispatch_app.store.pages import Page, Range, read_page
from dispatch_app.store.pauses import noted
from dispatch_app.store.scripts import Client, Scripts, reaching_redis


class Overlap(msgspec.Struct, frozen=True, kw_only=True):
    """A policy, and what it needs to be carried out."""

    policy: OverlapPolicy
    #: runs that may wait under `buffer_all`
    most: int
    #: ms that a run has to end by itself under `cancel_other`
    grace: int
    #: finished runs kept of the task
    keep: int


class NewRun(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run that is to be made, with its message."""

    id: str
    #: key of the broker's list, and what goes onto it
    queue: str
    message: str
    #: the moment it is for, ms
    at: int
    origin: str
    reason: str | None = None
    #: moment after which it is not started any more, ms
    expires: int | None = None
    #: what becomes of it while other runs of its task are not finished; None: it runs beside them
    overlap: Overlap | None = None
    #: the backfill that it belongs to
    backfill: str | None = None
    #: the finished run that it is in place of
    retry_of: str | None = None
    #: a definition of its own in place of the task's, as `encode_task` makes it
    definition: str | None = msgspec.field(default=None, name="def")


class Beginning(msgspec.Struct, frozen=True, kw_only=True):
    """Where a new schedule starts."""

    #: ms, when it is due first
    next_run_at: int | None = None
    #: for which occurrence, if that is another moment (jitter)
    occurrence: int | None = None
    #: the run of one that is due already
    run: NewRun | None = None


#: Where it stands stays as it was.
KEEP: Literal["keep"] = "keep"


class TaskFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which tasks a listing shows; None: no matter. Moments in ms, inclusive."""

    status: str | None = None
    type: str | None = None
    tag: str | None = None
    queue: str | None = None
    name_prefix: str | None = None
    created_after: int | None = None
    created_before: int | None = None


# `list` is a method below, so its types need other names there
Ids = list[str]
Found = list[StoredTask | None]
Records = list[dict[str, str]]
Reply = list[Any]

_NO_RECORD = {"status": "paused"}


class Tasks:
    """The stored definitions.

    Args:
        keep: finished runs kept per task.
    """

    def __init__(self, client: Client, keys: Keys, scripts: Scripts, keep: int) -> None:
        self._client, self._keys, self._scripts, self._keep = client, keys, scripts, keep

    def create(
        self,
        task_id: str,
        task: Task,
        beginning: Beginning,
        *,
        enabled: bool = True,
        idempotency: Idempotency | None = None,
    ) -> StoredTask:
        """Store a new definition, and make its run in the same step if it is due now.

        Args:
            idempotency: of the client's request. The same again gives what the first one made.

        Raises:
            Conflict: there is a task of this id.
            IdempotencyMismatch: the key came with another request.
        """
        arguments: dict[str, Any] = {
            "id": task_id,
            "def": encode_task(task),
            "type": task.type,
            "once": task.is_one_off,
            "status": "queued" if beginning.run else "scheduled" if enabled else "paused",
            "indexes": listings_of(task),
            "next": beginning.next_run_at,
            "occurrence": beginning.occurrence,
            "run": beginning.run,
            "idem": idempotency,
        }
        reply = self._scripts.call("create", arguments)
        if reply[0] == "EXISTS":
            raise Conflict(f"There is a task {task_id!r} already.")
        heard_before(reply, idempotency)
        return stored_task(reply[1], pairs(reply[2]))

    def update(
        self,
        before: StoredTask,
        task: Task,
        beginning: Beginning | Literal["keep"],
        *,
        status: str | None,
        restart: bool = False,
    ) -> None:
        """Put another definition in place of the one that was read.

        Args:
            before: as it was read; nothing happens if it was changed, cancelled, paused or ended
                since. What its record has lost is written anew.
            beginning: of its new schedule, or KEEP.
            status: scheduled or paused; or with a run, queued; None leaves it.
            restart: count its occurrences from 0 again.

        Raises:
            NotFound, RevisionMismatch.
        """
        first = Beginning() if beginning == KEEP else beginning
        old, new = listings_before(before), set(listings_of(task))
        reply = self._scripts.call(
            "update",
            {
                "id": before.id,
                "rev": before.revision,
                "was": before.status,
                "def": encode_task(task),
                "type": task.type,
                "once": task.is_one_off,
                "status": status,
                "next": first.next_run_at,
                "keep": beginning == KEEP,
                "occurrence": first.occurrence,
                "restart": restart,
                "mend": bool(before.lost),
                "leave": sorted(old - new),
                "enter": sorted(new - old),
                "run": first.run,
            },
        )
        self._refuse(before.id, reply)

    def confirm(self, before: StoredTask) -> None:
        """See that replicas that are to have what clients are told of have this as well.

        Raises:
            RevisionMismatch: it was changed since.
        """
        if self._scripts.asks_replicas:
            reply = self._scripts.call("unchanged", {"id": before.id, "rev": before.revision})
            self._refuse(before.id, reply)

    def cancel(
        self, task_id: str, revision: int | None = None, *, grace: int | None = None
    ) -> None:
        """No more occurrences; unfinished runs are cancelled. Once more does no harm.

        Args:
            revision: that it has to have; None: whatever it is.
            grace: ms that running ones have to end by themselves; None: they are fenced at once.

        Raises:
            NotFound: no such task.
            RevisionMismatch: it has another one.
            Conflict: it has ended otherwise.
        """
        arguments = {"id": task_id, "rev": revision, "grace": grace, "keep": self._keep}
        done: str | None = None
        while done != "":
            reply = self._scripts.call("cancel", {**arguments, "after": done})
            self._refuse(task_id, reply)
            done = reply[1]

    def purge(self, task_id: str, revision: int | None = None) -> None:
        """Remove it with its whole history.

        Args:
            revision: that it has to have; None: whatever it is.

        Raises:
            NotFound: no such task.
            RevisionMismatch: it has another one.
        """
        left = 1
        while left:
            fields = self._record(task_id)
            if revision is not None and fields.get("rev") != str(revision):
                raise RevisionMismatch
            leave = sorted(listings_before(self._shown(task_id, fields)))
            reply = self._scripts.call(
                "purge", {"id": task_id, "rev": fields.get("rev", ""), "leave": leave}
            )
            if reply[0] != "CHANGED":
                self._refuse(task_id, reply)
                left = reply[1]

    def pause(self, task_id: str, *, pause: bool, note: str = "") -> None:
        """Stop the schedule, or let it go on.

        Raises:
            NotFound: no such task.
            Conflict: it is neither scheduled nor paused.
        """
        arguments = {"id": task_id, "pause": pause, "note": note}
        self._refuse(task_id, self._scripts.call("pause", arguments))

    def trigger(
        self,
        task_id: str,
        task_type: str,
        runs: Sequence[NewRun],
        idempotency: Idempotency | None = None,
    ) -> Ids:
        """Make runs beside the schedule, in the order given, 500 a step.

        Args:
            idempotency: of a client's request for one run. The same again makes none.

        Returns:
            For each the id under which it is found: its own, or where its overlap policy says no
            that of a record of skipped occurrences; or that of the first request's.

        Raises:
            NotFound: no such task.
            Conflict: it is cancelled.
            IdempotencyMismatch: the key came with another request.
        """
        made: Ids = []
        for start in range(0, len(runs), 500):
            arguments = {
                "id": task_id,
                "type": task_type,
                "runs": runs[start : start + 500],
                "keep": self._keep,
                "idem": idempotency,
            }
            reply = self._scripts.call("trigger", arguments)
            self._refuse(task_id, reply)
            made += [reply[1]] if heard_before(reply, idempotency) else reply[1]
        return made

    def get(self, task_id: str) -> StoredTask:
        """One task.

        Raises:
            NotFound: no such task.
        """
        with reaching_redis():
            (task,) = self._many([task_id])
        if task is None:
            raise NotFound("task", task_id)
        return task

    def list(self, where: TaskFilter, limit: int, cursor: str | None = None) -> Page[StoredTask]:
        """Tasks, newest first."""
        keys = self._keys
        listings = [
            keys.tasks_by(kind, value)
            for kind, value in (
                ("status", where.status),
                ("type", where.type),
                ("tag", where.tag),
                ("queue", where.queue),
            )
            if value is not None
        ]
        moments = Range(
            listings=listings or [keys.tasks()],
            newest=f"{where.created_before:013d}\x7f" if where.created_before is not None else None,
            oldest=f"{where.created_after:013d}" if where.created_after is not None else None,
        )

        def read(members: Ids) -> Found:
            tasks = self._many([member.split("~", 1)[1] for member in members])
            return [task if task and _passes(task, where) else None for task in tasks]

        return read_page(self._client, moments, read, limit, cursor)

    def static_ids(self) -> set[str]:
        """Ids of the tasks that came from an app's `beat_schedule`."""
        with reaching_redis():
            return set(self._client.smembers(self._keys.static()))

    def mark_static(self, task_id: str) -> None:
        """Remember that a task comes from an app's `beat_schedule`."""
        with reaching_redis():
            self._client.sadd(self._keys.static(), task_id)

    def _record(self, task_id: str) -> dict[str, str]:
        with reaching_redis():
            (fields,), _ = self._records([task_id])
        if not fields:
            raise NotFound("task", task_id)
        return fields

    def _many(self, ids: Ids) -> Found:
        records, paused = self._records(ids)
        return [
            noted(self._shown(task_id, fields), paused) if fields else None
            for task_id, fields in zip(ids, records, strict=True)
        ]

    def _records(self, ids: Ids) -> tuple[Records, dict[str, str]]:
        """Records, and all pauses; one with a status only stands for a key that holds something
        else."""
        with self._client.pipeline(transaction=False) as pipe:
            for task_id in ids:
                pipe.hgetall(self._keys.task(task_id))
            pipe.hgetall(self._keys.paused())
            *records, paused = [_record_of(r) for r in pipe.execute(raise_on_error=False)]
        return records, paused

    def _shown(self, task_id: str, fields: Mapping[str, str]) -> StoredTask:
        try:
            return stored_task(task_id, fields)
        except CorruptRecord as error:
            return unreadable_task(task_id, fields, error)

    def _refuse(self, task_id: str, reply: Reply) -> None:
        """Raise what a script's reply code means; this is the one table of them."""
        code = reply[0]
        if code == "NOT_FOUND":
            raise NotFound("task", task_id)
        if code == "DAMAGED":
            raise Conflict(f"The task {task_id!r} cannot be read: purge it.")
        if code == "CHANGED":
            raise RevisionMismatch
        if code == "ENDED":
            raise Conflict(f"The task {task_id!r} has already ended: it is {reply[1]}.")
        if code == "CONFLICT":
            raise Conflict(f"The task {task_id!r} is {reply[1]}; that does not allow this.")


def _record_of(reply: dict[str, str] | Exception) -> dict[str, str]:
    found: dict[str, str] = of_right_type(reply, _NO_RECORD)
    return found


def _passes(task: StoredTask, where: TaskFilter) -> bool:
    d = task.definition
    if where.status is not None and task.status != where.status:
        return False
    if d is None:
        return where.type is where.tag is where.queue is where.name_prefix is None
    return (
        (where.type is None or d.type == where.type)
        and (where.queue is None or d.queue == where.queue)
        and (where.tag is None or where.tag in d.tags)
        and (where.name_prefix is None or d.name.startswith(where.name_prefix))
    )
