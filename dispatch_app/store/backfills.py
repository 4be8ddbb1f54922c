"""Backfills: one method per script or read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from dispatch_app.domain.backfill import Backfill
from dispatch_app.domain.errors import Conflict, CorruptRecord, NotFound
from dispatch_app.store.agenda import DueMember
from dispatch_app.store.answers import Idempotency, heard_before
from dispatch_app.store.codec import stored_backfill
from dispatch_app.store.keys import Keys
from dispatch_app.store.pages import Page, Range, read_page
from dispatch_app.store.scripts import Client, Scripts, reaching_redis
from dispatch_app.store.tasks import NewRun


class Piece(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The next runs of a backfill, and where it stands then."""

    #: cursor and revision of the task as they were read; None: whatever they are
    was: str | None = None
    rev: str | None = None
    type: str = ""
    runs: Sequence[NewRun] = msgspec.field(default_factory=list)
    #: the last occurrence that is made then
    cursor: int = 0
    #: ms, when it goes on; None: that was all
    next: int | None = None
    #: why it cannot go on
    fault: str | None = None


class BackfillFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which backfills a listing shows; None: no matter."""

    task_id: str | None = None
    status: str | None = None


# `list` is a method below, so its types need other names there
Ids = list[str]
Found = list[Backfill | None]


class Backfills:
    """The backfills of one installation.

    Args:
        keep: finished runs kept per task.
    """

    def __init__(self, client: Client, keys: Keys, scripts: Scripts, keep: int) -> None:
        self._client, self._keys, self._scripts, self._keep = client, keys, scripts, keep

    def start(self, backfill: Backfill, idempotency: Idempotency | None = None) -> str:
        """Store a new one, for schedulers to carry out.

        Args:
            idempotency: of the client's request. The same again makes none.

        Returns:
            Its id, or that of the one that the first request made.

        Raises:
            NotFound: no such task.
            Conflict: it is cancelled.
            IdempotencyMismatch: the key came with another request.
        """
        arguments = {
            "id": backfill.id,
            "task": backfill.task_id,
            "start": backfill.start,
            "end": backfill.end,
            "overlap": backfill.overlap,
            "total": backfill.total,
            "idem": idempotency,
        }
        reply = self._scripts.call("start_backfill", arguments)
        if heard_before(reply, idempotency):
            return str(reply[1])
        code, *rest = reply
        if code == "NOT_FOUND":
            raise NotFound("task", backfill.task_id)
        if code == "CONFLICT":
            raise Conflict(f"The task {backfill.task_id!r} is {rest[0]}; it has no backfills.")
        return backfill.id

    def carry_on(self, member: DueMember, piece: Piece) -> int:
        """Make the next runs; 0: somebody was faster."""
        arguments = {"id": member.member[2:], "due": member.due, **msgspec.to_builtins(piece)}
        return int(self._scripts.call("carry_on", arguments))

    def cancel(self, backfill_id: str, grace: int | None = None) -> None:
        """No more runs; those that are not finished are cancelled. Once more does no harm.

        Args:
            grace: ms that running ones have to end by themselves; None: they are fenced at once.

        Raises:
            NotFound: no such backfill.
            Conflict: it has ended otherwise.
        """
        arguments: dict[str, Any] = {"id": backfill_id, "grace": grace, "keep": self._keep}
        done: str | None = None
        while done != "":
            code, *rest = self._scripts.call("cancel_backfill", {**arguments, "after": done})
            if code == "NOT_FOUND":
                raise NotFound("backfill", backfill_id)
            if code == "ENDED":
                raise Conflict(f"The backfill {backfill_id!r} has already ended: it is {rest[0]}.")
            done = rest[0]

    def waiting(self, task_id: str) -> int:
        """How many runs of a task wait for others of it."""
        with reaching_redis():
            return int(self._client.zcard(self._keys.waiting(task_id)))

    def get(self, backfill_id: str) -> Backfill:
        """One backfill.

        Raises:
            NotFound: no such backfill.
            CorruptRecord: it cannot be read.
        """
        with reaching_redis():
            fields = self._client.hgetall(self._keys.backfill(backfill_id))
        if not fields:
            raise NotFound("backfill", backfill_id)
        return stored_backfill(backfill_id, fields)

    def list(self, where: BackfillFilter, limit: int, cursor: str | None = None) -> Page[Backfill]:
        """Backfills, newest first."""
        listing = self._keys.backfills()
        if where.task_id is not None:
            listing = self._keys.backfills_by("task", where.task_id)

        def read(ids: Ids) -> Found:
            return [one if one and _passes(one, where) else None for one in self._many(ids)]

        return read_page(self._client, Range(listings=[listing]), read, limit, cursor)

    def _many(self, ids: Ids) -> Found:
        with self._client.pipeline(transaction=False) as pipe:
            for backfill_id in ids:
                pipe.hgetall(self._keys.backfill(backfill_id))
            records = pipe.execute()
        found: Found = []
        for backfill_id, fields in zip(ids, records, strict=True):
            try:
                found.append(stored_backfill(backfill_id, fields) if fields else None)
            except CorruptRecord:
                found.append(None)
        return found


def _passes(backfill: Backfill, where: BackfillFilter) -> bool:
    return where.status is None or backfill.status == where.status
