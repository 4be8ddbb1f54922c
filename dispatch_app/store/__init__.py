"""The store: Redis and nothing else. One facade per noun."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis

from dispatch_app.domain.errors import StoreUnavailable, StoreUnfit
from dispatch_app.store.agenda import Agenda
from dispatch_app.store.answers import Answers
from dispatch_app.store.audits import Audits
from dispatch_app.store.backfills import Backfills
from dispatch_app.store.calendars import Calendars
from dispatch_app.store.codec import SCHEMA_VERSION
from dispatch_app.store.connection import (
    open_client,
    problems_of,
    refuse_unexpected_cluster,
)
from dispatch_app.store.dead_letters import DeadLetters
from dispatch_app.store.events import Events
from dispatch_app.store.keys import Keys
from dispatch_app.store.misfits import is_wrong_type, misfits
from dispatch_app.store.pauses import Pauses
from dispatch_app.store.replans import Replans
from dispatch_app.store.retention import LETTERS, Letters
from dispatch_app.store.runs import Runs
from dispatch_app.store.scripts import Replicas, Scripts, reaching_redis
from dispatch_app.store.stats import Stats
from dispatch_app.store.tasks import Tasks
from dispatch_app.store.types import Types
from dispatch_app.store.workers import Workers


class Store:
    """All that one installation keeps in Redis.

    Args:
        url: of the Redis server, as `open_client` takes it.
        prefix: of all keys, hash tag included.
        keep_runs: finished runs kept per task.
        letters: bounds of the dead letters.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "{dispatch}:",
        keep_runs: int = 100,
        letters: Letters = LETTERS,
        replicas: Replicas = Replicas(),  # noqa: B008 - it cannot be changed
    ) -> None:
        self.url = url
        # WAIT answers late
        longest = replicas.timeout / 1000 if replicas.number else None
        self.client: redis.Redis = open_client(url, read_timeout_s=longest)
        self.keys = Keys(prefix)
        scripts = Scripts(self.client, prefix, replicas)
        self._replicas = replicas
        self.tasks = Tasks(self.client, self.keys, scripts, keep_runs)
        self.runs = Runs(self.client, self.keys, scripts, keep_runs, letters)
        self.dead_letters = DeadLetters(
            self.client, self.keys, scripts, self.runs, letters, keep_runs
        )
        self.agenda = Agenda(scripts, keep_runs, letters)
        self.answers = Answers(self.client, self.keys, scripts)
        self.pauses = Pauses(self.client, self.keys, scripts)
        self.backfills = Backfills(self.client, self.keys, scripts, keep_runs)
        self.replans = Replans(self.client, self.keys, scripts)
        self.audits = Audits(self.client, self.keys, scripts)
        self.types = Types(self.client, self.keys, scripts)
        self.calendars = Calendars(self.client, self.keys, scripts)
        self.workers = Workers(self.client, self.keys, scripts)
        self.stats = Stats(self.client, self.keys)
        self.events = Events(self.client, self.keys)

    def now(self) -> int:
        """The server's clock, ms: the only one that decides what is due."""
        with reaching_redis():
            seconds, micros = self.client.time()
        return int(seconds) * 1000 + int(micros) // 1000

    def problems(self) -> list[str]:
        """What is wrong with the server, a line each; empty: nothing.

        Raises:
            StoreUnavailable: it does not answer.
        """
        with reaching_redis():
            return problems_of(self.client, self._replicas.number)

    def misfits(self) -> list[str]:
        """Keys that hold something else than they should, so that nothing goes on, a line each.

        Raises:
            StoreUnavailable: the server does not answer.
        """
        with reaching_redis():
            return misfits(self.client, self.keys)

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Raise StoreUnavailable where a key that there is one of holds something else than it
        should; that of a single task or run is another matter."""
        try:
            yield
        except redis.ResponseError as error:
            found = self.misfits() if is_wrong_type(error) else []
            if not found:
                raise
            raise StoreUnavailable(" ".join(found)) from error

    def check_mode(self, *, cluster: bool) -> None:
        """Refuse a server in cluster mode where that was not said, or another node's.

        Raises:
            StoreUnfit: with what helps.
        """
        with reaching_redis():
            refuse_unexpected_cluster(self.client, self.keys.schema(), cluster)

    def check_schema(self) -> None:
        """Write down the version of the data, or refuse to touch that of a newer program.

        Raises:
            StoreUnfit: a newer program wrote it.
            StoreUnavailable: it does not answer, or holds something else there.
        """
        with self.whole(), reaching_redis():
            self.client.set(self.keys.schema(), SCHEMA_VERSION, nx=True)
            found = int(self.client.get(self.keys.schema()) or 0)
        if found > SCHEMA_VERSION:
            raise StoreUnfit(
                f"The data in Redis is of version {found}; this program reads up to "
                f"{SCHEMA_VERSION}. Install the newer program again."
            )

    def close(self) -> None:
        """Give back the connections."""
        self.client.close()
