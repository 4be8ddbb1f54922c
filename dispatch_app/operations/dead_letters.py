"""Replay dead letters, one or many, and drop them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from dispatch_app.domain.errors import Conflict, DispatchError, NotFound, StoreUnavailable
from dispatch_app.domain.run import Run
from dispatch_app.domain.task import Task
from dispatch_app.operations import Platform
from dispatch_app.operations.repeats import repeatable
from dispatch_app.operations.tasks import made_run, make_run
from dispatch_app.store.answers import Answers, Idempotency
from dispatch_app.store.codec import encode_task
from dispatch_app.store.dead_letters import PIECE, LetterFilter, Replay, Reply
from dispatch_app.store.pages import Page

#: Which definition the new run has: that of the old one, or the task's as it is by now.
Definition = Literal["original", "current"]

_WHY: dict[Reply, str] = {
    "GONE": "it is no dead letter any more",
    "NO_TASK": "its task is gone",
    "CANCELLED": "its task is cancelled",
    "FULL": "as many runs of its task wait as may",
    "DAMAGED": "a record of it, or of its task, is damaged",
}


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter that was not replayed, and why; it stays as it is."""

    id: str
    reason: str


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a piece of the dead letters."""

    #: ids of the new runs
    runs: list[str]
    refused: list[Refusal]
    #: cursor of the piece after it; None: that was all
    next: str | None


class Dropped(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a piece of the dead letters."""

    dropped: int
    #: cursor of the piece after it; None: that was all
    next: str | None


@repeatable(Answers.run)
def replay(
    dispatch: Platform,
    run_id: str,
    definition: Definition = "original",
    *,
    idempotency: Idempotency | None = None,
) -> Run:
    """Run again what a dead letter was to do, as a new run that names it; it is no letter any more.

    Under an overlap policy the new run waits for the others of its task, whichever policy it is:
    it is neither skipped nor does it end another one.

    Args:
        idempotency: of the client's request; the same again makes no run.

    Raises:
        NotFound (no dead letter), Conflict (its task is cancelled, or too many wait already),
        IdempotencyMismatch, StoreUnavailable.
    """
    letter = dispatch.store.dead_letters.get(run_id)
    entry = _replay_of(dispatch, letter, definition, dispatch.store.now())
    reply, made = dispatch.store.dead_letters.replay_one(entry, idempotency)
    if reply == "GONE":
        raise NotFound("dead letter", run_id)
    if reply != "OK":
        raise Conflict(f"The dead letter {run_id!r} cannot be replayed: {_WHY[reply]}.")
    return made_run(dispatch, made, idempotency)


def replay_many(
    dispatch: Platform,
    where: LetterFilter,
    limit: int,
    cursor: str | None = None,
    *,
    rate: float | None = None,
    definition: Definition = "original",
) -> Replayed:
    """Replay the dead letters that pass a filter, the youngest first.

    Each of them is replayed in one step with its end as a letter: who is killed on the way, and
    calls again, doubles none.

    Args:
        limit: most letters that are looked through.
        rate: new runs a second; their messages wait on the agenda. Those of several calls come one
            after another. None: all at once.

    Raises:
        InvalidInput (no cursor of ours), StoreUnavailable.
    """
    done = Replayed(runs=[], refused=[], next=None)
    for page in _pages(dispatch, where, limit, cursor):
        _replay_page(dispatch, page.items, rate, definition, done)
        done = msgspec.structs.replace(done, next=page.next)
    return done


def drop(dispatch: Platform, run_id: str) -> None:
    """Take a letter out of the dead letters; its run stays in the history of its task.

    Raises:
        NotFound (no dead letter), StoreUnavailable.
    """
    if not dispatch.store.dead_letters.drop_one(run_id):
        raise NotFound("dead letter", run_id)


def drop_many(
    dispatch: Platform, where: LetterFilter, limit: int, cursor: str | None = None
) -> Dropped:
    """Drop the dead letters that pass a filter, the youngest first.

    Args:
        limit: most letters that are dropped.

    Raises:
        InvalidInput (no cursor of ours), StoreUnavailable.
    """
    dropped, after = 0, None
    for page in _pages(dispatch, where, limit, cursor):
        listed = {run.id: run.died_at for run in page.items if run.damage and run.died_at}
        dropped += dispatch.store.dead_letters.drop([run.id for run in page.items], listed)
        after = page.next
    return Dropped(dropped=dropped, next=after)


def _pages(
    dispatch: Platform, where: LetterFilter, limit: int, cursor: str | None
) -> Iterator[Page[Run]]:
    """Pages of letters, so many in all; a page may be short where a filter lets few pass."""
    while limit > 0:
        page = dispatch.store.dead_letters.list(where, min(PIECE, limit), cursor)
        yield page
        limit, cursor = limit - max(1, len(page.items)), page.next
        if cursor is None:
            return


def _replay_page(
    dispatch: Platform,
    letters: list[Run],
    rate: float | None,
    definition: Definition,
    done: Replayed,
) -> None:
    """Replay these, and write down with the others what became of them."""
    now = dispatch.store.now()
    entries = []
    for letter in letters:
        try:
            entries.append(_replay_of(dispatch, letter, definition, now))
        except StoreUnavailable:
            raise
        except DispatchError as error:
            done.refused.append(Refusal(id=letter.id, reason=str(error)))
    space = None if rate is None else 1000 / rate
    replies = dispatch.store.dead_letters.replay(entries, space) if entries else []
    for entry, reply in zip(entries, replies, strict=True):
        if reply == "OK":
            done.runs.append(entry.run.id)
        else:
            done.refused.append(Refusal(id=entry.id, reason=_WHY[reply]))


def _replay_of(dispatch: Platform, letter: Run, definition: Definition, now: int) -> Replay:
    """The run in place of a letter.

    Raises:
        NotFound: its task is gone.
        Conflict: its task cannot be read, or with which definition it failed.
        InvalidInput: no message can be made of it.
    """
    if definition == "original" and not letter.damage.keys().isdisjoint(("key", "definition")):
        raise Conflict(
            f"The dead letter {letter.id!r} cannot be replayed as it was: its record is damaged. "
            "Drop it, or replay it with the definition that its task has by now."
        )
    task = _wanted(dispatch, letter) if definition == "current" else letter.definition
    # it waits its turn: a policy that skips it, or ends others for it, would lose work
    waits = "allow_all" if task.overlap == "allow_all" else "buffer_all"
    made = make_run(
        dispatch,
        msgspec.structs.replace(task, overlap=waits),
        now,
        "retry",
        now=now,
        own_definition=True,
    )
    run = msgspec.structs.replace(made, retry_of=letter.id, definition=encode_task(task))
    return Replay(id=letter.id, task=letter.task_id, type=task.type, run=run)


def _wanted(dispatch: Platform, letter: Run) -> Task:
    task: Task | None = dispatch.store.tasks.get(letter.task_id).definition
    if task is None:
        raise Conflict(f"The task {letter.task_id!r} cannot be read: replace it (PUT) or purge it.")
    return task
