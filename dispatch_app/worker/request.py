"""DispatchRequest: a received message, in the worker's main process.

Here is written down what the process that ran the function cannot: that it was killed by a hard
time limit, or vanished, or that its message was revoked.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import msgspec
from billiard.exceptions import WorkerLostError
from billiard.pool import SIG_SOFT_TIMEOUT
from celery.exceptions import TimeLimitExceeded
from celery.utils.log import get_logger
from celery.worker import state
from celery.worker.request import Request

from dispatch_app.domain.errors import Conflict, DispatchError
from dispatch_app.domain.run import MAX_LOST
from dispatch_app.ids import new_id
from dispatch_app.messages import ATTEMPT_HEADER
from dispatch_app.store.runs import Outcome
from dispatch_app.worker import outcome as outcomes
from dispatch_app.worker.task import TOKEN

logger = get_logger(__name__)


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
        """The worker shuts down: end the attempt here and hand the run back. Its message goes
        back to the queue, as every message that is not acknowledged."""
        super().cancel(pool, *args, **kwargs)
        if self.is_ours:
            self._hand_back()

    def end(self, pool: Any) -> None:
        """Terminate an attempt that is no longer this worker's; the run is not touched: it is over,
        or somebody else's."""
        if self in state.active_requests:
            self._taken_away = True
            self.terminate(pool)

    def ask_to_end(self) -> None:
        """Raise SoftTimeLimitExceeded in the process that runs it, once."""
        # while it is active its process has got no other run
        if self._asked or self not in state.active_requests or SIG_SOFT_TIMEOUT is None:
            return
        self._asked = True
        logger.info("Run %s is asked to end: its overlap policy wants another one", self.id)
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
            if isinstance(error, WorkerLostError):
                outcome = _lost(error, run.lost)
            else:
                outcome = outcomes.failure(error, run.definition, run.failures)
            store.runs.finish(self.id, self.token, outcome)
        except DispatchError as refusal:
            # whatever it is, the lease lapses and the scheduler takes care of the run
            logger.warning("Run %s: %r was not written down: %s", self.id, error, refusal)

    def _hand_back(self) -> None:
        delay = 2 * self.app.dispatch.config.scheduler.heartbeat_interval
        outcome = Outcome(status="queued", outcome="handed_back", delay=delay)
        try:
            self.app.dispatch.store.runs.finish(self.id, self.token, outcome)
        except DispatchError as refusal:
            logger.warning("Run %s was not handed back: %s", self.id, refusal)

    def _cancel(self, reason: str) -> None:
        try:
            self.app.dispatch.store.runs.cancel(self.id, f"{reason} through Celery")
        except Conflict:
            logger.info("Run %s had ended when it was %s", self.id, reason)
        except DispatchError as refusal:
            logger.warning("Run %s could not be marked as %s: %s", self.id, reason, refusal)


def _lost(error: BaseException, lost: int) -> Outcome:
    """What follows when the process of an attempt vanished: lost attempts have their own bound."""
    what = msgspec.structs.replace(outcomes.describe(error), traceback=None)
    if lost + 1 > MAX_LOST:
        reason = f"its process vanished {lost + 1} times"
        return Outcome(status="failed", outcome="lost", error=what, lost=1, reason=reason)
    return Outcome(status="retrying", outcome="lost", error=what, lost=1)
