"""Where measurements are taken: servers of their own, installations on them, and their sizes."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.seeding import Stock, stock
from tests.installation import Installation
from tests.processes import LocalProcess
from tests.servers import RedisServer

#: The heartbeat that an installation has unless it is told otherwise; tests have a faster one.
USUAL = {"SCHEDULER_HEARTBEAT_INTERVAL": "5s"}


class Place:
    """What the measurements of one run share.

    Args:
        folder: for servers and the output of processes.
        quick: everything a hundred times smaller, to see that it works.
    """

    def __init__(self, folder: Path, *, quick: bool) -> None:
        self.folder, self.quick = folder, quick
        self._ending, self._numbers = ExitStack(), count(1)
        self._stocks: dict[int, Stock] = {}

    def size(self, number: int) -> int:
        """So many, or a hundredth of it."""
        return max(10, number // 100) if self.quick else number

    def rounds(self, number: int) -> range:
        """How often ours and the yardstick take turns."""
        return range(1 if self.quick else number)

    def server(self) -> RedisServer:
        """An empty server that ends with the run."""
        server = RedisServer(self.new_folder(), server="valkey")
        self._ending.callback(server.stop)
        return server

    def installation(self, server: RedisServer | None = None, **environ: str) -> Installation:
        """An installation, whose processes end with the run."""
        settings = {**USUAL, **environ}
        installation = Installation(server or self.server(), self.new_folder(), **settings)
        self._ending.callback(installation.close)
        return installation

    def process(self, process: LocalProcess) -> LocalProcess:
        """A process that is ready, and ends with the run."""
        self._ending.callback(process.remove)
        process.ready()
        return process

    def new_folder(self) -> Path:
        """An empty folder."""
        folder = self.folder / str(next(self._numbers))
        folder.mkdir()
        return folder

    def stock(self, tasks: int) -> Stock:
        """An installation with so many tasks that are not due; several rows look at it."""
        if tasks not in self._stocks:
            self._stocks[tasks] = stock(self.installation(), self.size(tasks))
        return self._stocks[tasks]

    def close(self) -> None:
        """End all that runs."""
        self._ending.close()


def seconds(call: Callable[[], Any]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def in_turns(rounds: range, *measures: Callable[[], float]) -> list[float]:
    """The median of each, taken in turns: what else the machine does hits them alike."""
    taken = [[measure() for measure in measures] for _ in rounds]
    return [median(column) for column in zip(*taken, strict=True)]


def percentile(values: list[float], percent: int) -> float:
    """The value that so many percent of them do not exceed."""
    return sorted(values)[ceil(len(values) * percent / 100) - 1]
