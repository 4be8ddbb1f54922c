"""What is wrong, and what is worth knowing, in words."""

from __future__ import annotations

from collections.abc import Set

from dispatch_app.domain.errors import StoreUnavailable
from dispatch_app.store import Store
from dispatch_app.store.runs import RunFilter

#: Queued runs that are looked at, the youngest.
_MOST = 500


def check(store: Store) -> list[str]:
    """What keeps tasks from being run now, a sentence each; empty: all is well."""
    try:
        problems, misfits = store.problems(), store.misfits()
        if misfits:
            return problems + misfits
        if not store.workers.alive("scheduler"):
            problems.append("No beat seen: start one with `celery -A dispatch_app beat`.")
        if not store.workers.alive("worker"):
            problems.append("No worker seen: start one with `celery -A dispatch_app worker`.")
    except StoreUnavailable as error:
        return [error.message]
    return problems


def notes(store: Store) -> list[str]:
    """What is worth knowing although all that is needed is there, a sentence each: that somebody
    wants no task to be run, that a worker takes nothing."""
    pause = store.pauses.of_everything()
    return [f"{pause}."] if pause else idle_workers(store)


def idle_workers(store: Store, patience: int = 60_000) -> list[str]:
    """Which workers take nothing although they could, a sentence each: what they serve has had runs
    for longer than `patience` ms, and for as long they have had a free slot and started nothing.

    Raises:
        StoreUnavailable: Redis is away.
    """
    idle = {
        name: info
        for name, info in store.workers.alive("worker").items()
        if info.get("idle_for", 0) > patience
    }
    ready = _ready(store, patience) if idle else frozenset()
    return [
        f"The worker {name} has a free slot and takes nothing from the queue {queue!r}, where runs "
        f"have been ready for more than {patience // 1000} s: restart it."
        for name, info in sorted(idle.items())
        for queue in info.get("queues", ())
        if queue in ready
    ]


def _ready(store: Store, patience: int) -> Set[str]:
    """Queues with runs that have waited for so long, and for nothing but a worker."""
    since = store.now() - patience
    runs = [
        run
        for run in store.runs.list(RunFilter(status="queued", before=since), _MOST).items
        if run.reason is None and (run.queued_at or 0) <= since
    ]
    # the message of one that is replayed at a rate, or was lost, is yet to be sent
    unsent = store.runs.unsent([run.id for run in runs])
    return {run.definition.queue for run in runs if run.id not in unsent}
