"""Boot step: ends a worker whose pool is stuck, so that its supervisor starts another one."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any

from celery.utils.log import get_logger
from celery.worker import state

from dispatch_app.domain.errors import StoreUnavailable
from dispatch_app.store import Store
from dispatch_app.worker.duty import Duty
from dispatch_app.worker.shutdown import leave

logger = get_logger(__name__)


class Liveness(Duty):
    """Something waits in the worker, a slot is free, and nothing starts for `worker.stuck_after`.

    Passes are counted, not time: one that was frozen, or a laptop that slept, is not stuck for
    that. Nor is one that waits for Redis.
    """

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self._idle_ms, self._started = 0, 0

    def perform(self, worker: Any) -> None:
        """Look once."""
        config = worker.app.dispatch.config
        if not self._is_idle(worker):
            self._idle_ms = 0
            return
        self._idle_ms += config.scheduler.heartbeat_interval
        if self._idle_ms > config.worker.stuck_after:
            logger.critical(
                "Nothing has started for %g s, though runs wait here and a slot is free. "
                "This worker hands back what it has and ends. Its threads:\n%s",
                config.worker.stuck_after / 1000,
                _stacks(),
            )
            leave(worker, os.EX_TEMPFAIL)

    def _is_idle(self, worker: Any) -> bool:
        """Whether nothing has started since the last look that should have."""
        before, self._started = self._started, state.all_total_count[0]
        active = len(state.active_requests)
        waiting = len(state.reserved_requests) - active
        if self._started != before or waiting <= 0 or active >= worker.pool.num_processes:
            return False
        return _redis_answers(worker.app.dispatch.store)


def _stacks() -> str:
    """Where each thread is; not with what values, among which are secrets."""
    frames = sys._current_frames().values()
    return "\n".join("".join(traceback.format_stack(frame)) for frame in frames)


def _redis_answers(store: Store) -> bool:
    """Whether the main loop has no reason to wait for Redis."""
    try:
        store.now()
    except StoreUnavailable:
        return False
    return True
