"""Boot step: forgets the time limits of what has ended."""

from __future__ import annotations

import heapq
from typing import Any

from dispatch_app.worker.duty import Duty


class TimeLimits(Duty):
    """Takes out of the main loop's timer what was cancelled.

    Each run has a hard limit, in the pool that can enforce one. kombu's timer keeps what is
    cancelled until its moment comes: with limits of a day, all runs of a day.
    """

    def perform(self, worker: Any) -> None:
        """Have the main loop do it, whose timer it is."""
        if hub := getattr(worker, "hub", None):
            hub.call_soon(_forget_cancelled, hub.timer._queue)


def _forget_cancelled(queue: list[Any]) -> None:
    # in place: the loop that reads the queue goes on with this very list
    queue[:] = [scheduled for scheduled in queue if not scheduled.entry.canceled]
    heapq.heapify(queue)
