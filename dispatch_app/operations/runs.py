"""Cancel a run; run one again."""

from __future__ import annotations

import msgspec

from dispatch_app.domain.errors import Conflict
from dispatch_app.domain.run import Run
from dispatch_app.operations import Platform
from dispatch_app.operations.tasks import make_run


def cancel(dispatch: Platform, run_id: str) -> Run:
    """End a run that has not finished. Once more does no harm.

    One that runs is fenced at once: whatever its worker still does counts for nothing, and the
    worker ends it at its next heartbeat.

    Raises:
        NotFound, Conflict (it has finished otherwise), StoreUnavailable.
    """
    dispatch.store.runs.cancel(run_id, "cancelled by request")
    return dispatch.store.runs.get(run_id)


def retry(dispatch: Platform, run_id: str) -> Run:
    """Run again what a finished run did, with the definition that it had, as a new run.

    Raises:
        NotFound, Conflict (it has not finished, or its task is cancelled), StoreUnavailable.
    """
    before = dispatch.store.runs.get(run_id)
    if not before.is_finished:
        raise Conflict(f"The run {run_id!r} has not finished: it is {before.status}.")
    now = dispatch.store.now()
    run = make_run(
        dispatch,
        before.definition,
        now,
        "retry",
        now=now,
        own_definition=True,
    )
    run = msgspec.structs.replace(run, reason=f"retry of {run_id}")
    (made,) = dispatch.store.tasks.trigger(before.task_id, before.definition.type, [run])
    return dispatch.store.runs.get(made)
