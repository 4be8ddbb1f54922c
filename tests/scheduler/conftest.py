"""Schedulers in this process, on a real server; tests that need a process of their own ask
`installation` for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from dispatch_app.scheduler.beat import DispatchScheduler
from tests.installation import Installation


@pytest.fixture
def scheduler(installation: Installation) -> Iterator[DispatchScheduler]:
    """A scheduler of the installation, made as `celery beat` makes it; tests call `tick`."""
    scheduler = DispatchScheduler(installation.app, lazy=True)
    scheduler.setup_schedule()
    yield scheduler
    scheduler.close()


@pytest.fixture
def tick(scheduler: DispatchScheduler) -> Callable[[], float]:
    """One look at the agenda without the sleep after it."""

    def once() -> float:
        scheduler._wakeup.sleep = lambda seconds: None  # type: ignore[method-assign]
        return scheduler.tick()

    return once
