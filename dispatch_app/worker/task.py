"""DispatchTask: what a Celery task becomes in a worker of ours: start, the user's function, finish.

Messages that the user's own code sends (`delay`, `apply_async`) carry no attempt of ours and run
as on any worker.
"""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from billiard.common import _shutdown_cleanup
from celery import Celery, Task
from celery.exceptions import Ignore, Reject, Retry, SoftTimeLimitExceeded
from celery.signals import task_prerun
from celery.utils.log import get_task_logger

from dispatch_app.domain.errors import (
    CorruptRecord,
    DeadlinePassed,
    Discard,
    LeaseLost,
    RetryAfter,
    StoreUnavailable,
)
from dispatch_app.messages import ATTEMPT_HEADER
from dispatch_app.store.runs import Outcome
from dispatch_app.worker import outcome as outcomes
from dispatch_app.worker.context import RunContext

#: Field of a request that names this delivery of it; made by `DispatchRequest`.
TOKEN = "dispatch_token"  # noqa: S105 - a name, not a secret
_CONTEXT = "dispatch_context"
_REFUSAL = "dispatch_refusal"
#: Seconds for which an outcome waits for a Redis that is away; then the attempt counts as lost.
_PATIENCE_S = 300.0

logger = get_task_logger(__name__)


class DispatchTask(Task):
    """A Celery task that runs attempts of ours."""

    abstract = True
    Request = "dispatch_app.worker.request:DispatchRequest"

    @property
    def dispatch(self) -> RunContext | None:
        """The run that this call is an attempt of; None for a call that is none of ours."""
        return self.request.get(_CONTEXT)

    @property
    def cancelled(self) -> bool:
        """Whether the run that this call is an attempt of is to end, as `dispatch.cancelled`; of a
        call that is none of ours nobody asks that."""
        context = self.dispatch
        return context is not None and context.cancelled

    def before_start(self, task_id: str, args: list[Any], kwargs: dict[str, Any]) -> None:
        """Take the lease, unless the signal before has done so, and check the arguments."""
        if self.request.get(ATTEMPT_HEADER) is None:
            super().before_start(task_id, args, kwargs)
            return
        if refusal := self.request.get(_REFUSAL):
            raise refusal
        context = self.dispatch or _begin(self, task_id, args, kwargs)
        _watched(self, context, partial(_check_deadline, context))
        _watched(self, context, partial(_check_arguments, self, args, kwargs))
        _watched(self, context, partial(super().before_start, task_id, args, kwargs))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function, and write down how it ended before Celery acknowledges the message."""
        call = partial(super().__call__, *args, **kwargs)
        context = self.dispatch
        if context is None or context.entered:
            # none of our runs, or a run whose function calls itself as a function
            return call()
        context.entered = True
        result = _watched(self, context, call)
        limit = self.app.dispatch.config.dispatch.result_limit
        kept = None if self.request.ignore_result or self.ignore_result else result
        _finish(self, context, outcomes.success(kept, limit))
        return result

    def on_failure(self, *args: Any) -> None:
        """The user's hook. What it raises is logged: how the run ended is written down already.

        Celery does the same for `on_success` and `after_return`.
        """
        _contained(self, super().on_failure, args)

    def on_retry(self, *args: Any) -> None:
        """As `on_failure`."""
        _contained(self, super().on_retry, args)

    def retry(  # noqa: PLR0913 - Celery's own signature
        self,
        args: Any = None,
        kwargs: Any = None,
        exc: BaseException | None = None,
        throw: bool = True,
        eta: Any = None,
        countdown: float | None = None,
        max_retries: int | None = None,
        **options: Any,
    ) -> Retry:
        """As Celery's, but the next attempt waits on the agenda, not in a worker's memory.

        Without `max_retries` the bound is that of the run's definition.
        """
        context = self.dispatch
        if context is None:
            return super().retry(args, kwargs, exc, throw, eta, countdown, max_retries, **options)
        if isinstance(exc, (Discard, RetryAfter)):
            # from under autoretry_for: what they ask for counts, not what it would do
            raise exc
        limit = context.task.max_retries if max_retries is None else max_retries
        if context.lease.failures + 1 > limit:
            context.gave_up = True
            raise exc or self.MaxRetriesExceededError(
                f"Can't retry {self.name}[{context.id}]: {limit} retries are all that it has."
            )
        if args is not None or kwargs is not None:
            context.replace_arguments(args, kwargs)
        when = eta or (self.default_retry_delay if countdown is None else countdown)
        retry = Retry(exc=exc, when=when)
        if throw:
            raise retry
        context.retry = retry
        return retry


def _contained(task: DispatchTask, hook: Callable[..., None], args: tuple[Any, ...]) -> None:
    try:
        hook(*args)
    except Exception:
        if task.dispatch is None:
            # none of our runs: as in stock Celery
            raise
        logger.exception("Run %s: %s raised", task.request.id, hook.__name__)


def adopt(app: Celery) -> None:
    """Make DispatchTask a base class of every task of the app that has not got it.

    Tasks with a base class of their own keep it, behind ours, with all its hooks, and what it calls
    `cancelled` itself.
    """
    for task in app.tasks.values():
        if not isinstance(task, DispatchTask):
            own = type(task)
            theirs = {"cancelled": own.cancelled} if hasattr(own, "cancelled") else {}
            names = {"__module__": own.__module__, **theirs}
            task.__class__ = type(own.__name__, (DispatchTask, own), names)
            # a tracer that was built before knows nothing of our hooks
            task.__trace__ = None
    _begin_before_others()


def _begin_before_others() -> None:
    """Have the lease taken by the first receiver of `task_prerun`: it is sent before all hooks,
    and the user's receivers are to see the payload as the hooks do."""
    if all(receiver is not _on_prerun for _, receiver in task_prerun.receivers):
        task_prerun.connect(_on_prerun, weak=False)
        task_prerun.receivers.insert(0, task_prerun.receivers.pop())


def _on_prerun(task: Task, task_id: str, args: list[Any], kwargs: dict[str, Any], **_: Any) -> None:
    if not isinstance(task, DispatchTask) or task.request.get(ATTEMPT_HEADER) is None:
        return
    try:
        _begin(task, task_id, args, kwargs)
    except Exception as refusal:
        # what a receiver raises is only logged; before_start may raise it
        task.request.update({_REFUSAL: refusal})


def _begin(task: Task, run_id: str, args: list[Any], kwargs: dict[str, Any]) -> RunContext:
    """Take the lease, and fill the arguments in place, so that the function, every hook and every
    receiver of a signal see the payload, which the message did not carry."""
    context = _start(task, run_id)
    args.extend(context.task.args)
    kwargs.update(context.task.payload)
    task.request.update({_CONTEXT: context, "args": args, "kwargs": kwargs})
    return context


def _check_deadline(context: RunContext) -> None:
    """Refuse to begin another attempt that comes too late: it waited in its queue, or for a pause
    to end, or the one before was lost.

    Raises:
        DeadlinePassed.
    """
    left = context.time_left
    if context.attempt > 1 and left is not None and left < 0:
        raise DeadlinePassed(
            f"Attempt {context.attempt} came {-left / 1000:g} s after the deadline of its retries."
        )


def _check_arguments(task: Task, args: list[Any], kwargs: dict[str, Any]) -> None:
    """Refuse a payload that the function cannot take, as `apply_async` does.

    Raises:
        Discard: another try would not help.
    """
    if not task.typing:
        return
    try:
        task.__header__(*args, **kwargs)
    except TypeError as error:
        raise Discard(f"The payload does not fit the function: {error}") from error


def _start(task: Task, run_id: str) -> RunContext:
    """The lease of this attempt.

    Raises:
        celery.exceptions.Ignore: the attempt is somebody else's, or not wanted any more.
        celery.exceptions.Reject: Redis is away; the message goes back to its queue.
    """
    request, dispatch = task.request, task.app.dispatch
    length = 3 * dispatch.config.scheduler.heartbeat_interval
    start = partial(
        dispatch.store.runs.start,
        run_id,
        request.get(ATTEMPT_HEADER),
        token=request.get(TOKEN),
        worker=request.hostname,
        lease=length,
        queue=(request.delivery_info or {}).get("routing_key"),
        by=f"{os.getpid()}/{time.monotonic_ns()}",
    )
    try:
        lease = _patiently(start, length / 1000)
    except StoreUnavailable as error:
        raise Reject(error, requeue=True) from error
    except CorruptRecord as error:
        logger.error("Run %s is not started: %s", run_id, error)
        raise Ignore from error
    if isinstance(lease, str):
        logger.info("Run %s is not started here: %s", run_id, lease.lower())
        raise Ignore
    return RunContext(lease, dispatch.store)


def _watched(task: Task, context: RunContext, call: Callable[[], Any]) -> Any:
    """Call it; if it raises, write down what follows and tell Celery the same."""
    try:
        result = _without_exits(call)
    except Exception as error:
        told = _settled(task, context, error)
        if told is error:
            raise
        raise told from error
    if context.retry is not None:
        # self.retry(throw=False): the function has returned, the retry stands
        raise _settled(task, context, context.retry)
    return result


def _settled(task: Task, context: RunContext, error: Exception) -> Exception:
    """Write down what follows the error; returns what Celery is to be told."""
    outcome = outcomes.failure(
        error,
        context.task,
        context.lease.failures,
        left=context.time_left,
        gave_up=context.gave_up,
    )
    _finish(task, context, outcome)
    if outcome.status == "retrying" and not isinstance(error, Retry):
        return Retry(exc=error, when=outcome.delay / 1000)
    if outcome.status == "failed" and isinstance(error, Retry):
        return error.exc or DeadlinePassed(f"{error} would be after its deadline.")
    return error


def _without_exits(call: Callable[[], Any]) -> Any:
    """Call it; the function's own `sys.exit()` is an error of it, not the end of its process.

    The pool ends its processes in the same way, from a signal handler of billiard's; that passes.
    """
    try:
        return call()
    except (SystemExit, KeyboardInterrupt) as error:
        frames = traceback.walk_tb(error.__traceback__)
        if any(frame.f_code is _shutdown_cleanup.__code__ for frame, _ in frames):
            raise
        raise RuntimeError(f"The function raised {error!r}.") from error


def _finish(task: Task, context: RunContext, outcome: Outcome) -> None:
    """Write the outcome down, waiting for a Redis that is away: the worker goes on renewing the
    lease meanwhile, as soon as it can.

    An outcome that comes too late changes nothing: the run is somebody else's by then (I3).

    Raises:
        celery.exceptions.Ignore: it is, or the run was asked to end: then it is cancelled, whatever
            it came to, and Celery is told neither of a success nor of a failure or a retry.
    """
    finish = partial(
        task.app.dispatch.store.runs.finish,
        context.id,
        context.lease.token,
        outcome,
        context.changed,
    )
    try:
        status = _patiently(finish, _PATIENCE_S)
    except LeaseLost as error:
        logger.warning("Run %s, attempt %s: %s", context.id, context.attempt, error)
        raise Ignore from error
    if status == "cancelled":
        logger.info("Run %s has ended as it was asked to", context.id)
        raise Ignore


def _patiently(call: Callable[[], Any], seconds: float) -> Any:
    """Its answer; asked for again, with the same token, while Redis is away.

    Raises:
        StoreUnavailable: it is away for longer than that.
    """
    end, pause = time.monotonic() + seconds, 0.1
    while True:
        try:
            return call()
        except StoreUnavailable:
            if time.monotonic() > end:
                raise
        # the function has ended, or has not begun: there is nothing left to be told
        with suppress(SoftTimeLimitExceeded):
            time.sleep(pause)
        pause = min(2 * pause, 1.0)
