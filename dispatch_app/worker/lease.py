"""Boot step: renews the leases of what runs here, asks to end what is to end, and ends what is no
longer ours."""

from __future__ import annotations

import time
from typing import Any

from celery.concurrency.prefork import TaskPool
from celery.signals import worker_process_init
from celery.utils.log import get_logger
from celery.worker import state

from dispatch_app.worker.duty import Duty
from dispatch_app.worker.request import DispatchRequest
from dispatch_app.worker.task import adopt

logger = get_logger(__name__)

#: s in which a delivery of a run that another one has is refused, and ends by itself.
_REFUSED_WITHIN = 1.0
#: s after which a run that was cancelled is noticed at the latest.
LOOK_EVERY = 1.0


class Leases(Duty):
    """One script call for all runs of this worker: a heartbeat, and in between, where that is long,
    a look."""

    longest_s = LOOK_EVERY
    outlives_pool = True

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self._renewed = float("-inf")
        # workers need not talk to each other, over a connection each: the store knows all that
        worker.options.update(without_gossip=True, without_mingle=True)
        adopt(worker.app)
        # a pool that spawns its processes imports the tasks anew in each
        worker_process_init.connect(lambda **_: adopt(worker.app), weak=False)
        worker.app.dispatch.await_store(logger.warning)

    def perform(self, worker: Any) -> None:
        """Renew or look. What is to end is asked to; what the store does not know as ours any more
        is terminated."""
        ours = _ours()
        if not ours:
            return
        lost, asked = self._renew(
            worker.app.dispatch, [(run_id, request.token) for run_id, request in ours.items()]
        )
        for run_id in lost:
            _end(worker, ours[run_id])
        for run_id in asked:
            _ask(worker, ours[run_id])

    def _renew(self, dispatch: Any, leases: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
        """Prolong these leases, if a heartbeat has gone by, or nearly; else look after them."""
        heartbeat, now = dispatch.config.scheduler.heartbeat_interval, time.monotonic()
        if now - self._renewed < heartbeat / 1000 - self.interval_s / 2:
            return dispatch.store.runs.renew(leases, lease=None)
        found = dispatch.store.runs.renew(leases, lease=3 * heartbeat)
        self._renewed = now
        return found


def _ours() -> dict[str, DispatchRequest]:
    """Run id -> request of what runs or waits here. Of two deliveries of a run it is the one that
    runs, or came first: the other one is refused the lease."""
    found = [
        request
        for request in tuple(state.reserved_requests)
        if isinstance(request, DispatchRequest) and request.is_ours
    ]
    # of equal ids the last one counts; tokens grow with time
    found.sort(key=lambda request: request.token, reverse=True)
    found.sort(key=lambda request: request in state.active_requests)
    return {request.id: request for request in found}


def _end(worker: Any, request: DispatchRequest) -> None:
    """Terminate a run that was cancelled or went to another worker, where the pool can."""
    if request not in state.active_requests or 0 <= _age_s(request) < _REFUSED_WITHIN:
        return
    if not _has_processes(worker):
        request.leave_alone()
        return
    logger.warning("Run %s was cancelled or given to another worker: ending it here", request.id)
    # acknowledging belongs to the thread that reads from the broker
    worker.hub.call_soon(request.end, worker.pool, worker.hub)


def _age_s(request: DispatchRequest) -> float:
    """Since when a process has had it."""
    return time.time() - (request.time_start or 0.0)


def _ask(worker: Any, request: DispatchRequest) -> None:
    """Ask a run to end by itself, where the pool can: its function is told so as by the soft time
    limit. Elsewhere it learns of it when it asks `self.cancelled`."""
    if request in state.active_requests and _has_processes(worker):
        worker.hub.call_soon(request.ask_to_end)


def _has_processes(worker: Any) -> bool:
    """Whether each run has a process of its own, which can be sent a signal. The other pools run
    them in this very process, and name it where they are asked for a run's."""
    return isinstance(worker.pool, TaskPool) and getattr(worker, "hub", None) is not None
