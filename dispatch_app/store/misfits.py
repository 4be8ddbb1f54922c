"""Which keys that there is one of hold something else than they should: somebody's hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import redis

from dispatch_app.store.keys import Keys


def misfits(client: redis.Redis, keys: Keys) -> list[str]:
    """A sentence for each, with what helps.

    Raises:
        redis.RedisError: it cannot be asked.
    """
    wanted = dict(_kinds(keys))
    with client.pipeline(transaction=False) as pipe:
        for key in wanted:
            pipe.type(key)
        found = dict(zip(wanted, pipe.execute(), strict=True))
    return [
        f"The key {key} in Redis holds a {found[key]} in place of a {kind}: rename or delete it."
        for key, kind in wanted.items()
        if found[key] not in ("none", kind)
    ]


def is_wrong_type(reply: object) -> bool:
    """Whether it is Redis' error about a key that holds something else than a command is for."""
    # of a script, its name may come before the code
    return isinstance(reply, redis.ResponseError) and "WRONGTYPE" in str(reply)


def of_right_type(reply: Any, otherwise: Any) -> Any:
    """A reply of a pipeline, and `otherwise` in place of that error.

    Raises:
        redis.RedisError: the reply, if it is another one.
    """
    if is_wrong_type(reply):
        return otherwise
    if isinstance(reply, Exception):
        raise reply
    return reply


def _kinds(keys: Keys) -> Iterator[tuple[str, str]]:
    """Each key with what it holds."""
    for key in (keys.agenda(), keys.leases(), keys.tasks(), keys.runs(), keys.dead(),
                keys.backfills(), keys.types_seen()):  # fmt: skip
        yield key, "zset"
    for key in (keys.types(), keys.paused(), keys.calendars(), keys.replans(), keys.audit()):
        yield key, "hash"
    for kind in ("worker", "scheduler"):
        yield keys.beats(kind), "zset"
        yield keys.beats_info(kind), "hash"
    for key in (keys.schema(), keys.rules(), keys.replays(), keys.calendars_rev(),
                keys.calendars_since(), keys.confirmed()):  # fmt: skip
        yield key, "string"
    yield keys.static(), "set"
    yield keys.events(), "stream"
