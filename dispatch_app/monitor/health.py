"""What is wrong, and what is worth knowing, in words."""

from __future__ import annotations

from dispatch_app.domain.errors import StoreUnavailable
from dispatch_app.store import Store


def check(store: Store) -> list[str]:
    """What keeps tasks from being run now, a sentence each; empty: all is well."""
    try:
        problems = store.problems()
        if not store.workers.alive("scheduler"):
            problems.append("No beat seen: start one with `celery -A dispatch_app beat`.")
        if not store.workers.alive("worker"):
            problems.append("No worker seen: start one with `celery -A dispatch_app worker`.")
    except StoreUnavailable as error:
        return [error.message]
    return problems


def notes(store: Store) -> list[str]:
    """What keeps tasks from being run because somebody wants it so, a sentence each."""
    pause = store.pauses.of_everything()
    return [f"{pause}."] if pause else []
