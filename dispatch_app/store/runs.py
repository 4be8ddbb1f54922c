"""Runs and attempts: one method per script or read."""

from __future__ import annotations

from typing import Any

import msgspec

from dispatch_app.domain.errors import Conflict, CorruptRecord, LeaseLost, NotFound
from dispatch_app.domain.run import Failure, Run
from dispatch_app.domain.task import Task
from dispatch_app.store.codec import (
    decode_task,
    encode_task,
    salvaged_run,
    stored_run,
    to_json,
)
from dispatch_app.store.keys import Keys
from dispatch_app.store.misfits import of_right_type
from dispatch_app.store.pages import Page, Range, read_page
from dispatch_app.store.retention import Letters
from dispatch_app.store.scripts import Client, Scripts, reaching_redis

#: Log lines kept of a run.
LOG_LINES = 1_000


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's right to an attempt, and what it needs to carry it out."""

    run_id: str
    token: str
    attempt: int
    task_id: str
    definition: Task
    failures: int
    lost: int
    scheduled_for: int
    origin: str
    #: when the run was queued for its first attempt, and when this one began, by Redis' clock
    queued_at: int
    started_at: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt ended, and what follows."""

    #: succeeded, failed, retrying, cancelled, or queued (handed back)
    status: str
    #: the word for this attempt in the history
    outcome: str
    #: JSON text
    result: str | None = None
    error: Failure | None = None
    reason: str | None = None
    #: ms until the next attempt, where status is retrying; until the message of a run that was
    #: handed back is sent again, where nobody has taken it
    delay: int = 0
    #: 1 if the attempt counts against `max_retries`
    failures: int = 0
    #: 1 if its worker vanished
    lost: int = 0


class RunFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs a listing shows; None: no matter. Moments of creation in ms, inclusive."""

    task_id: str | None = None
    status: str | None = None
    type: str | None = None
    queue: str | None = None
    backfill_id: str | None = None
    after: int | None = None
    before: int | None = None


# `list` is a method below, so its types need other names there
Ids = list[str]
Found = list[Run | None]


class Runs:
    """The runs of one installation.

    Args:
        keep: finished runs kept per task.
        letters: bounds of the dead letters.
    """

    def __init__(
        self, client: Client, keys: Keys, scripts: Scripts, keep: int, letters: Letters
    ) -> None:
        self._client, self._keys, self._scripts, self._keep = client, keys, scripts, keep
        self._letters = letters

    def start(  # noqa: PLR0913 - all that a start is told
        self,
        run_id: str,
        attempt: int,
        *,
        token: str,
        worker: str,
        lease: int,
        queue: str | None = None,
        by: str | None = None,
    ) -> Lease | str:
        """Take the lease of an attempt.

        Args:
            token: names the delivery that asks; the same again gets the same answer.
            by: names the process that asks, if another one of the same worker might, too.
            lease: ms until it lapses if it is not renewed.
            queue: from which its message came; None: that of its definition.

        Returns:
            The lease, or why there is none: NOT_FOUND, STALE, HELD, FINISHED, EXPIRED, PAUSED (when
            that ends, the message is sent again).

        Raises:
            CorruptRecord: the run's definition cannot be read.
        """
        reply = self._scripts.call(
            "start",
            {
                "id": run_id,
                "attempt": attempt,
                "token": token,
                "worker": worker,
                "queue": queue,
                "by": by,
                "lease": lease,
                "keep": self._keep,
            },
        )
        if reply[0] != "OK":
            return str(reply[0])
        _, now, task_id, definition, failures, lost, at, origin, queued = reply
        return Lease(
            run_id=run_id,
            token=token,
            attempt=attempt,
            task_id=task_id,
            definition=decode_task(definition),
            failures=int(failures),
            lost=int(lost),
            scheduled_for=int(at),
            origin=origin,
            queued_at=int(queued),
            started_at=int(now),
        )

    def renew(
        self, leases: list[tuple[str, str]], *, lease: int | None
    ) -> tuple[list[str], list[str]]:
        """Prolong leases, given as (run id, token), to `lease` ms from now; None: leave them.

        Returns:
            Ids of runs that are not (any more) this worker's, and of those that are asked to end.
        """
        lost, asked = self._scripts.call("renew", {"lease": lease, "runs": leases})
        return lost, asked

    def finish(
        self, run_id: str, token: str, outcome: Outcome, definition: Task | None = None
    ) -> str:
        """End the attempt that this token holds. Once more does no harm.

        Args:
            definition: of the next attempts, if it is another one.

        Returns:
            The run's status: that of the outcome, unless it was asked to end (`cancelled`).

        Raises:
            LeaseLost: it is somebody else's by now, or the run is over.
        """
        arguments: dict[str, Any] = {
            "id": run_id,
            "token": token,
            "status": outcome.status,
            "outcome": outcome.outcome,
            "result": outcome.result,
            "error": to_json(outcome.error) if outcome.error else None,
            "reason": outcome.reason,
            "delay": outcome.delay,
            "failures": outcome.failures,
            "lost": outcome.lost,
            "keep": self._keep,
            "letters": self._letters,
            "def": encode_task(definition) if definition else None,
        }
        reply = self._scripts.call("finish", arguments)
        if reply[0] == "LOST":
            raise LeaseLost
        return str(reply[1])

    def postpone(self, run_id: str, attempt: int, *, delay: int, reason: str) -> None:
        """Have the message of a queued attempt sent again in `delay` ms, and say why it waits."""
        self._scripts.call(
            "postpone",
            {
                "id": run_id,
                "attempt": attempt,
                "delay": delay,
                "reason": reason,
                "keep": self._keep,
            },
        )

    def report(self, run_id: str, token: str, *, progress: str | None, lines: list[str]) -> bool:
        """Keep progress (JSON text) and log lines with the run while it runs.

        Returns:
            Whether it is asked to end.

        Raises:
            LeaseLost: it is somebody else's by now, or the run is over.
        """
        reply = self._scripts.call(
            "report",
            {"id": run_id, "token": token, "progress": progress, "lines": lines, "keep": LOG_LINES},
        )
        if reply[0] == "LOST":
            raise LeaseLost
        return bool(reply[0] == "ASKED")

    def cancel(self, run_id: str, reason: str, grace: int | None = None) -> None:
        """End a run that has not finished. Once more does no harm, and may shorten its grace.

        Args:
            grace: ms that one that runs has to end by itself; None: it is fenced at once.

        Raises:
            NotFound: no such run.
            Conflict: it has finished otherwise.
        """
        reply = self._scripts.call(
            "cancel_run", {"id": run_id, "reason": reason, "grace": grace, "keep": self._keep}
        )
        if reply[0] == "NOT_FOUND":
            raise NotFound("run", run_id)
        if reply[0] == "DAMAGED":
            raise CorruptRecord(_no_record(run_id))
        if reply[0] == "ENDED":
            raise Conflict(f"The run {run_id!r} has already ended: it {_ended(reply[1])}.")

    def get(self, run_id: str) -> Run:
        """One run with its log lines.

        Raises:
            NotFound: no such run.
            CorruptRecord: it cannot be read.
        """
        with reaching_redis(), self._client.pipeline(transaction=False) as pipe:
            pipe.hgetall(self._keys.run(run_id))
            pipe.lrange(self._keys.log(run_id), 0, -1)
            record, log = pipe.execute(raise_on_error=False)
            fields, log = _hash(record), of_right_type(log, [])
        if fields is None:
            raise CorruptRecord(_no_record(run_id))
        if not fields:
            raise NotFound("run", run_id)
        # of a line that is no UTF-8 (somebody's hand) the rest is shown
        lines = [line.encode(errors="surrogateescape").decode(errors="replace") for line in log]
        return stored_run(run_id, fields, lines)

    def latest(self, task_id: str) -> Run | None:
        """The run of a task that was made last, if there is one. Skipped occurrences are none,
        except of a task that has no other."""
        with reaching_redis():
            run_id: str | None = self._client.hget(self._keys.task(task_id), "lr")
        if run_id is None:
            return None
        try:
            return self.get(run_id)
        except NotFound:
            return None

    def list(self, where: RunFilter, limit: int, cursor: str | None = None) -> Page[Run]:
        """Runs, newest first, without their log lines."""
        listings = [
            self._keys.runs_by(kind, value)
            for kind, value in (
                ("task", where.task_id),
                ("status", where.status),
                ("type", where.type),
                ("backfill", where.backfill_id),
            )
            if value is not None
        ]
        moments = Range(
            listings=listings or [self._keys.runs()],
            newest=f"{_uuid_time(where.before)}\x7f" if where.before is not None else None,
            oldest=_uuid_time(where.after) if where.after is not None else None,
        )

        def read(ids: Ids) -> Found:
            return [run if run and _passes(run, where) else None for run in self.many(ids)]

        return read_page(self._client, moments, read, limit, cursor)

    def unsent(self, ids: Ids) -> set[str]:
        """Those of these runs that wait on the agenda for their message to be sent."""
        with reaching_redis(), self._client.pipeline(transaction=False) as pipe:
            for run_id in ids:
                pipe.zscore(self._keys.agenda(), f"r:{run_id}")
            moments = pipe.execute()
        return {run_id for run_id, due in zip(ids, moments, strict=True) if due is not None}

    def many(self, ids: Ids) -> Found:
        """These runs, without their log lines; None for one that is gone or cannot be read."""
        return [None if run and run.damage else run for run in self.salvaged(ids)]

    def salvaged(self, ids: Ids) -> Found:
        """These runs, without their log lines; of one whose record is damaged what can be read, and
        None for one that is gone."""
        with self._client.pipeline(transaction=False) as pipe:
            for run_id in ids:
                pipe.hgetall(self._keys.run(run_id))
            records = [_hash(record) for record in pipe.execute(raise_on_error=False)]
        return [_salvaged(run_id, fields) for run_id, fields in zip(ids, records, strict=True)]


def _hash(reply: Any) -> dict[str, str] | None:
    """The fields of a record; None: its key holds something else."""
    found: dict[str, str] | None = of_right_type(reply, None)
    return found


def _salvaged(run_id: str, fields: dict[str, str] | None) -> Run | None:
    if fields is None:
        damage = {"key": _no_record(run_id)}
        return msgspec.structs.replace(salvaged_run(run_id, {}), damage=damage)
    try:
        return stored_run(run_id, fields) if fields else None
    except CorruptRecord:
        return salvaged_run(run_id, fields)


def _no_record(run_id: str) -> str:
    return f"The run {run_id!r} cannot be read: its key in Redis holds no record of a run."


def _passes(run: Run, where: RunFilter) -> bool:
    return (
        (where.task_id is None or run.task_id == where.task_id)
        and (where.backfill_id is None or run.backfill_id == where.backfill_id)
        and (where.status is None or run.status == where.status)
        and (where.type is None or run.definition.type == where.type)
        and (where.queue is None or run.definition.queue == where.queue)
    )


def _uuid_time(moment: int) -> str:
    """The beginning of every UUIDv7 of that millisecond (RFC 9562, section 5.7)."""
    digits = f"{moment:012x}"
    return f"{digits[:8]}-{digits[8:]}"


def _ended(status: str) -> str:
    return status if status in ("failed", "succeeded", "expired") else f"was {status}"
