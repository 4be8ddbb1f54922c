"""Celery's result API over our runs: `AsyncResult(run_id)` answers with a run's state and result.

It is the result backend only where the app has none of its own. It stores nothing: the worker
writes a run's result by its lease. For a task that the app's own code sent there is nothing to
answer with, and it says so as Celery's disabled backend does.
"""

from __future__ import annotations

import time
from typing import Any

from celery import states
from celery.backends.base import DisabledBackend
from celery.exceptions import TimeoutError as CeleryTimeoutError

from dispatch_app.domain.errors import NotFound
from dispatch_app.domain.run import Run

STATES = {
    "waiting": states.PENDING,
    "queued": states.PENDING,
    "running": states.STARTED,
    "retrying": states.RETRY,
    "succeeded": states.SUCCESS,
    "failed": states.FAILURE,
    "cancelled": states.REVOKED,
    "expired": states.REVOKED,
    "skipped": states.REVOKED,
}


class RunBackend(DisabledBackend):
    """Reads runs; for anything else it is Celery's disabled backend."""

    def get_task_meta_for(self, task_id: str) -> dict[str, Any]:
        """Celery's description of a run."""
        return self._meta(task_id)

    get_task_meta = get_task_meta_for

    def get_state(self, task_id: str) -> str:
        """Celery's name for the state of a run."""
        return str(self._meta(task_id)["status"])

    get_status = get_state

    def get_result(self, task_id: str) -> Any:
        """The result of a run, or its exception."""
        return self._meta(task_id)["result"]

    def get_traceback(self, task_id: str) -> str | None:
        """The traceback of a failed run."""
        return self._meta(task_id)["traceback"]

    def wait_for_pending(self, result: Any, **options: Any) -> Any:
        """Wait until the run of an AsyncResult has finished (`AsyncResult.get`)."""
        meta = self.wait_for(result.id, **options)
        result._maybe_set_cache(meta)
        return result.maybe_throw(propagate=options.get("propagate", True))

    def wait_for(
        self, task_id: str, timeout: float | None = None, interval: float = 0.5, **_: Any
    ) -> dict[str, Any]:
        """A run's description once it has finished.

        Raises:
            celery.exceptions.TimeoutError: it has not after `timeout` seconds.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            meta = self._meta(task_id)
            if meta["status"] in states.READY_STATES:
                return meta
            if end is not None and time.monotonic() >= end:
                raise CeleryTimeoutError("The operation timed out.")
            time.sleep(interval)

    def _meta(self, task_id: str) -> dict[str, Any]:
        try:
            run = self.app.dispatch.store.runs.get(task_id)
        except NotFound:
            self._is_disabled()
        state = STATES[run.status]
        return {
            "task_id": task_id,
            "status": state,
            "result": self._result(run, state),
            "traceback": run.error.traceback if run.error else None,
            "children": [],
            "date_done": run.finished_at,
            "name": run.definition.type,
            "retries": run.failures,
        }

    def _result(self, run: Run, state: str) -> Any:
        if state == states.REVOKED:
            return self.exception_to_python(
                {"exc_type": "TaskRevokedError", "exc_message": [run.reason or run.status],
                 "exc_module": "celery.exceptions"}
            )  # fmt: skip
        if run.error is None:
            return run.result
        module, _, name = run.error.type.rpartition(".")
        return self.exception_to_python(
            {
                "exc_type": name,
                "exc_message": [run.error.message],
                "exc_module": module or "builtins",
            }
        )
