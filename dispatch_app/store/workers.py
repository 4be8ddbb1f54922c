"""Who beats: workers and schedulers."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from dispatch_app.store.codec import to_json
from dispatch_app.store.keys import Keys
from dispatch_app.store.scripts import Client, Scripts, reaching_redis

Kind = Literal["worker", "scheduler"]


class Workers:
    """The processes that have said within their time that they live."""

    def __init__(self, client: Client, keys: Keys, scripts: Scripts) -> None:
        self._client, self._keys, self._scripts = client, keys, scripts

    def beat(self, kind: Kind, name: str, info: dict[str, Any], *, ttl: int) -> None:
        """Say that a process lives, for the next `ttl` ms, and what it is."""
        self._scripts.call("beat", {"kind": kind, "name": name, "info": to_json(info), "ttl": ttl})

    def leave(self, kind: Kind, name: str) -> None:
        """Say that a process stops."""
        self._scripts.call("beat", {"kind": kind, "name": name, "gone": True})

    def alive(self, kind: Kind) -> dict[str, dict[str, Any]]:
        """Name of each live process -> what it says of itself."""
        with reaching_redis():
            seconds, micros = self._client.time()
            names: list[str] = self._client.zrangebyscore(
                self._keys.beats(kind), seconds * 1000 + micros // 1000, "+inf"
            )
            texts = self._client.hmget(self._keys.beats_info(kind), names) if names else []
        return {
            name: msgspec.json.decode(text) for name, text in zip(names, texts, strict=True) if text
        }
