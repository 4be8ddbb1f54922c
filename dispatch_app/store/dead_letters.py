"""Dead letters: runs that have failed for good and wait for a person. One method per script or
read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from dispatch_app.domain.errors import CorruptRecord, NotFound
from dispatch_app.domain.run import Run
from dispatch_app.store.answers import Idempotency, heard_before
from dispatch_app.store.keys import Keys
from dispatch_app.store.pages import Page, Range, read_page
from dispatch_app.store.scripts import Client, Scripts, reaching_redis
from dispatch_app.store.tasks import NewRun

if TYPE_CHECKING:
    from dispatch_app.store.retention import Letters
from dispatch_app.store.runs import Runs

#: Letters that one call of a script replays, and drops.
PIECE, DROPPED_AT_ONCE = 100, 500

#: What becomes of a letter that is to be replayed.
Reply = Literal["OK", "GONE", "NO_TASK", "CANCELLED", "FULL", "DAMAGED"]


class LetterFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which dead letters; None: no matter. Moments of their death in ms, inclusive."""

    type: str | None = None
    task_id: str | None = None
    queue: str | None = None
    #: name of the error's class, with its module or bare
    error: str | None = None
    failed_after: int | None = None
    failed_before: int | None = None


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """A letter that is to be replayed, and the run in its place."""

    id: str
    task: str
    type: str
    run: NewRun


# `list` is a method below, so its types need other names there
Ids = list[str]
Found = list[Run | None]
Replies = list[Reply]


class DeadLetters:
    """The dead letters of one installation.

    Args:
        letters: bounds of theirs.
        keep: finished runs kept per task.
    """

    def __init__(
        self, client: Client, keys: Keys, scripts: Scripts, runs: Runs, letters: Letters, keep: int
    ) -> None:
        self._client, self._keys, self._scripts = client, keys, scripts
        self._runs, self._letters, self._keep = runs, letters, keep

    def count(self) -> int:
        """How many there are: no more than a look at one key."""
        with reaching_redis():
            return int(self._client.zcard(self._keys.dead()))

    def get(self, run_id: str) -> Run:
        """One of them, with all attempts and log lines.

        Raises:
            NotFound: no such run, or it is no dead letter.
            CorruptRecord: it cannot be read at all.
        """
        try:
            run = self._runs.get(run_id)
        except CorruptRecord:
            with reaching_redis():
                (found,) = self._runs.salvaged([run_id])
            if found is None or "key" in found.damage:
                raise
            run = found
        if run.died_at is None:
            raise NotFound("dead letter", run_id)
        return run

    def list(self, where: LetterFilter, limit: int, cursor: str | None = None) -> Page[Run]:
        """Dead letters, the youngest first, without their log lines."""
        listings = [
            self._keys.dead_by(kind, value)
            for kind, value in (("type", where.type), ("task", where.task_id))
            if value is not None
        ]
        moments = Range(
            listings=listings or [self._keys.dead()],
            newest=None if where.failed_before is None else f"{where.failed_before:013d}~\x7f",
            oldest=None if where.failed_after is None else f"{where.failed_after:013d}~",
        )

        def read(members: Ids) -> Found:
            runs = self._runs.salvaged([member.partition("~")[2] for member in members])
            found = [_as_listed(*each) for each in zip(members, runs, strict=True)]
            return [run if run and _passes(run, where) else None for run in found]

        return read_page(self._client, moments, read, limit, cursor)

    def replay(self, replays: Sequence[Replay], space: float | None = None) -> Replies:
        """Make another run in place of each of them.

        Args:
            replays: at most PIECE.
            space: ms from one message to the next; None: all are sent now.

        Returns:
            What became of each; all but OK are left as they were.
        """
        arguments = {"entries": replays, "space": space, "keep": self._keep}
        replies: Replies = self._scripts.call("replay", arguments)
        return replies

    def replay_one(
        self, replay: Replay, idempotency: Idempotency | None = None
    ) -> tuple[Reply, str]:
        """Make another run in place of one of them, unless the same request did so before.

        Returns:
            What becomes of it, and the id of the run that this request, or the first one, made.

        Raises:
            IdempotencyMismatch: the key came with another request.
        """
        arguments = {"entries": [replay], "idem": idempotency, "keep": self._keep}
        reply = self._scripts.call("replay", arguments)
        if heard_before(reply, idempotency):
            return "OK", reply[1]
        return reply[0], replay.run.id

    def drop(self, run_ids: Ids, listed: Mapping[str, int] | None = None) -> int:
        """Take them out of the dead letters; their runs stay in the history of their task.

        Args:
            listed: of those whose own record does not say it, the moments of their death.

        Returns:
            How many were dead letters.
        """
        dropped = 0
        for start in range(0, len(run_ids), DROPPED_AT_ONCE):
            ids = run_ids[start : start + DROPPED_AT_ONCE]
            arguments = {"ids": ids, "listed": listed or {}, "keep": self._keep}
            dropped += int(self._scripts.call("drop_letters", arguments))
        return dropped

    def drop_one(self, run_id: str) -> bool:
        """Take one of them out, also where only the listing still knows of it."""
        if self.drop([run_id]):
            return True
        with reaching_redis():
            found = [
                name for name, _ in self._client.zscan_iter(self._keys.dead(), f"*~{run_id}", 1_000)
            ]
        return sum(self.drop([run_id], {run_id: _moment_of(member)}) for member in found) > 0

    def trim(self) -> int:
        """Drop those that are too old or too many, at most DROPPED_AT_ONCE; returns how many."""
        bounds = {"letters": self._letters, "keep": self._keep, "limit": DROPPED_AT_ONCE}
        return int(self._scripts.call("trim_letters", bounds))


def _moment_of(member: str) -> int:
    text = member.partition("~")[0]
    return int(text) if text.isascii() and text.isdecimal() else 0


def _as_listed(member: str, run: Run | None) -> Run | None:
    """With the moment of its death from the listing, where its record has been damaged there."""
    if run is None or run.damage.keys().isdisjoint(("key", "died_at")):
        return run
    return msgspec.structs.replace(run, died_at=_moment_of(member))


def _passes(run: Run, where: LetterFilter) -> bool:
    name = run.error.type if run.error else ""
    return (
        run.died_at is not None
        and where.type in (None, run.definition.type)
        and where.task_id in (None, run.task_id)
        and where.queue in (None, run.definition.queue)
        and where.error in (None, name, name.rpartition(".")[2])
    )
