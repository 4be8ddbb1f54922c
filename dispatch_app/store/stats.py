"""Counters by minute: what came to which status, and how long finished runs took."""

from __future__ import annotations

from dispatch_app.store.keys import Keys
from dispatch_app.store.scripts import Client, reaching_redis


class Stats:
    """The figures of the last three hours."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client, self._keys = client, keys

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
