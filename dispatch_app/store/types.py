"""What workers say they can do."""

from __future__ import annotations

from typing import Any

import msgspec

from dispatch_app.store.keys import Keys
from dispatch_app.store.scripts import Client, Scripts, reaching_redis


class TaskType(msgspec.Struct, frozen=True, kw_only=True):
    """A registered Celery task that can be scheduled."""

    name: str
    #: JSON Schema of the payload, from the function's signature or the type's own
    schema: dict[str, Any]
    description: str = ""
    #: where Celery's routing sends it when a task does not say
    queue: str = "default"


_decode = msgspec.json.Decoder(TaskType).decode
_encode = msgspec.json.Encoder().encode


class Types:
    """The types that workers have announced within the last day."""

    def __init__(self, client: Client, keys: Keys, scripts: Scripts) -> None:
        self._client, self._keys, self._scripts = client, keys, scripts

    def announce(self, types: list[TaskType]) -> None:
        """Make known what a worker can do; the last one to speak of a type is believed."""
        for start in range(0, len(types), 500):
            chunk = [(t.name, _encode(t).decode()) for t in types[start : start + 500]]
            self._scripts.call("announce", {"types": chunk})

    def get(self, name: str) -> TaskType | None:
        """One type, None if no worker has announced it."""
        with reaching_redis():
            text: str | None = self._client.hget(self._keys.types(), name)
        return _decode(text) if text else None

    def all(self) -> list[TaskType]:
        """All types, by name."""
        with reaching_redis():
            texts: list[str] = self._client.hvals(self._keys.types())
        return sorted((_decode(text) for text in texts), key=lambda t: t.name)
