"""What is out of step in the store, found piece by piece and mended: what a server that lost its
last second, a worker that was killed between two steps of the broker, or somebody's hand left."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import msgspec
from redis import ResponseError

from dispatch_app.domain.errors import CorruptRecord, DispatchError
from dispatch_app.messages import delivery_tag
from dispatch_app.operations import Platform
from dispatch_app.operations.timelines import Calendars, calendars_of, timeline_of
from dispatch_app.store.audits import (
    WALKS,
    AuditedTask,
    DoubtedMessage,
    DoubtedRun,
    Finding,
    Findings,
    Piece,
    TaskRecord,
)
from dispatch_app.store.codec import decode_task, listings_of, lost_by

#: Records that one slice looks at, and what a book counts for at least.
SLICE, _LEAST = 500, 10
#: The last messages of a run that are looked for with workers.
_COPIES = 10


def whole(dispatch: Platform, *, mend: bool) -> Iterator[Finding]:
    """Everything that is out of step, in one go; what several listings lead to is told once."""
    told: set[Finding] = set()
    for walk in WALKS:
        cursor = None
        while cursor != "":
            piece = dispatch.store.audits.piece(walk, cursor or "")
            found = dict.fromkeys(_checked(dispatch, piece, mend=mend))
            yield from (finding for finding in found if finding not in told)
            told.update(found)
            cursor = piece.next


def a_slice(dispatch: Platform, walk: str, cursor: str) -> tuple[str, Findings]:
    """Mend the next of a walk, so many records; returns the cursor after them ("": that was all)
    and what was out of step."""
    found: Findings = []
    looked = 0
    while looked < SLICE:
        piece = dispatch.store.audits.piece(walk, cursor)
        found += _checked(dispatch, piece, mend=True)
        looked += max(_LEAST, len(piece.members))
        cursor = piece.next
        if not cursor:
            break
    return cursor, found


def _checked(dispatch: Platform, piece: Piece, *, mend: bool) -> Findings:
    fault = piece.fault
    try:
        if piece.members:
            return _CHECKS[piece.book.holds](dispatch, piece, mend)
    except ResponseError as error:
        # a key that holds something else than it should, among the others
        fault = str(error)
    if not fault:
        return []
    return [Finding("damaged", "", "", f"{piece.book.key} cannot be looked through: {fault}")]


def _tasks(dispatch: Platform, piece: Piece, mend: bool) -> Findings:
    calendars = cache(calendars_of(dispatch))
    records = dispatch.store.audits.read_tasks(piece.members)
    entries = [_audited(dispatch, record, calendars) for record in records]
    found = dispatch.store.audits.check_tasks(piece.book, entries, mend=mend)
    return found + [
        Finding("damaged", record.id, "", f"{words}: replace it (PUT) or purge it")
        for record in records
        if (words := _damage(record))
    ]


def _damage(record: TaskRecord) -> str:
    """What nobody can mend in a task's record; that it has no status is told already."""
    if lost := lost_by(record.revision, record.status):
        return "" if "status" in lost else "its record is damaged, it has no revision"
    try:
        decode_task(record.definition)
    except CorruptRecord as error:
        return error.message.rstrip(".").replace("It", "it", 1)
    return ""


def _members(dispatch: Platform, piece: Piece, mend: bool) -> Findings:
    return dispatch.store.audits.check_members(piece.book, piece.members, mend=mend)


def _letters(dispatch: Platform, piece: Piece, mend: bool) -> Findings:
    return dispatch.store.audits.check_letters(piece.members, mend=mend)


def _runs(dispatch: Platform, piece: Piece, mend: bool) -> Findings:
    found, doubted = dispatch.store.audits.check_runs(
        piece.book,
        piece.members,
        lease=3 * dispatch.config.scheduler.heartbeat_interval,
        patience=dispatch.config.scheduler.redeliver_after,
        mend=mend,
    )
    return found + (_messages(dispatch, doubted, mend) if doubted else [])


_CHECKS = {"tasks": _tasks, "members": _members, "letters": _letters, "runs": _runs}


def _audited(dispatch: Platform, record: TaskRecord, calendars: Calendars) -> AuditedTask:
    entry = AuditedTask(
        member=record.member, id=record.id, rev=record.revision, listings=[], next=None
    )
    try:
        task = decode_task(record.definition)
        entry = msgspec.structs.replace(entry, listings=listings_of(task))
        timeline = timeline_of(task, record.id, calendars)
        if record.status != "scheduled" or record.next is not None or timeline is None:
            return entry
        done = timeline.fitted(tuple(int(text) for text in record.done.split(",")))
        moment = timeline.next_after(dispatch.store.now(), done)
    except (DispatchError, ValueError):
        # when it is due, it is parked, with why
        return entry
    if moment is None:
        return entry
    return msgspec.structs.replace(entry, next=timeline.due_at(moment), occurrence=moment)


def _messages(dispatch: Platform, doubted: list[DoubtedRun], mend: bool) -> Findings:
    found = [_doubted(dispatch, run) for run in doubted]
    unacked = dispatch.messages.unacked_key
    return dispatch.store.audits.check_messages(found, unacked=unacked, mend=mend)


def _doubted(dispatch: Platform, run: DoubtedRun) -> DoubtedMessage:
    """Where its message would be."""
    copies = 0
    try:
        copies = int(run.copies or 0)
        queue, _ = dispatch.messages.render(run.id, run.attempt, 0, decode_task(run.definition))
    except (DispatchError, ValueError):
        # nowhere: whoever is to send it again writes down why that cannot be
        queue = ""
    last = range(max(1, copies - _COPIES + 1), copies + 1)
    tags = [delivery_tag(run.id, run.attempt, copy) for copy in (0, *last)]
    return DoubtedMessage(id=run.id, attempt=run.attempt, queue=queue, tags=tags)
