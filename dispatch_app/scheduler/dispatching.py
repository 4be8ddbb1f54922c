"""What is due, carried out: plan, render, commit.

What cannot be planned is parked with its error and stops nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from itertools import chain

import msgspec
from celery.utils.log import get_logger
from redis import ResponseError

from dispatch_app.domain.errors import (
    Conflict,
    CorruptRecord,
    DispatchError,
    NotFound,
    StoreUnavailable,
)
from dispatch_app.domain.planning import MOST_AT_ONCE, Plan, plan
from dispatch_app.domain.task import Task
from dispatch_app.domain.timeline import Done, Timeline
from dispatch_app.ids import new_id
from dispatch_app.operations import Platform
from dispatch_app.operations.tasks import make_run
from dispatch_app.operations.timelines import Calendars, calendars_of, timeline_of
from dispatch_app.scheduler.backfilling import carry_on
from dispatch_app.scheduler.replanning import REPLANS, replan
from dispatch_app.store.agenda import (
    NO_ATTEMPT,
    Advance,
    Due,
    DueMember,
    DueRun,
    DueTask,
    NewSkip,
    NextAttempt,
    Step,
)
from dispatch_app.store.codec import decode_task

logger = get_logger(__name__)

_Entries = list[Advance | NextAttempt]

#: Runs that are committed at once: few enough that Redis has something to do while the next ones
#: of a look (at most 500) are planned.
_PIECE, _FIRST = 100, 20


def advance(dispatch: Platform, due: Due) -> int:
    """Dispatch what is due; returns how many members of the agenda moved on."""
    calendars = cache(calendars_of(dispatch))
    # each is planned when it is asked for
    pieces = _pieces(
        chain(
            (_advance(dispatch, task, due.now, calendars) for task in due.tasks),
            (_next_attempt(dispatch, run) for run in due.runs),
        )
    )
    return _commit_each(dispatch, pieces, due.now) + _others(dispatch, due)


def known(due: Due) -> int:
    """How many of the members that are due this program can do something about."""
    return len(due.tasks) + len(due.runs) + sum(map(_is_known, due.others))


def _release(dispatch: Platform, member: DueMember, now: int) -> int:
    """A pause has ended: the next piece of what it held."""
    return dispatch.store.pauses.release(member.member[2:])


#: What else may be due, by the two characters with which a member begins.
_OTHERS: dict[str, Callable[[Platform, DueMember, int], int]] = {
    **dict.fromkeys(REPLANS, replan),
    "h:": _release,
    "b:": carry_on,
}


#: ms for which what this program does not know is left to newer ones that run beside it, and by
#: which it is put off if none of them took it.
_FOR_NEWER, _PUT_OFF = 5_000, 60_000


def _others(dispatch: Platform, due: Due) -> int:
    """What is due beside tasks and their runs' messages."""
    advanced, overdue = 0, []
    for other in due.others:
        if carry_out := _OTHERS.get(other.member[:2]):
            advanced += carry_out(dispatch, other, due.now)
        elif _is_known(other):
            # and what is no member at all, which leaves the agenda like them
            overdue.append(other)
        elif due.now - other.due >= _FOR_NEWER:
            _put_off(dispatch, other, due.now)
    return advanced + (dispatch.store.agenda.overdue(overdue) if overdue else 0)


def _is_known(other: DueMember) -> bool:
    kind = other.member[:2]
    return kind in _OTHERS or kind in ("x:", "k:") or not kind.endswith(":")


def _put_off(dispatch: Platform, stranger: DueMember, now: int) -> None:
    """In an upgrade, schedulers meet what newer ones put on the agenda; that is theirs to do."""
    if dispatch.store.agenda.put_off(stranger, now + _PUT_OFF):
        logger.warning(
            "%s is due, which this version does not know: it is left to a newer scheduler, and "
            "looked at again in a minute.",
            stranger.member,
        )


def _commit_each(dispatch: Platform, pieces: Iterable[_Entries], read: int) -> int:
    """Commit each piece while the next one is planned: that is Redis' work, this is ours."""
    sent: list[_Entries] = []

    def noted() -> Iterator[_Entries]:
        for piece in pieces:
            sent.append(piece)
            yield piece

    replies = dispatch.store.agenda.commit_each(noted(), read)
    return sum(
        _commit(dispatch, piece, read) if isinstance(reply, ResponseError) else reply
        for piece, reply in zip(sent, replies, strict=True)
    )


def _commit(dispatch: Platform, entries: _Entries, read: int) -> int:
    """Commit; where the script stumbles over a record, find out over which, and park that one."""
    try:
        return dispatch.store.agenda.commit(entries, read)
    except ResponseError as error:
        if len(entries) > 1:
            return sum(_commit(dispatch, [entry], read) for entry in entries)
        if dispatch.store.misfits():
            # that is the fault of no single one
            raise
        logger.error("%s is taken off the agenda: %s", entries[0].member, error)
        return dispatch.store.agenda.commit([_parked(entries[0], error)], read)


def _parked(entry: Advance | NextAttempt, error: Exception) -> Advance | NextAttempt:
    if isinstance(entry, Advance):
        return msgspec.structs.replace(entry, runs=[], park=f"Its record is damaged: {error}")
    return msgspec.structs.replace(entry, attempt=NO_ATTEMPT)


def _pieces(entries: Iterable[Advance | NextAttempt]) -> Iterator[_Entries]:
    """Entries that make about _PIECE runs: under `run_all` one of them may make a hundred.

    The first piece is small, as Redis has nothing to do before it comes.
    """
    piece: _Entries = []
    size = _PIECE - _FIRST
    for entry in entries:
        weight = max(1, len(entry.runs)) if isinstance(entry, Advance) else 1
        if piece and size + weight > _PIECE:
            yield piece
            piece, size = [], 0
        piece.append(entry)
        size += weight
    if piece:
        yield piece


def _advance(dispatch: Platform, due: DueTask, now: int, calendars: Calendars) -> Advance:
    try:
        return _planned(dispatch, due, now, calendars)
    except StoreUnavailable:
        # a calendar could not be read: that is not the task's fault
        raise
    except Exception as error:
        if not isinstance(error, DispatchError):
            logger.exception("Task %s cannot be planned", due.id)
        note = f"It cannot be planned: {error}"
        logger.error("Task %s is paused. %s", due.id, note)
        return Advance(
            member=due.member,
            due=due.due,
            rev=due.revision or "",
            type="",
            queue="",
            runs=[],
            park=note,
        )


def _planned(dispatch: Platform, due: DueTask, now: int, calendars: Calendars) -> Advance:
    task: Task = _readable(due)
    timeline = timeline_of(task, due.id, calendars)
    done = timeline.fitted(due.done) if timeline else due.done
    bounded = task.overlap != "allow_all" and timeline is not None and timeline.is_counted
    steps = plan(task, timeline, due.occurrence, done, now, 1 if bounded else MOST_AT_ONCE)
    after = _step(timeline, steps.next, steps.done, done)
    return Advance(
        member=due.member,
        due=due.due,
        rev=due.revision or "",
        type=task.type,
        queue=task.queue,
        # what was skipped came before what runs, and has an id that says so
        skip=_new_skip(steps, now),
        runs=[
            make_run(dispatch, task, moment, "schedule", now=now) for moment in steps.occurrences
        ],
        if_skipped=_without(timeline, steps, done) if bounded and steps.occurrences else None,
        next=after.next,
        occurrence=after.occurrence,
        done=after.done,
    )


def _step(timeline: Timeline | None, moment: int | None, done: Done, before: Done) -> Step:
    """Where a task stands whose next occurrence is `moment`."""
    text = None if done == before else ",".join(map(str, done))
    if timeline is None or moment is None:
        return Step(next=moment, done=text)
    due = timeline.due_at(moment)
    return Step(next=due, occurrence=None if due == moment else moment, done=text)


def _without(timeline: Timeline | None, steps: Plan, done: Done) -> Step:
    """Where a task stands whose occurrence its overlap policy did not let run: `max_runs` counts
    only what was dispatched."""
    assert timeline is not None
    return _step(timeline, timeline.next_after(steps.occurrences[-1], done), done, done)


def _new_skip(steps: Plan, now: int) -> NewSkip | None:
    skipped = steps.skipped
    return NewSkip(id=new_id(now), **msgspec.structs.asdict(skipped)) if skipped else None


def _next_attempt(dispatch: Platform, due: DueRun) -> NextAttempt:
    again = due.status == "queued"
    attempt, copy = (due.attempt, due.copies + 1) if again else (due.attempt + 1, 0)
    try:
        task = _readable(due)
        queue, message = dispatch.messages.render(due.id, attempt, due.failures, task, copy)
    except Exception as error:
        logger.error("Run %s is cancelled: its next attempt cannot be sent: %s", due.id, error)
        with suppress(NotFound, Conflict):
            dispatch.store.runs.cancel(due.id, f"its next attempt could not be sent: {error}")
        queue, message, attempt = "", "", NO_ATTEMPT
    return NextAttempt(
        member=due.member, due=due.due, queue=queue, message=message, attempt=attempt
    )


def _readable(due: DueTask | DueRun) -> Task:
    if due.fault:
        raise CorruptRecord(due.fault)
    return decode_task(due.definition)
