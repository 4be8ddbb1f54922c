"""Create, replace, change, cancel, pause, trigger a task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from dispatch_app.domain.errors import Conflict, NotFound, RevisionMismatch
from dispatch_app.domain.planning import first_moment, settled
from dispatch_app.domain.run import Run
from dispatch_app.domain.schedule import Once
from dispatch_app.domain.task import OverlapPolicy, StoredTask, Task
from dispatch_app.ids import new_id
from dispatch_app.operations import Platform, grace_of
from dispatch_app.operations.payloads import check_payload
from dispatch_app.operations.repeats import repeatable
from dispatch_app.operations.timelines import calendars_of, timeline_of
from dispatch_app.store.answers import Answers, Idempotency
from dispatch_app.store.codec import encode_task
from dispatch_app.store.tasks import KEEP, Beginning, NewRun, Overlap

#: How often a change is tried again where somebody else was faster.
_TRIES = 100
_BUSY = "The task {!r} is changed by others all the time: try again."


@repeatable(Answers.task)
def create(
    dispatch: Platform,
    task: Task,
    *,
    task_id: str | None = None,
    enabled: bool = True,
    idempotency: Idempotency | None = None,
) -> StoredTask:
    """Store a task; one that is due now gets its run in the same step and needs no beat.

    Args:
        task_id: the caller's own; a new one if None.
        enabled: False: it is stored paused.
        idempotency: of the client's request.

    Raises:
        InvalidInput, IdempotencyMismatch, Conflict (the id is taken), StoreUnavailable.
    """
    now = dispatch.store.now()
    task_id = task_id or new_id(now)
    task = settled(_checked(dispatch, task), task_id, now)
    return dispatch.store.tasks.create(
        task_id,
        task,
        _beginning(dispatch, task, task_id, now, enabled),
        enabled=enabled,
        idempotency=idempotency,
    )


def replace(
    dispatch: Platform,
    task_id: str,
    task: Task,
    *,
    enabled: bool = True,
    revision: int | None = None,
) -> tuple[StoredTask, bool]:
    """Store a task under the caller's id, whole; True with it if it is new.

    The same definition again changes nothing. Another one for a task that has ended starts it anew.

    Args:
        revision: of the task as the caller knows it; None: whatever it is.

    Raises:
        InvalidInput, RevisionMismatch, StoreUnavailable.
    """
    for _ in range(_TRIES):
        before = _known(dispatch, task_id)
        if revision is not None and (before is None or before.revision != revision):
            raise RevisionMismatch
        try:
            if before is None:
                return create(dispatch, task, task_id=task_id, enabled=enabled), True
            if _replace(dispatch, before, task, enabled):
                return dispatch.store.tasks.get(task_id), False
            dispatch.store.tasks.confirm(before)
            return before, False
        except (Conflict, NotFound):
            # somebody made, changed or purged it meanwhile
            if revision is not None:
                raise RevisionMismatch from None
    raise Conflict(_BUSY.format(task_id))


def change(
    dispatch: Platform,
    task_id: str,
    change: Callable[[Task], Task],
    *,
    enabled: bool | None = None,
    revision: int | None = None,
) -> StoredTask:
    """Change some of a task's definition, for occurrences that are not dispatched yet.

    Args:
        change: old definition to new; may raise InvalidInput. Called again if somebody else was
            faster and no revision was asked for.
        enabled: False pauses, True resumes, None leaves it.

    Raises:
        NotFound, Conflict (it has ended), InvalidInput, RevisionMismatch, StoreUnavailable.
    """
    for _ in range(_TRIES):
        before = _readable(dispatch, task_id)
        _check_revision(before, revision)
        if before.is_over:
            raise Conflict(f"The task {task_id!r} has already ended: it is {before.status}.")
        task = _settled(dispatch, change(before.definition), before)
        wanted = before.status != "paused" if enabled is None else enabled
        unchanged = task == before.definition and wanted is (before.status != "paused")
        try:
            if unchanged:
                dispatch.store.tasks.confirm(before)
                return before
            _update(dispatch, before, task, wanted)
        except RevisionMismatch:
            if revision is not None:
                raise
            continue
        return dispatch.store.tasks.get(task_id)
    raise Conflict(_BUSY.format(task_id))


def cancel(
    dispatch: Platform,
    task_id: str,
    revision: int | None = None,
    *,
    terminate: bool = False,
) -> StoredTask:
    """No more occurrences; unfinished runs are cancelled, those that run asked to end. Once more
    does no harm.

    Args:
        revision: of the task as the caller knows it; None: whatever it is.
        terminate: what runs gets no grace.

    Raises:
        NotFound, Conflict (it has ended otherwise), RevisionMismatch, StoreUnavailable.
    """
    grace = None if terminate else grace_of(dispatch)
    dispatch.store.tasks.cancel(task_id, revision, grace=grace)
    return dispatch.store.tasks.get(task_id)


def purge(dispatch: Platform, task_id: str, revision: int | None = None) -> None:
    """Remove a task with its whole history.

    Args:
        revision: of the task as the caller knows it; None: whatever it is.

    Raises:
        NotFound, RevisionMismatch, StoreUnavailable.
    """
    dispatch.store.tasks.purge(task_id, revision)


def pause(dispatch: Platform, task_id: str, note: str = "", who: str = "") -> StoredTask:
    """Stop a schedule, with a note why, and who has said so.

    Raises:
        NotFound, Conflict (there is nothing to stop), StoreUnavailable.
    """
    dispatch.store.tasks.pause(task_id, pause=True, note=_pause_note(who, note))
    return dispatch.store.tasks.get(task_id)


def resume(dispatch: Platform, task_id: str) -> StoredTask:
    """Let a schedule go on; its misfire policy says what becomes of what it missed.

    Raises:
        NotFound, Conflict (it is not paused), StoreUnavailable.
    """
    dispatch.store.tasks.pause(task_id, pause=False)
    return dispatch.store.tasks.get(task_id)


@repeatable(Answers.run)
def trigger(
    dispatch: Platform,
    task_id: str,
    payload: dict[str, Any] | None = None,
    overlap: OverlapPolicy | None = None,
    *,
    idempotency: Idempotency | None = None,
) -> Run:
    """Run a task now, beside its schedule. Where the overlap policy says no, the answer is the
    record of what was skipped.

    Args:
        payload: replaces these fields of the task's payload, for this run only.
        overlap: instead of the task's own policy.
        idempotency: of the client's request; the same again makes no run.

    Raises:
        NotFound, Conflict (it is cancelled), InvalidInput, IdempotencyMismatch, StoreUnavailable.
    """
    stored = _readable(dispatch, task_id)
    task = stored.definition
    if overlap:
        task = msgspec.structs.replace(task, overlap=overlap)
    if payload:
        task = msgspec.structs.replace(task, payload={**task.payload, **payload})
    task = _checked(dispatch, task)
    now = dispatch.store.now()
    run = make_run(dispatch, task, now, "trigger", now=now, own_definition=bool(payload))
    (made,) = dispatch.store.tasks.trigger(task_id, task.type, [run], idempotency)
    return made_run(dispatch, made, idempotency)


def made_run(dispatch: Platform, run_id: str, idempotency: Idempotency | None) -> Run:
    """A run that was just made; with a key as it was made, since a repetition is answered so."""
    kept = dispatch.store.answers.run(idempotency) if idempotency else None
    return kept or dispatch.store.runs.get(run_id)


def make_run(
    dispatch: Platform,
    task: Task,
    moment: int,
    origin: str,
    *,
    now: int,
    own_definition: bool = False,
) -> NewRun:
    """A run of a task that is to be stored, with its message.

    Args:
        moment: what it is for, ms.
        now: the server's clock, ms.
        own_definition: it keeps `task` itself rather than what its task's record says.
    """
    run_id = new_id(now)
    queue, message = dispatch.messages.render(run_id, 1, 0, task)
    return NewRun(
        id=run_id,
        queue=queue,
        message=message,
        at=moment,
        origin=origin,
        expires=None if task.expires is None else moment + task.expires,
        definition=encode_task(task) if own_definition else None,
        overlap=None if task.overlap == "allow_all" else _overlap(dispatch, task.overlap),
    )


def _overlap(dispatch: Platform, policy: OverlapPolicy) -> Overlap:
    config = dispatch.config
    return Overlap(
        policy=policy,
        most=config.worker.queue_size,
        grace=grace_of(dispatch),
        keep=config.dispatch.keep_runs,
    )


def _checked(dispatch: Platform, task: Task) -> Task:
    """The task with its queue filled in.

    Raises:
        InvalidInput: its schedule or its policies, or its payload where the type is known.
    """
    task.check()
    known = dispatch.store.types.get(task.type)
    if known is not None and not task.args:
        # a schema says which names are needed, not which of them stand in `args`
        check_payload(known.schema, task.payload)
    if task.queue:
        return task
    queue = known.queue if known else dispatch.messages.default_queue(task.type)
    return msgspec.structs.replace(task, queue=queue)


def _settled(dispatch: Platform, task: Task, before: StoredTask) -> Task:
    """The new definition, checked; a schedule that stays the same goes on counting from where the
    old one did."""
    task = _checked(dispatch, task)
    return settled(task, before.id, dispatch.store.now(), before.definition)


def _known(dispatch: Platform, task_id: str) -> StoredTask | None:
    try:
        return dispatch.store.tasks.get(task_id)
    except NotFound:
        return None


def _replace(dispatch: Platform, before: StoredTask, task: Task, enabled: bool) -> bool:
    """Put a whole definition in place of what was read; False if that says the same."""
    task = _settled(dispatch, task, before)
    paused = before.status == "paused"
    if task == before.definition and before.status != "cancelled" and enabled is not paused:
        if not before.lost:
            return False
        dispatch.store.tasks.update(before, task, KEEP, status=None)
    elif before.is_over or before.definition is None or "status" in before.lost:
        _begin_again(dispatch, before, task, enabled, restart=True)
    else:
        _update(dispatch, before, task, enabled)
    return True


def _update(dispatch: Platform, before: StoredTask, task: Task, enabled: bool) -> None:
    if task.schedule != before.definition.schedule:
        _begin_again(dispatch, before, task, enabled)
    elif before.status in ("scheduled", "paused"):
        status = "scheduled" if enabled else "paused"
        dispatch.store.tasks.update(before, task, KEEP, status=status)
    else:
        # a one-off task that is on its way: the status is its run's
        dispatch.store.tasks.update(before, task, KEEP, status=None)


def _begin_again(
    dispatch: Platform, before: StoredTask, task: Task, enabled: bool, *, restart: bool = False
) -> None:
    beginning = _beginning(dispatch, task, before.id, dispatch.store.now(), enabled)
    status = "queued" if beginning.run else "scheduled" if enabled else "paused"
    dispatch.store.tasks.update(before, task, beginning, status=status, restart=restart)


def _beginning(dispatch: Platform, task: Task, task_id: str, now: int, enabled: bool) -> Beginning:
    """Where a schedule that begins now starts.

    Raises:
        InvalidInput: it names a calendar that is not there, or no occurrence lies ahead.
    """
    timeline = timeline_of(task, task_id, calendars_of(dispatch))
    moment = first_moment(task, timeline, now)
    if moment is None and enabled:
        return Beginning(run=make_run(dispatch, task, _one_time(task, now), "schedule", now=now))
    moment = moment or _one_time(task, now)
    due = timeline.due_at(moment) if timeline else moment
    return Beginning(next_run_at=due, occurrence=None if due == moment else moment)


def _one_time(task: Task, now: int) -> int:
    """What a task that runs at once runs for: its moment that has passed, or now."""
    return task.schedule.moment if isinstance(task.schedule, Once) else now


def _check_revision(before: StoredTask, revision: int | None) -> None:
    if revision is not None and before.revision != revision:
        raise RevisionMismatch


def _pause_note(who: str, note: str) -> str:
    by = f"Paused by {who}" if who else "Paused" if note else ""
    return f"{by}: {note}" if note else by


def _readable(dispatch: Platform, task_id: str) -> StoredTask:
    stored = dispatch.store.tasks.get(task_id)
    if stored.definition is None or stored.lost:
        raise Conflict(f"The task {task_id!r} cannot be read: replace it (PUT) or purge it.")
    return stored
