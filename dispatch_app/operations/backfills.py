"""Start a backfill, cancel one, and work out its next piece."""

from __future__ import annotations

import msgspec

from dispatch_app.domain.backfill import MOST, Backfill
from dispatch_app.domain.errors import Conflict, InvalidInput
from dispatch_app.domain.planning import window
from dispatch_app.domain.task import OverlapPolicy
from dispatch_app.domain.timeline import Timeline
from dispatch_app.ids import new_id
from dispatch_app.operations import Platform, grace_of
from dispatch_app.operations.repeats import repeatable
from dispatch_app.operations.tasks import make_run
from dispatch_app.operations.timelines import calendars_of, timeline_of
from dispatch_app.store.answers import Answers, Idempotency
from dispatch_app.store.backfills import Piece

#: Runs that one piece makes, so that no other task waits long.
PIECE = 100
#: ms until a backfill that has no room looks again
_AGAIN = 1_000


@repeatable(Answers.backfill)
def start(
    dispatch: Platform,
    task_id: str,
    start: int,
    end: int,
    overlap: OverlapPolicy = "allow_all",
    *,
    idempotency: Idempotency | None = None,
) -> Backfill:
    """Have the occurrences of a window run again, or for the first time; they do not count as the
    schedule's own. Schedulers make the runs, in pieces.

    Args:
        start, end: the window, ms, both inclusive.
        overlap: what becomes of one while earlier runs of the task, of whatever origin, are not
            finished. Under `buffer_all` those that find no room wait for it.
        idempotency: of the client's request; the same again starts none.

    Raises:
        NotFound, Conflict (it is cancelled, or cannot be read), InvalidInput (no schedule, no
        occurrence in the window, or too many), IdempotencyMismatch, StoreUnavailable.
    """
    task = dispatch.store.tasks.get(task_id).definition
    if task is None:
        raise Conflict(f"The task {task_id!r} cannot be read: replace it (PUT) or purge it.")
    timeline = timeline_of(task, task_id, calendars_of(dispatch))
    if timeline is None or task.is_one_off:
        raise InvalidInput({"schedule": "Only a task with a cron or interval schedule has these."})
    now = dispatch.store.now()
    backfill = Backfill(
        id=new_id(now),
        task_id=task_id,
        status="running",
        start=start,
        end=end,
        overlap=overlap,
        total=_total(timeline, start, end),
        made=0,
        over=0,
        cursor=start - 1,
        created_at=now,
    )
    made = dispatch.store.backfills.start(backfill, idempotency)
    kept = dispatch.store.answers.backfill(idempotency) if idempotency else None
    return kept or dispatch.store.backfills.get(made)


def cancel(dispatch: Platform, backfill_id: str) -> Backfill:
    """No more runs of a backfill; those that are not finished are cancelled, running ones are asked
    to end. Once more does no harm.

    Raises:
        NotFound, Conflict (it has ended otherwise), StoreUnavailable.
    """
    dispatch.store.backfills.cancel(backfill_id, grace_of(dispatch))
    return dispatch.store.backfills.get(backfill_id)


def next_piece(dispatch: Platform, backfill: Backfill, now: int) -> Piece:
    """The runs that a backfill makes next.

    Args:
        now: the server's clock, ms.

    Raises:
        NotFound: its task is gone.
        InvalidInput, CorruptRecord: its task cannot be planned.
    """
    stored = dispatch.store.tasks.get(backfill.task_id)
    here = Piece(
        was=str(backfill.cursor),
        rev=str(stored.revision),
        type=stored.definition.type if stored.definition else "",
        runs=[],
        cursor=backfill.cursor,
    )
    if stored.definition is None:
        return msgspec.structs.replace(here, fault=stored.notes[-1])
    room = _room(dispatch, backfill)
    if room <= 0:
        return msgspec.structs.replace(here, next=now + _AGAIN)
    task = msgspec.structs.replace(stored.definition, overlap=backfill.overlap)
    timeline = timeline_of(task, backfill.task_id, calendars_of(dispatch))
    if timeline is None:
        return msgspec.structs.replace(here, fault="Its task has no schedule any more.")
    moments = window(timeline, backfill.cursor + 1, backfill.end, room)
    runs = [make_run(dispatch, task, moment, "backfill", now=now) for moment in moments]
    # late from the beginning: what counts is when they were made
    expires = None if task.expires is None else now + task.expires
    return msgspec.structs.replace(
        here,
        runs=[msgspec.structs.replace(run, backfill=backfill.id, expires=expires) for run in runs],
        cursor=moments[-1] if moments else backfill.cursor,
        next=now if len(moments) == room else None,
    )


def _room(dispatch: Platform, backfill: Backfill) -> int:
    """How many runs may be made now."""
    if backfill.overlap != "buffer_all":
        return PIECE
    waiting = dispatch.store.backfills.waiting(backfill.task_id)
    return min(PIECE, dispatch.config.worker.queue_size - waiting)


def _total(timeline: Timeline, start: int, end: int) -> int:
    """The number of occurrences in a window.

    Raises:
        InvalidInput: it is none, or holds none, or too many.
    """
    if end < start:
        raise InvalidInput({"end": "The window ends before it begins."})
    total = timeline.count(start, end, MOST + 1, timeline.nothing_done)
    if not total:
        raise InvalidInput({"start": "The schedule has no occurrence in this window."})
    if total > MOST:
        raise InvalidInput({"end": f"More than {MOST:,} occurrences; choose a shorter window."})
    return total
