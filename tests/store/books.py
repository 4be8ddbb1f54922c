"""The books of a whole store: listings, leases, agenda, pauses, counters agree with the records.

The rules as data for whoever has done something to a store: the property over rows of calls
(test_life.py) asks after every call, tests of real processes when all has come to rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from dispatch_app.domain.errors import CorruptRecord
from dispatch_app.domain.run import FINISHED
from dispatch_app.store import Store
from dispatch_app.store.codec import decode_task, listings_of
from tests.store.scene import State, member, state_of

Records = dict[str, dict[str, str]]


def disagreements(store: Store, keep: int | None = None) -> list[str]:
    """What is at odds, a line each; empty: all agrees.

    It is read in pieces, so that whoever changes the store meanwhile is seen half way.

    Args:
        keep: most finished runs of a task, if that is to be checked.
    """
    return disagreements_in(state_of(store), keep)


def disagreements_in(state: State, keep: int | None = None) -> list[str]:
    """The same of a state that was read already."""
    books = Books(state)
    return [
        *books.damaged,
        *books.listings(),
        *books.retention(keep),
        *books.letters(),
        *books.leases(),
        *books.agenda_of_runs(),
        *books.agenda_of_tasks(),
        *books.pauses(),
        *books.overlaps(),
        *books.counters(),
    ]


class Books:
    """What is stored, and by the name of each book what is wrong in it."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.tasks, self.runs = records(state, "task:"), records(state, "run:")
        self.status = {run_id: run.get("status", "") for run_id, run in self.runs.items()}
        self.agenda = {**state.get("agenda", {}), **self._held()}
        self.damaged: list[str] = []
        self.definitions = self._definitions()

    def listings(self) -> Iterator[str]:
        """Every record stands in its listings, and nothing else does."""
        expected: dict[str, set[str]] = {}
        for listing, name in (*self._places_of_tasks(), *self._places_of_runs()):
            expected.setdefault(listing, set()).add(name)
        kinds = ("runs", "tasks", "done", "skips", "dead")
        found = {key: set(v) for key, v in self.state.items() if key.split(":")[0] in kinds}
        for key in sorted(expected.keys() | found.keys()):
            yield from _differ(f"listing {key}", found.get(key), expected.get(key))

    def retention(self, keep: int | None) -> Iterator[str]:
        """No finished run is listed twice, and of none are more kept than may be."""
        for key, ids in self.state.items():
            if key.startswith("done:"):
                if len(ids) != len(set(ids)):
                    yield f"{key} has a run twice"
                if keep is not None and len(ids) > keep:
                    yield f"{key} has {len(ids)} runs, more than {keep}"

    def letters(self) -> Iterator[str]:
        """A dead letter has failed."""
        letters = {run_id for run_id, run in self.runs.items() if "died" in run}
        yield from _differ("dead letters", letters - self.those("failed"), ())

    def leases(self) -> Iterator[str]:
        """A run has a lease if and only if it is running."""
        yield from _differ("leases", self.state.get("leases"), self.those("running"))

    def agenda_of_runs(self) -> Iterator[str]:
        """A retry has its moment; nothing waits for a run that has moved on."""
        waiting = self._due("r:")
        yield from _differ("retries without a moment", self.those("retrying") - waiting.keys(), ())
        sendable = self.those("retrying", "queued")
        yield from _differ("messages that nobody awaits", waiting.keys() - sendable, ())
        # too late to start: until it has started; asked to end: until it has
        startable = self.those("waiting", "queued")
        yield from _differ("ends of what has begun", self._due("x:").keys() - startable, ())
        asked = {name for name in self.those("running") if "cancel" in self.runs[name]}
        yield from _differ("graces of runs that are asked to end", self._due("k:"), asked)

    def agenda_of_tasks(self) -> Iterator[str]:
        """I6: a task is on the agenda or held, at its next moment, if and only if it is
        scheduled."""
        expected = {
            (task_id, int(task["next"]))
            for task_id, task in self.tasks.items()
            if task.get("status") == "scheduled"
        }
        yield from _differ("moments of tasks", self._due("t:").items(), expected)

    def pauses(self) -> Iterator[str]:
        """What is held is held by one pause, and by nothing else; in a scope that is paused, or is
        put before the schedulers to be released."""
        agenda, paused = self.state.get("agenda", {}), self.state.get("paused", {})
        seen: set[str] = set()
        for scope, members in records(self.state, "held:").items():
            if (scope in paused) is (f"h:{scope}" in agenda):
                yield f"{scope} is both paused and released, or neither"
            yield from _differ(
                f"held by {scope} and elsewhere", members.keys() & (agenda.keys() | seen), ()
            )
            yield from _differ(f"held by {scope}", members, self._marked(scope))
            seen |= members.keys()
        yield from _differ("held by a pause", seen, self._marked())

    def overlaps(self) -> Iterator[str]:
        """Under an overlap policy the open runs of a task are known, and what waits for them
        waits for something."""
        for task_id, task in self.tasks.items():
            waiting = self.those("waiting", of=task_id)
            open_ = self.those("queued", "running", "retrying", of=task_id)
            yield from _differ(f"waiting:{task_id}", self.state.get(f"waiting:{task_id}"), waiting)
            expected = open_ if "books" in task else ()
            yield from _differ(f"open:{task_id}", self.state.get(f"open:{task_id}"), expected)
            if waiting and not open_:
                yield f"runs of {task_id} wait for nothing: {_names(waiting)}"
        with_message = {name for name, run in self.runs.items() if "message" in run}
        yield from _differ("messages of runs that wait", with_message, self.those("waiting"))

    def counters(self) -> Iterator[str]:
        """What was made has ended, or is there."""
        for task_id, task in self.tasks.items():
            made = int(task.get("n:runs", 0))
            ended = sum(int(task.get(f"n:{status}", 0)) for status in FINISHED - {"skipped"})
            there = len(self.those("waiting", "queued", "running", "retrying", of=task_id))
            if made != ended + there:
                yield f"{task_id} made {made} runs: {ended} have ended, {there} have not"

    def those(self, *statuses: str, of: str | None = None) -> set[str]:
        """Runs in one of these states (of one task)."""
        return {
            run_id
            for run_id, status in self.status.items()
            if status in statuses and of in (None, self.runs[run_id].get("task"))
        }

    def _definitions(self) -> dict[str, Any]:
        found = {}
        for task_id, task in self.tasks.items():
            try:
                found[task_id] = decode_task(task.get("def"))
            except CorruptRecord as error:
                self.damaged.append(f"task {task_id}: {error}")
        return found

    def _places_of_tasks(self) -> Iterator[tuple[str, str]]:
        for task_id, definition in self.definitions.items():
            task = self.tasks[task_id]
            name = member(task_id, int(task["created"]))
            for listing in ("tasks", f"tasks:status:{task['status']}", *listings_of(definition)):
                yield listing, name

    def _places_of_runs(self) -> Iterator[tuple[str, str]]:
        for run_id, run in self.runs.items():
            status, task_id = self.status[run_id], run.get("task", "")
            yield "runs", run_id
            yield f"runs:status:{status}", run_id
            yield f"runs:type:{run.get('type')}", run_id
            yield f"runs:task:{task_id}", run_id
            if f"backfill:{run.get('backfill')}" in self.state:
                yield f"runs:backfill:{run['backfill']}", run_id
            if status == "skipped":
                yield f"skips:{task_id}", run_id
            elif "died" in run:
                letter = f"{int(run['died']):013d}~{run_id}"
                yield "dead", letter
                yield f"dead:type:{run.get('type')}", letter
                yield f"dead:task:{task_id}", letter
            elif status in FINISHED:
                yield f"done:{task_id}", run_id

    def _held(self) -> dict[str, int]:
        held = records(self.state, "held:").values()
        return {name: at for members in held for name, at in members.items()}

    def _marked(self, scope: str | None = None) -> set[str]:
        """Members whose record says that a pause (of this scope) holds them."""
        kinds = (("t:", self.tasks), ("r:", self.runs))
        return {
            f"{kind}{name}"
            for kind, found in kinds
            for name, record in found.items()
            if "held" in record and scope in (None, record["held"])
        }

    def _due(self, kind: str) -> dict[str, int]:
        """What is on the agenda or held of this kind: its id -> its moment."""
        return {name[2:]: due for name, due in self.agenda.items() if name.startswith(kind)}


def records(state: State, prefix: str) -> Any:
    """The values of all keys that begin so, by the rest of their name."""
    return {key.removeprefix(prefix): v for key, v in state.items() if key.startswith(prefix)}


def _differ(what: str, found: Iterable[Any] | None, expected: Iterable[Any] | None) -> list[str]:
    there, wanted = set(found or ()), set(expected or ())
    lines = []
    if there - wanted:
        lines.append(f"{what}: does not belong there: {_names(there - wanted)}")
    if wanted - there:
        lines.append(f"{what}: is missing: {_names(wanted - there)}")
    return lines


def _names(found: Iterable[Any]) -> str:
    """A few of them, and how many there are."""
    names = sorted(map(str, found))
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
