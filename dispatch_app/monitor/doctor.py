"""What a look at the whole installation shows beyond whether it is up: runs that nobody takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from dispatch_app.domain.run import Run
from dispatch_app.store import Store
from dispatch_app.store.runs import RunFilter

#: Queued runs that are looked at, the youngest.
_MOST = 500


def complaints(store: Store) -> list[str]:
    """Why queued runs wait, where it is not for their turn, a sentence each.

    Raises:
        StoreUnavailable: Redis is away.
    """
    runs = store.runs.list(RunFilter(status="queued"), _MOST).items
    return [*_of_queues(store, runs), *_of_types(store, runs)]


def _of_queues(store: Store, runs: list[Run]) -> Iterator[str]:
    alive = store.workers.alive("worker").values()
    if not alive:
        return  # that is said already
    served = {queue for info in alive for queue in info.get("queues", ())}
    for queue, count in _counted(run.definition.queue for run in runs):
        if queue not in served:
            yield (
                f"No worker consumes the queue {queue!r}, on which {_runs(count)} queued: start "
                f"one with -Q {queue}."
            )


def _of_types(store: Store, runs: list[Run]) -> Iterator[str]:
    known = {each.name for each in store.types.all()}
    for name, count in _counted(run.definition.type for run in runs):
        if name not in known:
            yield (
                f"No worker knows the type {name!r}, of which {_runs(count)} queued: start one "
                "that has it (DISPATCH_IMPORTS)."
            )


def _counted(names: Iterator[str]) -> list[tuple[str, int]]:
    return sorted(Counter(names).items())


def _runs(count: int) -> str:
    return "one run is" if count == 1 else f"{count} runs are"
