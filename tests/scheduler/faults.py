"""Schedulers that kill their own process at the worst point, for `celery beat -S`, and ticks that
do so at any line of the scheduler's code."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dispatch_app.scheduler
from dispatch_app.scheduler.beat import DispatchScheduler
from tests.installation import Installation
from tests.servers import RedisServer

_CODE = str(Path(dispatch_app.scheduler.__file__).parent)


def die() -> None:
    """End as a power cut does: no handler, no farewell."""
    os.kill(os.getpid(), signal.SIGKILL)


class _Dying(DispatchScheduler):
    """Replaces one call of its store."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        agenda = self.dispatch.store.agenda
        agenda.commit_each = self.around(agenda.commit_each)  # type: ignore[method-assign]

    def around(self, commit_each: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
        raise NotImplementedError


class BeforeCommit(_Dying):
    """Has read what is due and planned it, and has written nothing."""

    def around(self, commit_each):
        def dying(pieces, read):
            list(pieces)
            die()

        return dying


class AfterCommit(_Dying):
    """Has written everything and has not heard that it is written."""

    def around(self, commit_each):
        def dying(pieces, read):
            commit_each(pieces, read)
            die()

        return dying


class BetweenBatches(_Dying):
    """Has sent the first of several batches."""

    def around(self, commit_each):
        def dying(pieces, read):
            def only_first():
                for number, piece in enumerate(pieces):
                    if number:
                        die()
                    yield piece

            return commit_each(only_first(), read)

        return dying


def tick_that_dies(server: RedisServer, folder: Path, line: int) -> int:
    """One tick of a scheduler in a process of its own, which ends with the given line.

    Args:
        line: counts the lines that are carried out in `dispatch_app/scheduler`, from 1.

    Returns:
        What `os.waitstatus_to_exitcode` says: -9, or 0 where the tick had fewer lines.
    """
    child = os.fork()
    if child == 0:
        try:
            _tick(server, folder, line)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _tick(server: RedisServer, folder: Path, line: int) -> None:
    scheduler = DispatchScheduler(Installation(server, folder).app, lazy=True)
    scheduler._wakeup.sleep = lambda seconds: None  # type: ignore[method-assign]
    left = line

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.startswith(_CODE):
            return None
        if event == "line":
            left -= 1
            if not left:
                die()
        return trace

    sys.settrace(trace)
    scheduler.tick()
    sys.settrace(None)
