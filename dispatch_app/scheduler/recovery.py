"""Leases that lapsed: the worker is gone, its run gets its next attempt, or ends."""

from __future__ import annotations

import msgspec
from celery.utils.log import get_logger

from dispatch_app.domain.errors import CorruptRecord, DispatchError
from dispatch_app.domain.loss import delay_after, why_given_up
from dispatch_app.domain.retry import TOO_LATE, is_too_late, time_left
from dispatch_app.domain.run import Failure
from dispatch_app.domain.task import Task
from dispatch_app.ids import chance
from dispatch_app.operations import Platform
from dispatch_app.scheduler.clock import ServerClock
from dispatch_app.store.agenda import Lapsed, Reaped
from dispatch_app.store.codec import decode_task

logger = get_logger(__name__)


#: ms for which a lease may be given and still be believed. It is much, because a worker may have
#: been told a longer heartbeat than this scheduler.
_LONGEST = 600_000


def reap(dispatch: Platform, clock: ServerClock | None = None) -> int:
    """Take care of runs whose lease ran out; returns how many.

    Args:
        clock: what this scheduler knows of the server's; None: it is right.
    """
    lease = 3 * dispatch.config.scheduler.heartbeat_interval
    lapsed = dispatch.store.agenda.lapsed(longest=max(_LONGEST, 3 * lease))
    if not lapsed or (clock and not _is_right(dispatch, clock)):
        return 0
    reaped = dispatch.store.agenda.reap([_reaped(dispatch, run, lease) for run in lapsed])
    if reaped:
        logger.warning("%s runs lost their worker", reaped)
    return reaped


def _is_right(dispatch: Platform, clock: ServerClock) -> bool:
    """Whether the clock by which they have lapsed did not jump, not even since it was last read."""
    asked = clock.here()
    clock.read(dispatch.store.now(), asked)
    return clock.tells_lapsed_leases


def _reaped(dispatch: Platform, run: Lapsed, lease: int) -> Reaped:
    error = Failure(type="WorkerLost", message="Its worker stopped renewing the lease.")
    end = Reaped(id=run.id, lease=run.lease, error=error)
    try:
        if run.fault:
            raise CorruptRecord(run.fault)
        return _followed(dispatch, run, decode_task(run.definition), end, lease)
    except DispatchError as refusal:
        error = Failure(type="WorkerLost", message=f"{error.message} {refusal}")
        return msgspec.structs.replace(end, error=error)


def _followed(dispatch: Platform, run: Lapsed, task: Task, end: Reaped, lease: int) -> Reaped:
    """The next attempt: now, or on the agenda; or none, as the task wants it."""
    if reason := why_given_up(task, run.lost + 1):
        return msgspec.structs.replace(end, reason=reason)
    delay = delay_after(run.lost + 1, lease, chance())
    if is_too_late(delay, time_left(task.retry, 0, run.age)):
        return msgspec.structs.replace(end, reason=TOO_LATE)
    if delay:
        return msgspec.structs.replace(end, delay=delay)
    queue, message = dispatch.messages.render(run.id, run.attempt + 1, run.failures, task)
    return msgspec.structs.replace(end, queue=queue, message=message)
