"""A Celery app as a user's, with the built-in tasks and nothing else of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery

import dispatch_app.builtin  # noqa: F401 - registers the tasks
from tests.builtin.mail import Mail, mail_server


@pytest.fixture
def app() -> Celery:
    return Celery("theirs", set_as_current=False)


@pytest.fixture
def run(app: Celery) -> Callable[..., Any]:
    """`run("http", url=...)` runs a task here as a worker would; returns or raises what it does."""

    def run(name: str, task_id: str | None = None, **payload: Any) -> Any:
        return app.tasks[name].apply(kwargs=payload, task_id=task_id, throw=True).result

    return run


@pytest.fixture
def mail(app: Celery) -> Iterator[Mail]:
    """The app's mail server, without TLS and login."""
    with mail_server() as mail:
        app.conf.dispatch_smtp_url = mail.url()
        yield mail
