"""Figures: what there is now; and counters by minute: what came to which status, and how long
finished runs took."""

from __future__ import annotations

import msgspec

from dispatch_app.store.keys import Keys
from dispatch_app.store.scripts import Client, reaching_redis

_UNFINISHED = ("waiting", "queued", "running", "retrying")
_PROCESSES = ("worker", "scheduler")


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """What there is at this moment."""

    dead_letters: int
    #: runs by status
    unfinished: dict[str, int]
    #: members of the agenda, and by how many ms the first of them is late
    agenda: int
    late: int
    #: live processes by kind
    processes: dict[str, int]


class Stats:
    """The figures of this moment and of the last three hours."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client, self._keys = client, keys

    def now(self) -> Now:
        """What there is now, in two round trips: the server's time, and all else.

        Raises:
            StoreUnavailable: Redis is away.
        """
        keys = self._keys
        with reaching_redis(), self._client.pipeline(transaction=False) as pipe:
            seconds, micros = self._client.time()
            at = seconds * 1000 + micros // 1000
            pipe.zcard(keys.dead())
            pipe.zcard(keys.agenda())
            pipe.zrange(keys.agenda(), 0, 0, withscores=True)
            for status in _UNFINISHED:
                pipe.zcard(keys.runs_by("status", status))
            for kind in _PROCESSES:
                pipe.zcount(keys.beats(kind), at, "+inf")
            dead, agenda, first, *counts = pipe.execute()
        return Now(
            dead_letters=dead,
            unfinished=dict(zip(_UNFINISHED, counts, strict=False)),
            agenda=agenda,
            late=max(0, at - int(first[0][1])) if first else 0,
            processes=dict(zip(_PROCESSES, counts[len(_UNFINISHED) :], strict=True)),
        )

    def minutes(self, first: int, last: int) -> dict[int, dict[str, int]]:
        """Counters of the minutes `first` to `last` (since 1970, at most 180 of them).

        Returns:
            Minute -> `<type>|<status>` or `<type>|le:<ms>` -> count.
        """
        wanted = range(first, last + 1)[:180]
        with reaching_redis(), self._client.pipeline(transaction=False) as pipe:
            for minute in wanted:
                pipe.hgetall(self._keys.stats(minute))
            found = pipe.execute()
        return {
            minute: {field: int(n) for field, n in counters.items()}
            for minute, counters in zip(wanted, found, strict=True)
            if counters
        }
