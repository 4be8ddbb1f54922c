"""An installation on a real server and a Celery app of its own; nothing of it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
import pytest
from celery import Celery

from dispatch_app.config import load
from dispatch_app.dispatch import Dispatch


@pytest.fixture
def dispatch(redis_url: str) -> Iterator[Dispatch]:
    app = Celery("tests", set_as_current=False)
    dispatch = Dispatch(app, load(environ={"REDIS_URL": redis_url}), default_queue="default")
    yield dispatch
    dispatch.store.close()
    app.close()


@pytest.fixture
def sent(dispatch: Dispatch) -> Callable[..., list[str]]:
    """Ids of the runs whose messages lie on a queue, the one that is taken first at the front.

    `step` is kombu's priority step: `sent("default", step=3)`.
    """

    def sent(queue: str = "default", step: int | None = 6) -> list[str]:
        key = f"{queue}\x06\x16{step}" if step else queue
        messages = dispatch.store.client.lrange(key, 0, -1)
        return [msgspec.json.decode(text)["headers"]["id"] for text in reversed(messages)]

    return sent
