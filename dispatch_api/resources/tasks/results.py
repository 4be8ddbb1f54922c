"""What a task's latest run came to, and waiting for it."""

from __future__ import annotations

import time
from threading import BoundedSemaphore

import msgspec

from dispatch_app.domain.run import Failure, Run
from dispatch_app.domain.task import StoredTask
from dispatch_app.store import Store

#: Requests of one process that may wait at once; more are answered at once, so that waiting cannot
#: take all threads of a server.
_WAITERS = BoundedSemaphore(8)

#: Seconds between two looks, at first and at most.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.2


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A result as it is shown; moments and duration in ms."""

    task_id: str
    run_id: str | None = None
    status: str
    result: object = None
    error: Failure | None = None
    started_at: int | None = None
    finished_at: int | None = None
    is_final: bool

    @property
    def duration(self) -> int | None:
        """From the first start to the end, ms."""
        if self.started_at is None or self.finished_at is None:
            return None
        return self.finished_at - self.started_at


def result_of(store: Store, task_id: str) -> Result:
    """What is known now.

    Raises:
        NotFound: no such task.
    """
    run = store.runs.latest(task_id)
    return _of_task(store.tasks.get(task_id)) if run is None else _of_run(run)


def wait_for_result(store: Store, task_id: str, seconds: float) -> Result:
    """What is known as soon as it is final, at the latest after so many seconds.

    Raises:
        NotFound: no such task.
    """
    result = result_of(store, task_id)
    if result.is_final or not seconds or not _WAITERS.acquire(blocking=False):
        return result
    try:
        deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE
        while not result.is_final and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, _LONGEST_PAUSE)
            result = result_of(store, task_id)
        return result
    finally:
        _WAITERS.release()


def _of_run(run: Run) -> Result:
    return Result(
        task_id=run.task_id,
        run_id=run.id,
        status=run.status,
        result=run.result,
        error=run.error,
        started_at=run.started_at,
        finished_at=run.finished_at,
        is_final=run.is_finished,
    )


def _of_task(task: StoredTask) -> Result:
    """A task without a run; one that has ended (cancelled before its time) will never have one."""
    return Result(task_id=task.id, status=task.status, is_final=task.is_over)
