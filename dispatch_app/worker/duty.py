"""The skeleton of a worker's background duties: a boot step with a thread of its own, so that it
goes on whatever the pool does (in the solo pool the main thread runs the tasks)."""

from __future__ import annotations

import math
import threading
from typing import Any

from celery import bootsteps
from celery.signals import worker_shutdown
from celery.utils.log import get_logger

logger = get_logger(__name__)


class Duty(bootsteps.StartStopStep):
    """Calls `perform` once a heartbeat or more often, from when the worker is up until it stops."""

    #: seconds between two passes, where a heartbeat is longer
    longest_s = math.inf

    # threads begin after all that forks at the start: a lock that one holds stays locked in a child
    requires = ("celery.worker.components:Pool", "celery.worker.components:Beat")
    #: Celery's blueprint names steps by this
    abstract = True
    #: whether a warm shutdown, which waits for what runs, still needs it: steps stop in reverse
    #: order, and so before the pool
    outlives_pool = False

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, worker: Any) -> None:
        """Begin."""
        heartbeat = worker.app.dispatch.config.scheduler.heartbeat_interval
        self.interval_s = min(heartbeat / 1000, self.longest_s)
        self._thread = threading.Thread(
            target=self._run, args=(worker,), name=type(self).__name__, daemon=True
        )
        self._thread.start()
        if self.outlives_pool:
            worker_shutdown.connect(self.end)

    def stop(self, worker: Any) -> None:
        """End, or soon: when all that runs has ended."""
        if not self.outlives_pool:
            self.end()

    def terminate(self, worker: Any) -> None:
        """End, whatever still runs."""
        self.end()

    def end(self, **_: Any) -> None:
        """No more passes; one that is under way is waited for."""
        self._stop.set()
        if self._thread:
            self._thread.join(timeout=5)

    def perform(self, worker: Any) -> None:
        """One pass."""
        raise NotImplementedError

    def _run(self, worker: Any) -> None:
        while not self._stop.is_set():
            try:
                self.perform(worker)
            except Exception as error:
                logger.warning("%s: %s", type(self).__name__, error)
            self._stop.wait(self.interval_s)
