"""Ends what `dispatch up` started when `dispatch up` itself was killed.

    python -m dispatch_app.commands.watchdog

It reads from its standard input, a line of JSON whenever something changes: what is running, as
stages in the order in which they have to end, [[grace in s, [pid, ...]], ...]. When the other end
is gone, what the last line says is ended. Each process leads a process group of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

#: s between two looks at whether a process is over
_PAUSE = 0.02


def end(pids: Sequence[int], grace: float, are_over: Callable[[], bool]) -> None:
    """SIGTERM to each process; SIGKILL to what is left of their groups after `grace` s.

    Args:
        pids: leaders of process groups.
        grace: seconds for all of them together.
        are_over: whether all of them are.
    """
    for pid in pids:
        _send(os.kill, pid, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while not are_over() and time.monotonic() < deadline:
        time.sleep(_PAUSE)
    for pid in pids:
        kill_group(pid)


def kill_group(pid: int) -> None:
    """SIGKILL to what is left of a process group."""
    _send(os.killpg, pid, signal.SIGKILL)


def _send(how: Callable[[int, int], None], pid: int, number: int) -> None:
    # PermissionError is macOS' word for a group of which only zombies are left
    with contextlib.suppress(ProcessLookupError, PermissionError):
        how(pid, number)


def _are_gone(pids: Sequence[int]) -> bool:
    return not any(map(_is_there, pids))


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def main() -> None:
    """Wait for the end of standard input, then end what is left."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stages: list[tuple[float, list[int]]] = []
    for line in sys.stdin:
        stages = json.loads(line)
    for grace, pids in stages:
        end(pids, grace, partial(_are_gone, pids))


if __name__ == "__main__":
    main()
