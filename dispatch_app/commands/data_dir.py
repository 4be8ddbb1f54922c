"""The folder of an installation that `dispatch up` runs, and the lock on it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from dispatch_app.domain.errors import ConfigError

#: s that what a killed `dispatch up` left running may take to end
_LEFTOVERS = 12.0


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[int]:
    """The file descriptor of the lock on `folder`, which is made if it is not there.

    The lock lasts until every process that inherited the descriptor has ended, so no second
    server ever opens the same data.

    Raises:
        ConfigError: the folder cannot be written, or another `dispatch up` runs in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = os.open(folder / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError(
            f"dispatch.data_dir: {folder} cannot be written ({error.strerror}); "
            "set DISPATCH_DATA_DIR to another folder."
        ) from None
    try:
        _lock(file, folder)
        os.ftruncate(file, 0)
        os.pwrite(file, str(os.getpid()).encode(), 0)
        yield file
    finally:
        os.close(file)


def _lock(file: int, folder: Path) -> None:
    """Take the lock; wait for it while only leftovers of a dead process hold it."""
    deadline = time.monotonic() + _LEFTOVERS
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(file, 20, 0).decode()
            if _is_alive(holder) or time.monotonic() > deadline:
                raise ConfigError(
                    f"dispatch is already running in {folder} (process {holder}): stop it, "
                    "or set DISPATCH_DATA_DIR to another folder."
                ) from None
        time.sleep(0.1)


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True
