"""The stream of changes, with resume."""

from __future__ import annotations

from dispatch_app.store.keys import Keys
from dispatch_app.store.scripts import Client, reaching_redis


class Events:
    """One entry a change of state, the last 10,000 or so."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client, self._keys = client, keys

    def after(self, last_id: str = "0-0", count: int = 100) -> list[tuple[str, dict[str, str]]]:
        """Entries that follow `last_id` (as given by Redis), oldest first."""
        with reaching_redis():
            entries: list[tuple[str, dict[str, str]]] = self._client.xrange(
                self._keys.events(), f"({last_id}", "+", count
            )
        return entries
