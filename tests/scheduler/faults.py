"""Schedulers that kill their own process at the worst point, for `celery beat -S`."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from dispatch_app.scheduler.beat import DispatchScheduler


def die() -> None:
    """End as a power cut does: no handler, no farewell."""
    os.kill(os.getpid(), signal.SIGKILL)


class _Dying(DispatchScheduler):
    """Replaces one call of its store."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        agenda = self.dispatch.store.agenda
        agenda.commit = self.around(agenda.commit)  # type: ignore[method-assign]

    def around(self, commit: Callable[..., int]) -> Callable[..., int]:
        raise NotImplementedError


class BeforeCommit(_Dying):
    """Has read what is due and planned it, and has written nothing."""

    def around(self, commit):
        def dying(entries):
            die()

        return dying


class AfterCommit(_Dying):
    """Has written everything and has not heard that it is written."""

    def around(self, commit):
        def dying(entries):
            commit(entries)
            die()

        return dying


class BetweenBatches(_Dying):
    """Has written the first of several batches."""

    def around(self, commit):
        done = 0

        def dying(entries):
            nonlocal done
            if done:
                die()
            done += 1
            return commit(entries)

        return dying
