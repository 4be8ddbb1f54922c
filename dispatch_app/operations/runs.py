"""Cancel a run; run one again."""

from __future__ import annotations

import msgspec

from dispatch_app.domain.errors import Conflict
from dispatch_app.domain.run import Run
from dispatch_app.operations import Platform, grace_of
from dispatch_app.operations.repeats import repeatable
from dispatch_app.operations.tasks import made_run, make_run
from dispatch_app.store.answers import Answers, Idempotency


def cancel(
    dispatch: Platform,
    run_id: str,
    *,
    grace: int | None = None,
    terminate: bool = False,
    reason: str = "cancelled by request",
) -> Run:
    """End a run that has not finished. Once more does no harm, and may shorten its grace.

    One that runs is asked to end, and stays `running` until it does. When its grace is over it is
    fenced: whatever its worker still does counts for nothing, and the worker ends its process.

    Args:
        grace: ms; None: as long as under the overlap policy `cancel_other`.
        terminate: no grace at all.
        reason: kept with the run.

    Raises:
        NotFound, Conflict (it has finished otherwise), StoreUnavailable.
    """
    wait = grace_of(dispatch) if grace is None else grace
    dispatch.store.runs.cancel(run_id, reason, None if terminate else wait)
    return dispatch.store.runs.get(run_id)


@repeatable(Answers.run)
def retry(dispatch: Platform, run_id: str, *, idempotency: Idempotency | None = None) -> Run:
    """Run again what a finished run did, with the definition that it had, as a new run that names
    it. A dead letter is one no more then, unless the overlap policy says no.

    Args:
        idempotency: of the client's request; the same again makes no run.

    Raises:
        NotFound, Conflict (it has not finished, or its task is cancelled), IdempotencyMismatch,
        StoreUnavailable.
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
    run = msgspec.structs.replace(run, retry_of=run_id)
    task_type = before.definition.type
    (made,) = dispatch.store.tasks.trigger(before.task_id, task_type, [run], idempotency)
    return made_run(dispatch, made, idempotency)
