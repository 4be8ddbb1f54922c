"""Wall clocks that tests set: libfaketime, which stands between a process and the kernel's clock.

The machine's own clock is nobody's to set, and other processes go by it. The library comes with the
package libfaketime of PyPI (for x86-64) or of a distribution; tests that need it are skipped where
there is none that works.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import psutil

#: where distributions put it, under /usr
_INSTALLED = ("lib*/faketime/libfaketime.so.1", "lib/*-linux-gnu*/faketime/libfaketime.so.1")


@cache
def library() -> Path | None:
    """The library, if there is one that works here."""
    return next(filter(_works, _candidates()), None)


def _candidates() -> Iterator[Path]:
    package = find_spec("libfaketime")
    for folder in (package and package.submodule_search_locations) or ():
        yield from Path(folder).glob("vendor/libfaketime/src/libfaketime.so.1")
    for pattern in _INSTALLED:
        yield from Path("/usr").glob(pattern)


def _works(path: Path) -> bool:
    """Whether a program that is started under this library sees the time that it is told."""
    asked = [sys.executable, "-S", "-c", "import time; print(time.time())"]
    told = {**os.environ, "LD_PRELOAD": str(path), "FAKETIME": "@2001-01-01 00:00:00"}
    shown = subprocess.run(asked, env=told, capture_output=True, text=True, timeout=30).stdout
    return shown.startswith("97")


class WrongClock:
    """The wall clock of all processes that are started with its `environ`; it may be set while
    they run. Their monotonic clock, by which they sleep, stays right.

    Args:
        folder: where its setting is kept.
        seconds: by which it is ahead.
    """

    def __init__(self, folder: Path, seconds: float = 0) -> None:
        self._file = folder / "clock"
        self.set(seconds)

    @property
    def environ(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, seconds: float, rate: float = 1) -> None:
        """Let it be so far ahead (behind, if negative), and run at this rate."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+} x{rate}")
        # at once: nobody reads half a setting
        new.replace(self._file)

    @staticmethod
    def sweep() -> None:
        """Remove what the library leaves in shared memory of processes that were killed."""
        for path in Path("/dev/shm").glob("*faketime_s[eh]m_*"):
            if not psutil.pid_exists(int(path.name.rpartition("_")[2])):
                path.unlink(missing_ok=True)
