"""The verbs that API, commands and beat share: decide (domain), render, write once (store)."""

from __future__ import annotations

from typing import Protocol

from dispatch_app.config import Config
from dispatch_app.messages import Messages
from dispatch_app.store import Store


class Platform(Protocol):
    """What an operation works on: a `Dispatch` is one."""

    @property
    def config(self) -> Config:
        """Effective settings."""

    @property
    def store(self) -> Store:
        """All that is kept in Redis."""

    @property
    def messages(self) -> Messages:
        """Renders messages for this installation's Celery app."""


def grace_of(dispatch: Platform) -> int:
    """Milliseconds that a run which is asked to end has, unless somebody says otherwise."""
    return 3 * dispatch.config.scheduler.heartbeat_interval
