"""What requests with an Idempotency-Key were answered: the same again gets the same, for a day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from dispatch_app.domain.backfill import Backfill
from dispatch_app.domain.errors import IdempotencyMismatch
from dispatch_app.domain.run import Run
from dispatch_app.domain.task import StoredTask
from dispatch_app.store.codec import pairs, stored_backfill, stored_run, stored_task
from dispatch_app.store.keys import Keys
from dispatch_app.store.scripts import Client, Scripts, reaching_redis

#: The id of what a request made, and its record as it was then.
Answer = tuple[str, Mapping[str, str]]


class Idempotency(msgspec.Struct):
    """A client's name for a request, and what came of it."""

    key: str
    #: what makes a request the same again
    fingerprint: str
    #: whether it was carried out before, so that this answer is that one
    replayed: bool = False


def heard_before(reply: Any, idempotency: Idempotency | None) -> bool:
    """Whether a script says that it carried out the same request before; it is noted then.

    Raises:
        IdempotencyMismatch: the key came with another request.
    """
    if reply[0] == "MISMATCH":
        raise IdempotencyMismatch
    if idempotency is None or reply[0] != "SAME":
        return False
    idempotency.replayed = True
    return True


class Answers:
    """The answers of one installation that are kept."""

    def __init__(self, client: Client, keys: Keys, scripts: Scripts) -> None:
        self._client, self._keys, self._scripts = client, keys, scripts

    def knows(self, idempotency: Idempotency) -> bool:
        """Whether the same request was carried out before. If replicas are to have what clients
        are told of, they have this as well.

        Raises:
            IdempotencyMismatch: the key came with another request.
        """
        with reaching_redis():
            if not self._client.exists(self._keys.idempotency(idempotency.key)):
                return False
        return heard_before(self._scripts.call("answered", {"idem": idempotency}), idempotency)

    def task(self, idempotency: Idempotency) -> StoredTask | None:
        """The task that the request made, as it was then; None: nobody knows any more."""
        found = self._read(idempotency)
        return found and stored_task(*found)

    def run(self, idempotency: Idempotency) -> Run | None:
        """The run that the request made, as it was then; None: nobody knows any more."""
        found = self._read(idempotency)
        return found and stored_run(*found)

    def backfill(self, idempotency: Idempotency) -> Backfill | None:
        """The backfill that the request made, as it was then; None: nobody knows any more."""
        found = self._read(idempotency)
        return found and stored_backfill(*found)

    def _read(self, idempotency: Idempotency) -> Answer | None:
        with reaching_redis():
            found = self._client.hmget(self._keys.idempotency(idempotency.key), "id", "record")
        return (found[0], pairs(msgspec.json.decode(found[1]))) if found[0] else None
