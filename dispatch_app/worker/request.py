"""DispatchRequest: a received message, in the worker's main process.

Here is written down what the process that ran the function cannot: that it was killed by a hard
time limit, or vanished, or that its message was revoked.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import Any

import msgspec
from billiard.exceptions import WorkerLostError
from billiard.pool import SIG_SOFT_TIMEOUT
from celery.exceptions import TimeLimitExceeded
from celery.utils.log import get_logger
from celery.worker import state
from celery.worker.request import Request
from kombu.asynchronous import get_event_loop

from dispatch_app.domain.errors import Conflict, DispatchError
from dispatch_app.domain.loss import delay_after, why_given_up
from dispatch_app.domain.retry import TOO_LATE, is_too_late, time_left
from dispatch_app.domain.run import Failure
from dispatch_app.domain.task import Task
from dispatch_app.ids import chance, new_id
from dispatch_app.messages import ATTEMPT_HEADER
from dispatch_app.store.runs import Outcome
from dispatch_app.worker import outcome as outcomes
from dispatch_app.worker.task import TOKEN

#: Seconds that a process has to end by itself when it is terminated.
DYING = 1.0

logger = get_logger(__name__)

_OUT_OF_MEMORY = " Somebody killed it; the kernel does so where memory is short."


class DispatchRequest(Request):
    """A message; if it is one of ours, with the token under which its attempt will run."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._taken_away = self._asked = self._left_alone = False
        if self.is_ours:
            # a redelivered message gets another one: two deliveries never share a lease
            self._request_dict[TOKEN] = f"{self.hostname}/{new_id()}"

    @property
    def is_ours(self) -> bool:
        """Whether it is an attempt of a run, not a task that the user's code sent."""
        return ATTEMPT_HEADER in self._request_dict

    @property
    def token(self) -> str:
        """The right to the attempt that this delivery is for."""
        return str(self._request_dict[TOKEN])

    def on_timeout(self, soft: bool, timeout: float) -> None:
        """A time limit was reached; the hard one has killed the process."""
        if self.is_ours and not soft:
            self._write_down(TimeLimitExceeded(timeout))
        super().on_timeout(soft, timeout)

    def on_failure(self, exc_info: Any, *args: Any, **kwargs: Any) -> None:
        """The attempt ended with an exception; only that its process vanished is news here."""
        error = getattr(exc_info.exception, "exc", exc_info.exception)
        if self.is_ours and isinstance(error, WorkerLostError):
            self._write_down(error)
        super().on_failure(exc_info, *args, **kwargs)

    def cancel(self, pool: Any, *args: Any, **kwargs: Any) -> None:
        """The worker shuts down: end the attempt here and hand the run back, unless it may not be
        started twice. Its message goes back to the queue, as every message that is not
        acknowledged."""
        # of a pool that has no processes nothing can be ended; its worker ends, and the run with it
        with suppress(NotImplementedError):
            super().cancel(pool, *args, **kwargs)
            _kill_later(get_event_loop(), pool, self.worker_pid)
        if self.is_ours:
            self.hand_back()

    def end(self, pool: Any, hub: Any) -> None:
        """Terminate an attempt that is no longer this worker's; the run is not touched: it is over,
        or somebody else's. A process that does not go is killed."""
        if self in state.active_requests:
            self._taken_away = True
            self.terminate(pool)
            _kill_later(hub, pool, self.worker_pid)

    def ask_to_end(self) -> None:
        """Raise SoftTimeLimitExceeded in the process that runs it, once."""
        # while it is active its process has got no other run
        if self._asked or self not in state.active_requests or SIG_SOFT_TIMEOUT is None:
            return
        self._asked = True
        logger.info("Run %s is asked to end", self.id)
        with suppress(ProcessLookupError):
            os.kill(self.worker_pid, SIG_SOFT_TIMEOUT)

    def leave_alone(self) -> None:
        """It is no longer this worker's, and nothing can be done about it; say so once."""
        if not self._left_alone:
            self._left_alone = True
            logger.warning(
                "Run %s was cancelled or given to another worker. This pool cannot end it: what it "
                "still does counts for nothing.",
                self.id,
            )

    def _announce_revoked(self, reason: str, *args: Any, **kwargs: Any) -> None:
        if self.is_ours and not self._taken_away:
            self._cancel(reason)
        super()._announce_revoked(reason, *args, **kwargs)

    def _write_down(self, error: BaseException) -> None:
        store = self.app.dispatch.store
        try:
            run = store.runs.get(self.id)
            queued = run.first_queued_at or run.scheduled_for
            left = time_left(run.definition.retry, queued, store.now())
            if isinstance(error, WorkerLostError):
                outcome = _lost(error, run.definition, run.lost + 1, self._lease, left)
            else:
                outcome = outcomes.failure(error, run.definition, run.failures, left=left)
            store.runs.finish(self.id, self.token, outcome)
        except DispatchError as refusal:
            # whatever it is, the lease lapses and the scheduler takes care of the run
            logger.warning("Run %s: %r was not written down: %s", self.id, error, refusal)

    @property
    def _lease(self) -> int:
        return 3 * int(self.app.dispatch.config.scheduler.heartbeat_interval)

    def hand_back(self) -> None:
        """The run goes on elsewhere; what it still does here counts for nothing."""
        store = self.app.dispatch.store
        try:
            outcome = _handed_back(store.runs.get(self.id).definition, 2 * self._lease // 3)
            store.runs.finish(self.id, self.token, outcome)
        except DispatchError as refusal:
            logger.warning("Run %s was not handed back: %s", self.id, refusal)

    def _cancel(self, reason: str) -> None:
        try:
            self.app.dispatch.store.runs.cancel(self.id, f"{reason} through Celery")
        except Conflict:
            logger.info("Run %s had ended when it was %s", self.id, reason)
        except DispatchError as refusal:
            logger.warning("Run %s could not be marked as %s: %s", self.id, reason, refusal)


def _kill_later(hub: Any, pool: Any, pid: int | None) -> None:
    """Kill what does not go by itself, as a function that catches everything."""
    # the pool knows it no more once it has gone, and does nothing then; while a pool stops, Celery
    # has a thread look after the loop's timer
    if hub and pid:
        hub.call_later(DYING, pool.terminate_job, pid, signal.SIGKILL)


def _lost(error: BaseException, task: Task, lost: int, lease: int, left: int | None) -> Outcome:
    """What follows when the process of an attempt vanished: lost attempts have their own bound.

    Args:
        lost: lost attempts of the run, this one included.
        left: ms in which another attempt may still begin; None: any number.
    """
    what = outcomes.describe(error)
    hint = _OUT_OF_MEMORY if "signal 9" in what.message else ""
    what = msgspec.structs.replace(what, message=what.message + hint, traceback=None)
    delay = delay_after(lost, lease, chance())
    reason = why_given_up(task, lost) or (TOO_LATE if is_too_late(delay, left) else None)
    if reason:
        return Outcome(status="failed", outcome="lost", error=what, lost=1, reason=reason)
    return Outcome(status="retrying", outcome="lost", error=what, lost=1, delay=delay)


def _handed_back(task: Task, resend: int) -> Outcome:
    """What becomes of an attempt that the shutdown of its worker cuts off.

    Args:
        resend: ms after which its message is sent again, if nobody has taken it.
    """
    if task.on_worker_lost == "retry":
        return Outcome(status="queued", outcome="handed_back", delay=resend)
    reason = "its worker shut down, and it may not be started twice"
    what = Failure(type="WorkerLost", message="Its worker shut down before it had ended.")
    return Outcome(status="failed", outcome="lost", error=what, lost=1, reason=reason)
