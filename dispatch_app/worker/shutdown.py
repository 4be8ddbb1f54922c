"""Boot step: an end in time when a platform asks for one, in the pools that cannot end a run.

Celery's soft shutdown ends what its grace period leaves over by killing processes. The pools
`threads`, `gevent` and `solo` have none, and Celery waits in them for as long as it takes.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from contextlib import suppress
from typing import Any, NoReturn

from celery import bootsteps
from celery.concurrency.prefork import TaskPool
from celery.platforms import EX_OK
from celery.utils.log import get_logger
from celery.worker import state

from dispatch_app.worker.request import DispatchRequest

logger = get_logger(__name__)


class Shutdown(bootsteps.StartStopStep):
    """SIGTERM: no more work, a grace period for what runs, then the rest is handed back."""

    requires = ("celery.worker.components:Pool", "celery.worker.components:Beat")

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self._asked, self._hurry = threading.Event(), threading.Event()

    def include_if(self, worker: Any) -> bool:
        """Where Celery's own shutdown does not do it."""
        return not issubclass(worker.pool_cls, TaskPool)

    def start(self, worker: Any) -> None:
        """Listen to the two signals, where this is a process of its own."""
        if threading.current_thread() is not threading.main_thread():
            return
        # begun now: starting a thread is more than a signal handler may do
        threading.Thread(target=self._leave, args=(worker,), daemon=True).start()
        for number in (signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, self._on_signal)

    def _on_signal(self, *_: Any) -> None:
        if self._asked.is_set():
            self._hurry.set()
        # the main loop ends when it comes round, and waits for what runs; so does the process,
        # if that is there in time
        state.should_stop = EX_OK
        self._asked.set()

    def _leave(self, worker: Any) -> None:
        self._asked.wait()
        grace = worker.app.conf.worker_soft_shutdown_timeout
        logger.warning("Shutting down: what runs has %g s to end", grace)
        self._hurry.wait(grace)
        leave(worker, EX_OK)


def leave(worker: Any, code: int) -> NoReturn:
    """Hand everything back and end this process at once, with what still runs in it."""
    state.should_stop = code
    # stopped first: a killed one would be noticed, and its run counted as lost
    _signal_children(worker, signal.SIGSTOP)
    try:
        _hand_back(worker)
    except Exception as error:
        # leases lapse, and messages come back, without our doing
        logger.warning("Not everything was handed back: %r", error)
    finally:
        _signal_children(worker, signal.SIGKILL)
        if worker.pidlock:
            worker.pidlock.release()
        logging.shutdown()
        os._exit(code)


def _hand_back(worker: Any) -> None:
    consumer = worker.consumer.task_consumer
    if consumer and (asking := consumer.channel.client.connection):
        # for messages: what is put back is not to come here once more
        asking.disconnect()
    for request in tuple(state.active_requests):
        if isinstance(request, DispatchRequest) and request.is_ours:
            request.hand_back()
    if consumer:
        qos = consumer.channel.qos
        for tag in tuple(qos._delivered):
            qos.restore_by_tag(tag)
    worker.app.dispatch.store.workers.leave("worker", worker.hostname)


def _signal_children(worker: Any, number: int) -> None:
    for pid in worker.pool.info.get("processes", ()):
        if pid != os.getpid():
            with suppress(ProcessLookupError):
                os.kill(pid, number)
