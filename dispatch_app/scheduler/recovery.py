"""Leases that lapsed: the worker is gone, its run gets its next attempt, or ends."""

from __future__ import annotations

from celery.utils.log import get_logger

from dispatch_app.domain.errors import CorruptRecord, DispatchError
from dispatch_app.domain.run import MAX_LOST, Failure
from dispatch_app.operations import Platform
from dispatch_app.store.agenda import Lapsed, Reaped
from dispatch_app.store.codec import decode_task

logger = get_logger(__name__)


def reap(dispatch: Platform) -> int:
    """Take care of runs whose lease ran out; returns how many."""
    lapsed = dispatch.store.agenda.lapsed()
    if not lapsed:
        return 0
    reaped = dispatch.store.agenda.reap([_reaped(dispatch, run) for run in lapsed])
    if reaped:
        logger.warning("%s runs lost their worker", reaped)
    return reaped


def _reaped(dispatch: Platform, run: Lapsed) -> Reaped:
    error = Failure(type="WorkerLost", message="Its worker stopped renewing the lease.")
    if run.lost + 1 > MAX_LOST:
        return Reaped(id=run.id, lease=run.lease, error=error)
    try:
        if run.fault:
            raise CorruptRecord(run.fault)
        task = decode_task(run.definition)
        queue, message = dispatch.messages.render(run.id, run.attempt + 1, run.failures, task)
    except DispatchError as refusal:
        error = Failure(type="WorkerLost", message=f"{error.message} {refusal}")
        return Reaped(id=run.id, lease=run.lease, error=error)
    return Reaped(id=run.id, lease=run.lease, error=error, queue=queue, message=message)
