"""Boot step: replaces the processes of a pool as soon as they have ended."""

from __future__ import annotations

from typing import Any

from celery import bootsteps
from celery.worker import state

#: Seconds between two looks at the processes; Celery's own are 5 apart.
INTERVAL_S = 0.2


class Replacement(bootsteps.StartStopStep):
    """Has the main loop look more often for processes that have ended.

    It looks at once where one of them closes its end of a pipe, and that is often too early: the
    process is about to end then. The slot stays empty until the next look, as in
    https://github.com/celery/celery/issues/9588.
    """

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self._looks: Any = None

    def register_with_event_loop(self, worker: Any, hub: Any) -> None:
        """Begin; called again for each new connection to the broker."""
        if self._looks:
            self._looks.cancel()
        self._looks = hub.call_repeatedly(INTERVAL_S, _look, worker)


def _look(worker: Any) -> None:
    # a worker that ends needs no more processes
    if state.should_stop is None and state.should_terminate is None:
        # solo and the pools of threads have nothing to replace, and do nothing
        worker.pool.maintain_pool()
