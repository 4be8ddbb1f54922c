"""A real `celery beat` that has next to nothing to do: a task a second among many that are not due.

Measured from the due moment to the message that is popped from its queue, for a minute; what its
process took of a processor meanwhile; and its start. Yardsticks: celery's own beat with a thousand
idle entries, at the same time; and for what must not grow, the same with a thousand tasks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from statistics import median
from typing import NamedTuple

import psutil

from dispatch_app.domain.schedule import Interval
from dispatch_app.domain.task import Misfire
from tests.bench.place import Place, percentile
from tests.bench.rows import Goal, Row
from tests.installation import Installation
from tests.processes import BeatProcess

SIZES = (1_000, 100_000, 1_000_000)
#: Where the messages of the task go, as kombu names it.
QUEUE, BARE_QUEUE = "punctual\x06\x166", "bare"


class Minute(NamedTuple):
    """What was seen of a beat."""

    #: ms from each due moment to its message
    late: list[float]
    #: percent of one processor
    cpu: float
    #: seconds
    start: float

    @property
    def drift(self) -> float:
        """How much later the last third came than the first, ms."""
        third = len(self.late) // 3
        return median(self.late[-third:]) - median(self.late[:third])


def measure(place: Place) -> Iterator[Row]:
    """Among a thousand, a hundred thousand, a million."""
    first: Minute | None = None
    for size in SIZES:
        stock = place.stock(size)
        ours, bare = _minute(place, stock.installation)
        yield from _lateness(f"{stock.tasks:,}", ours, bare)
        first = first or ours
        yield from _costs(f"{stock.tasks:,}", ours, first)


def _lateness(among: str, ours: Minute, bare: Minute) -> Iterator[Row]:
    name, against = f"beat, one a second among {among}", "celery's own beat"
    for percent, goal in ((50, None), (99, Goal("value", "<", 10))):
        yield Row(
            name=f"{name}: lateness p{percent}",
            value=percentile(ours.late, percent),
            unit="ms",
            against=against,
            yardstick=percentile(bare.late, percent),
            goal=goal,
        )
    yield Row(
        name=f"{name}: drift",
        value=ours.drift,
        unit="ms",
        against=against,
        yardstick=bare.drift,
        goal=Goal("value", "<", 2),
    )


def _costs(among: str, ours: Minute, first: Minute) -> Iterator[Row]:
    name = f"beat, one a second among {among}"
    for what, value, unit, yardstick in (
        ("processor", ours.cpu, "%", first.cpu),
        ("start", ours.start, "s", first.start),
    ):
        yield Row(
            name=f"{name}: {what}",
            value=value,
            unit=unit,
            against="" if ours is first else "among a thousand",
            yardstick=None if ours is first else yardstick,
            goal=None if ours is first else Goal("ratio", "<", 1.5),
        )


def _minute(place: Place, installation: Installation) -> tuple[Minute, Minute]:
    """Ours and celery's own, at the same time on the same server."""
    number = 3 if place.quick else 60
    starts = [_start(place, installation) for _ in place.rounds(3)]
    bare_beat = place.process(_bare_beat(place, installation))
    beat = place.process(installation.beat(app="dispatch_app"))
    begin = installation.store.now() // 1000 * 1000 + 3_000
    task_id = installation.create(
        "echo",
        queue="punctual",
        schedule=Interval(every=1_000, start_time=begin, max_runs=number),
        misfire=Misfire(policy="run_all"),
    )
    watches = [_Watch(installation, QUEUE, number), _Watch(installation, BARE_QUEUE, number)]
    took, bare_took = _Took(beat), _Took(bare_beat)
    arrivals, bare_arrivals = (watch.arrivals() for watch in watches)
    ours = Minute(
        [at - begin - n * 1000 for n, at in enumerate(arrivals)], took.percent(), median(starts)
    )
    bare = Minute(_late_since_its_start(bare_arrivals), bare_took.percent(), 0)
    for process in (beat, bare_beat):
        process.remove()
    installation.dispatch.store.tasks.purge(task_id)
    return ours, bare


def _late_since_its_start(arrivals: list[float]) -> list[float]:
    """What celery's own beat counts from is its own: its most punctual message of the first five
    is on time by definition."""
    late = [at - n * 1000 for n, at in enumerate(arrivals)]
    return [at - min(late[:5]) for at in late]


def _start(place: Place, installation: Installation) -> float:
    """Seconds until a new beat is known to the store."""
    began = time.perf_counter()
    beat = installation.beat(app="dispatch_app")
    taken = time.perf_counter() - began
    beat.kill("SIGTERM")
    beat.wait()
    return taken


def _bare_beat(place: Place, installation: Installation) -> BeatProcess:
    folder = place.new_folder()
    environ = {**installation.environ, "BENCH_IDLE": "1000"}
    return BeatProcess("bare", "tests.bench.bare_app", folder, environ, "-s", str(folder / "plan"))


class _Watch:
    """Notes when messages come to a queue, in a thread of its own that waits for nothing else."""

    def __init__(self, installation: Installation, queue: str, number: int) -> None:
        self._client = installation.server.client(socket_timeout=30)
        self._queue, self._number = queue, number
        self._client.delete(queue)
        self._seen: list[float] = []
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def arrivals(self) -> list[float]:
        """Moments in ms, when all have come."""
        self._thread.join()
        self._client.close()
        assert len(self._seen) == self._number, f"{len(self._seen)} of {self._number} messages"
        return self._seen

    def _watch(self) -> None:
        while len(self._seen) < self._number and self._client.brpop(self._queue, 20):
            self._seen.append(time.time() * 1000)


class _Took:
    """The processor time of a process from now on."""

    def __init__(self, process: BeatProcess) -> None:
        self._process = psutil.Process(process.pid)
        self._began, self._before = time.monotonic(), self._seconds()

    def percent(self) -> float:
        """Of one processor."""
        return 100 * (self._seconds() - self._before) / (time.monotonic() - self._began)

    def _seconds(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)
