"""Wall clocks that tests set: libfaketime, which stands between a process and the kernel's clock.

The machine's own clock is nobody's to set, and other processes go by it. Debian has the library in
its package `faketime`; tests that need it are skipped where it is not.
"""

from __future__ import annotations

from pathlib import Path

import psutil

#: None: this machine does not have it.
LIBRARY = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)


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
            "LD_PRELOAD": str(LIBRARY),
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
