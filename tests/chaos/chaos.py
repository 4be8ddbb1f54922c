"""One run of chaos: load, faults, and what became of it."""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import redis

from dispatch_app.domain.errors import DispatchError
from dispatch_app.domain.run import FINISHED, Run
from dispatch_app.store import Store
from dispatch_app.store.runs import RunFilter
from dispatch_app.store.tasks import TaskFilter
from tests.chaos.faults import carry_out
from tests.chaos.history import History, read_ledger, violations
from tests.chaos.load import Client
from tests.chaos.plan import KINDS, Fault, plan
from tests.chaos.stack import GRACE, HEARTBEAT_S, Stack
from tests.store.books import disagreements

CLIENTS = 3
#: s after the load's end within which everything has to have come to its end
DRAIN_S = 120
#: s within which the stack has to be itself again after a fault. A message that was lost is sent
#: again after half a minute and a walk of the auditor, and later by what the clock jumps back.
RECOVERY_S = 150
#: Probes are always running somewhere: who is broken has one with some luck.
PROBES = 3
_PROBE = {
    "type": "tests.chaos.app.work", "queue": "load", "payload": {"seconds": 0.7},
    "schedule": {"type": "interval", "every": 1}, "misfire": {"policy": "run_all"},
    "max_lost": 100,
}  # fmt: skip


class Report(msgspec.Struct, kw_only=True):
    """What a run of chaos found."""

    seed: int
    seconds: float
    faults: Counter[str]
    tasks: int
    runs: int
    begun: int
    statuses: Counter[str]
    outcomes: Counter[str]
    violations: list[str]
    #: processes that did not end within their grace after SIGTERM
    killed: int
    #: (s from a fault's end until all that was due by then has finished, the fault)
    recoveries: list[tuple[float, str]]

    def __str__(self) -> str:
        return "\n".join(
            [
                f"seed {self.seed}, {self.seconds / 60:.1f} minutes of load and faults",
                f"faults injected: {self.faults.total()} ({_counts(self.faults)})",
                f"runs checked: {self.runs} of {self.tasks} tasks ({_counts(self.statuses)})",
                f"attempts: {self.begun} begun; in the history {_counts(self.outcomes)}",
                f"not ended within {GRACE} s of SIGTERM, and killed: {self.killed}",
                f"time to recover: {_recovery(self.recoveries)}",
                f"violations: {len(self.violations)}",
                *(f"  {each}" for each in self.violations[:50]),
            ]
        )


def run(
    folder: Path,
    seed: int,
    seconds: float,
    *,
    kinds: Sequence[str] = tuple(KINDS),
    pause_s: float = 0.5,
    say: Callable[[str], None] = lambda line: None,
) -> Report:
    """Start the stack, break it for so long, and judge what happened.

    Args:
        folder: empty; keeps output, ledger and data.
        seed: of faults and load.
        kinds: the faults that may come.
        pause_s: what a client waits between two things, on average.
        say: told of each fault.
    """
    stack = Stack(folder)
    try:
        stack.await_all()
        watch = _Watch(stack)
        watch.start()
        chaos = _Chaos(stack, seed, pause_s, say)
        chaos.go_on(plan(seed, seconds, stack.subjects, kinds), seconds)
        left = chaos.drain()
        watch.stop()
        return _judged(chaos, watch, seed, seconds, left)
    finally:
        stack.close()


class _Chaos:
    """The clients and the faults."""

    def __init__(self, stack: Stack, seed: int, pause_s: float, say: Callable[[str], None]) -> None:
        self.stack, self._say = stack, say
        self.clients = [
            Client(number, seed, stack.api_port, pause_s) for number in range(1, CLIENTS + 1)
        ]
        self.prober = Client(0, seed, stack.api_port, pause_s)
        self.faults: Counter[str] = Counter()
        #: a fault of a subject waits until the one before it is over, however long that took
        self._turns: dict[tuple[str, int], threading.Lock] = defaultdict(threading.Lock)
        self.recoveries: list[tuple[float, str]] = []
        self.surprises: list[str] = []
        for _ in range(PROBES):
            self.prober.create("probe", _PROBE)
        self._probes = [each.task_id for each in self.prober.acked]

    def go_on(self, faults: Sequence[Fault], seconds: float) -> None:
        """Load and faults, until all of them are over."""
        for client in self.clients:
            client.start()
        start = time.monotonic()
        threads = [threading.Thread(target=self._break, args=(fault,)) for fault in faults]
        for fault, thread in zip(faults, threads, strict=True):
            time.sleep(max(0, start + fault.at - time.monotonic()))
            self._say(f"{fault.at:7.1f} s  {fault.kind} {fault.target} for {fault.lasts:g} s")
            thread.start()
        time.sleep(max(0, start + seconds - time.monotonic()))
        for thread in threads:
            thread.join()
        for client in self.clients:
            client.stop()
            client.close()

    def drain(self) -> list[str]:
        """Wait for the end of everything; what has not come to it."""
        for task_id in self._probes:
            self.prober.cancel(task_id)
        self.prober.close()
        store, end = self.stack.installation.store, time.monotonic() + DRAIN_S
        while (left := _unfinished(store)) and time.monotonic() < end:
            time.sleep(0.5)
        self.stack.stop_tending()
        return left

    def _break(self, fault: Fault) -> None:
        self.faults[fault.kind] += 1
        start, breaking = time.monotonic(), threading.Thread(target=self._carry_out, args=(fault,))
        breaking.start()
        # without Redis nothing can go on; what only some are without, others take over meanwhile
        if KINDS[fault.kind].subject in ("redis", "api"):
            breaking.join()
            start = time.monotonic()
        try:
            took = self._recovered(start)
            breaking.join()
        except Exception as error:
            self.surprises.append(f"{fault}: {error!r}")
            return
        self.recoveries.append((took, f"{fault.kind} {fault.target}"))
        if took > RECOVERY_S:
            self.surprises.append(f"{fault}: not recovered within {RECOVERY_S} s")

    def _carry_out(self, fault: Fault) -> None:
        try:
            with self._turns[fault.subject]:
                carry_out(self.stack, fault)
        except Exception as error:
            self.surprises.append(f"{fault}: {error!r}")

    def _recovered(self, start: float) -> float:
        """Seconds from `start` until all of the probes' runs that are due by now have finished,
        and the API answers."""
        store, due = self.stack.installation.store, None
        while time.monotonic() - start <= RECOVERY_S:
            with contextlib.suppress(DispatchError):
                due = due or store.now()
                finished = all(_all_finished(store, task_id, due) for task_id in self._probes)
                if finished and self.prober.is_served():
                    break
            time.sleep(0.1)
        return time.monotonic() - start


class _Watch(threading.Thread):
    """Reads the stream: which runs have ended, and how, each time that it says so."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(name="watch", daemon=True)
        self._stack, self._stopping = stack, threading.Event()
        self.ends: list[tuple[str, str]] = []

    def run(self) -> None:
        """Until `stop`."""
        store, last = self._stack.installation.store, "0-0"
        while True:
            stopping = self._stopping.wait(0.3)
            with contextlib.suppress(DispatchError, redis.RedisError):
                while entries := store.events.after(last, 1000):
                    last = entries[-1][0]
                    self.ends += [
                        (said["run"], said["status"])
                        for _, said in entries
                        if said.get("run") and said["status"] in FINISHED
                    ]
                if stopping:
                    return

    def stop(self) -> None:
        """Read what is left, and end."""
        self._stopping.set()
        self.join(30)


def _all_finished(store: Store, task_id: str, due: int) -> bool:
    """Whether there is a run of the last second before `due`, and all up to then have ended."""
    runs = store.runs.list(RunFilter(task_id=task_id), 200).items
    until = [run for run in runs if run.scheduled_for <= due]
    there = any(run.scheduled_for > due - 1_000 for run in runs)
    return there and all(run.is_finished for run in until)


def _unfinished(store: Store) -> list[str]:
    """What has not come to its end."""
    try:
        agenda = store.client.zrange(store.keys.agenda(), 0, 20)
        left = [
            f"run {run.id} is {run.status}: {run.reason}"
            for status in ("queued", "running", "retrying", "waiting")
            for run in store.runs.list(RunFilter(status=status), 20).items
        ]
    except (DispatchError, redis.RedisError) as error:
        return [f"Redis: {error}"]
    return [*(f"on the agenda: {member}" for member in agenda), *left]


def _judged(chaos: _Chaos, watch: _Watch, seed: int, seconds: float, left: Sequence[str]) -> Report:
    store = chaos.stack.installation.store
    runs = _all_runs(store)
    acked = [each for client in chaos.clients for each in client.acked]
    ledger = read_ledger(chaos.stack.ledger)
    history = History(acked=acked, runs=runs, ledger=ledger, ends=watch.ends, stored=_stored(store))
    found = [
        *(f"I4, I6: {each} at the end" for each in left),
        *violations(history),
        *(f"books: {each}" for each in disagreements(store)),
        *(each for client in chaos.clients for each in client.surprises),
        *(each for service in chaos.stack.services for each in service.surprises),
        *chaos.surprises,
    ]
    each_run = [run for runs_of in runs.values() for run in runs_of]
    return Report(
        seed=seed,
        seconds=seconds,
        faults=chaos.faults,
        tasks=len(runs),
        runs=len(each_run),
        begun=sum(note.what == "begin" for note in ledger),
        statuses=Counter(run.status for run in each_run),
        outcomes=Counter(attempt.outcome for run in each_run for attempt in run.attempts),
        violations=found,
        killed=sum(service.killed for service in chaos.stack.services),
        recoveries=chaos.recoveries,
    )


def _all_runs(store: Store) -> dict[str, list[Run]]:
    found, cursor = defaultdict(list), None
    while True:
        page = store.runs.list(RunFilter(), 500, cursor)
        for run in page.items:
            found[run.task_id].append(run)
        cursor = page.next
        if cursor is None:
            return found


def _stored(store: Store) -> dict[int, list[str]]:
    found, cursor = defaultdict(list), None
    while True:
        page = store.tasks.list(TaskFilter(), 500, cursor)
        for task in page.items:
            found[task.definition.metadata.get("n", 0)].append(task.id)
        cursor = page.next
        if cursor is None:
            return found


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{what} {times}" for what, times in sorted(counter.items()))


def _recovery(recoveries: Sequence[tuple[float, str]]) -> str:
    if not recoveries:
        return "no fault"
    worst, what = max(recoveries)
    median = statistics.median(took for took, _ in recoveries)
    return (
        f"median {median:.1f} s, worst {worst:.1f} s ({what}), of a heartbeat of {HEARTBEAT_S:g} s"
    )
