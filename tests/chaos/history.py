"""What must be true of what happened, whatever was broken meanwhile.

The ledger is what the functions wrote, outside of the system; `acked` is what the API's clients
were told; `runs` is the system's own history; `ends` are the ends of runs that its stream named.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec

from dispatch_app.domain.run import FINISHED, Run


class Note(NamedTuple):
    """A line of the ledger: what, of which attempt of which run, under which lease, when (s)."""

    what: str
    run: str
    attempt: int
    token: str
    at: float


class Acked(msgspec.Struct, kw_only=True):
    """A task that a client was told is stored, and what has to become of it."""

    n: int
    kind: str
    task_id: str
    #: how its runs may end
    ends: tuple[str, ...] = ("succeeded",)
    #: ms; each has exactly one run; None: one run, at whatever moment
    moments: tuple[int, ...] | None = None
    #: a client was told that it is cancelled
    is_cancelled: bool = False
    #: its code is never begun twice
    at_most_once: bool = False
    #: attempts that raise, and those that are lost, before it is given up; None: no matter
    failures: int | None = None
    lost: int | None = None


class History(msgspec.Struct, kw_only=True):
    """Everything that is known at the end."""

    acked: Sequence[Acked]
    #: by task
    runs: dict[str, list[Run]]
    ledger: Sequence[Note]
    #: (run, status) of each entry of the stream that says that a run has finished
    ends: Sequence[tuple[str, str]]
    #: ids of all stored tasks by the number that their client gave them
    stored: dict[int, list[str]]


def read_ledger(path: Path) -> list[Note]:
    """The lines of the ledger, in order."""
    lines = (line.split() for line in path.read_text().splitlines())
    return [Note(what, run, int(n), token, float(at)) for what, run, n, token, at in lines]


def violations(history: History) -> Iterator[str]:
    """Every way in which what happened is not what was promised, a sentence each."""
    yield from _stored(history)
    for acked in history.acked:
        yield from _of_task(acked, history.runs.get(acked.task_id, []))
    lines: dict[str, list[Note]] = defaultdict(list)
    for note in history.ledger:
        lines[note.run].append(note)
    at_most_once = {each.task_id for each in history.acked if each.at_most_once}
    known = set()
    for runs in history.runs.values():
        for run in runs:
            known.add(run.id)
            yield from _of_run(run, lines.get(run.id, []))
            if run.task_id in at_most_once and _begins(lines.get(run.id, [])) > 1:
                yield f"at most once: run {run.id} was begun {_begins(lines[run.id])} times"
    for run_id in lines.keys() - known:
        yield f"I2: run {run_id} has begun and is in no history"
    yield from _ends(history)


def _stored(history: History) -> Iterator[str]:
    """I7: what was told is stored is there, once, however often its client had to ask."""
    for acked in history.acked:
        found = history.stored.get(acked.n, [])
        if acked.task_id not in found:
            yield f"I7: task {acked.task_id} ({acked.kind}) was stored and is gone"
        if len(found) > 1:
            yield f"I7: one request ({acked.kind}) with one key has stored {found}"


def _of_task(acked: Acked, runs: Sequence[Run]) -> Iterator[str]:
    """I1: each moment has one run, which ended as it should."""
    what = f"task {acked.task_id} ({acked.kind})"
    moments = Counter(run.scheduled_for for run in runs)
    for moment, times in moments.items():
        if times > 1:
            yield f"I1: {what} has {times} runs for {moment}"
    if not acked.is_cancelled:
        if acked.moments is None and len(runs) != 1:
            yield f"I1: {what} has {len(runs)} runs, not 1"
        for moment in sorted(set(acked.moments or ()) - set(moments)):
            yield f"I1: {what} has no run for {moment}"
    for moment in sorted(set(moments) - set(acked.moments or moments)):
        yield f"I1: {what} has a run for {moment}, which is none of its moments"
    yield from _as_expected(acked, runs, what)


def _as_expected(acked: Acked, runs: Sequence[Run], what: str) -> Iterator[str]:
    for run in runs:
        if run.status not in acked.ends:
            ends = " or ".join(acked.ends)
            yield f"{what}: run {run.id} is {run.status}, not {ends}: {run.error}"
        if run.status == "failed" and acked.failures not in (None, run.failures):
            yield f"{what}: run {run.id} failed {run.failures} times, not {acked.failures}"
        if run.status == "failed" and acked.lost not in (None, run.lost):
            yield f"{what}: run {run.id} was lost {run.lost} times, not {acked.lost}"


def _of_run(run: Run, lines: Sequence[Note]) -> Iterator[str]:
    """I3, I4, I5: each start of the code has its attempt in the history, and attempts do not
    overlap but where one was lost or taken away."""
    if run.status not in FINISHED:
        yield f"I4: run {run.id} is {run.status} for ever"
    closed = Counter(attempt.number for attempt in run.attempts if attempt.outcome != "running")
    # of an attempt that was handed back more than once the history keeps the last time
    again = {attempt.number for attempt in run.attempts if attempt.outcome == "handed_back"}
    begun = Counter(line.attempt for line in lines if line.what == "begin")
    for number, times in begun.items():
        if times > closed[number] and number not in again:
            yield (
                f"I3: attempt {number} of run {run.id} was begun {times} times; its history knows "
                f"{closed[number]}"
            )
    if run.status == "succeeded":
        yield from _of_success(run, lines)
    yield from _overlaps(run, lines)


def _of_success(run: Run, lines: Sequence[Note]) -> Iterator[str]:
    succeeded = [a.number for a in run.attempts if a.outcome == "succeeded"]
    if succeeded != [run.attempt]:
        yield f"I5: run {run.id} succeeded in attempts {succeeded}, its last is {run.attempt}"
    if run.result != run.attempt:
        yield f"I3: run {run.id} has the result of attempt {run.result}, not of {run.attempt}"
    if not any(line.what == "end" and line.attempt == run.attempt for line in lines):
        yield f"I1: run {run.id} succeeded, but its code has not come to its end"


def _overlaps(run: Run, lines: Sequence[Note]) -> Iterator[str]:
    outcomes = defaultdict(set)
    for attempt in run.attempts:
        outcomes[attempt.number].add(attempt.outcome)
    ends = {(line.attempt, line.token): line.at for line in lines if line.what == "end"}
    begins = sorted((line.at, line.attempt, line.token) for line in lines if line.what == "begin")
    for (_, number, token), (later, follower, _) in pairwise(begins):
        # a worker that was frozen before its code began may begin after the next attempt has
        taken_away = outcomes[min(number, follower)] & {"lost", "cancelled", "handed_back"}
        if ends.get((number, token), later) > later and not taken_away:
            yield f"I3: attempts {number} and {follower} of run {run.id} ran at the same time"


def _ends(history: History) -> Iterator[str]:
    """I5: a finished run stays finished."""
    last = {run.id: run.status for runs in history.runs.values() for run in runs}
    seen: dict[str, list[str]] = defaultdict(list)
    for run_id, status in history.ends:
        seen[run_id].append(status)
    for run_id, statuses in seen.items():
        if len(statuses) > 1:
            yield f"I5: run {run_id} has ended {len(statuses)} times: {', '.join(statuses)}"
        if run_id in last and last[run_id] != statuses[-1]:
            yield f"I5: run {run_id} was {statuses[-1]} and is {last[run_id]}"


def _begins(lines: Iterable[Note]) -> int:
    return sum(line.what == "begin" for line in lines)
