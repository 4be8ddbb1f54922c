"""Loads the Lua scripts, calls them, and turns Redis' troubles into the domain's errors.

A script is `lua/<name>.lua`; a line `-- @include name` puts `lua/lib/<name>.lua` before it, each
once, whatever includes what. Every script gets the prefix as its only key and one msgpack table.

A change that a client is told of may have to be on replicas first: then WAIT follows its script.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import redis
from redis.commands.core import Script
from redis.exceptions import (
    ClusterDownError,
    MasterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
)

from dispatch_app.domain.errors import NotConfirmed, StoreUnavailable
from dispatch_app.store.keys import Keys

_INCLUDE = re.compile(r"^-- @include (\w+)\n", re.MULTILINE)
#: Redis' answers that mean "not now" rather than "you made a mistake": redis-py's classes, which
#: have lost their code, and the codes of all others and of errors inside a script.
_NOT_NOW = (OutOfMemoryError, ReadOnlyError, MasterDownError, ClusterDownError)
_NOT_NOW_CODES = ("OOM ", "READONLY ", "LOADING ", "MISCONF ", "MASTERDOWN ", "CLUSTERDOWN ",
                  "NOREPLICAS ")  # fmt: skip

#: What a client of the API is told has been done. The rest is done again by who finds it undone.
TOLD = frozenset(
    ("create", "update", "unchanged", "answered", "cancel", "purge", "pause", "trigger",
     "cancel_run", "set_pause", "put_calendar", "drop_calendar", "start_backfill",
     "cancel_backfill", "replay", "drop_letters")
)  # fmt: skip

#: A `redis.Redis` whose replies are text (`decode_responses`), which its stubs cannot express.
Client = Any

_LUA = Path(__file__).with_name("lua")
_encode = msgspec.msgpack.Encoder().encode


@contextmanager
def reaching_redis() -> Iterator[None]:
    """Raise StoreUnavailable where Redis does not answer or does not take writes."""
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise StoreUnavailable(f"Redis does not answer: {str(error).rstrip('.')}.") from error
    except redis.ResponseError as error:
        # an error inside a script arrives with the script's name before its code
        if isinstance(error, _NOT_NOW) or any(code in str(error) for code in _NOT_NOW_CODES):
            raise StoreUnavailable(f"Redis refuses writes: {error}") from error
        raise


class Replicas(NamedTuple):
    """How many replicas have to have a change before it counts as made."""

    number: int = 0
    #: longest wait for them, ms
    timeout: int = 1_000


class Scripts:
    """The scripts of one store, ready to be called by name.

    Args:
        client: the client for writes.
        prefix: of all keys.
        replicas: that have to have what a client is told of.
    """

    def __init__(
        self,
        client: redis.Redis,
        prefix: str,
        replicas: Replicas = Replicas(),  # noqa: B008
    ) -> None:
        self._client, self._prefix, self._replicas = client, prefix, replicas
        self._scripts: dict[str, Script] = {}

    @property
    def asks_replicas(self) -> bool:
        """Whether replicas have to have what a client is told of."""
        return self._replicas.number > 0

    def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Run `lua/<name>.lua` and give back its reply as it is.

        Raises:
            StoreUnavailable: Redis does not answer, or does not take writes.
            NotConfirmed: it is done, and too few replicas have it.
        """
        script = self._script(name)
        packed = _encode(arguments)
        with reaching_redis():
            if self.asks_replicas and name in TOLD:
                return self._confirmed(script, packed)
            return script(keys=[self._prefix], args=[packed])

    def call_each(self, name: str, calls: Iterable[Mapping[str, Any]]) -> list[Any]:
        """Run `lua/<name>.lua` once for each of `calls`, without waiting in between: Redis works on
        one while the next is made.

        Returns:
            The replies in the order of the calls; where Redis answered with an error, such as that
            it does not know the script yet, the error.

        Raises:
            StoreUnavailable: Redis does not answer. Some of the calls may have been carried out.
        """
        sha, sent = self._script(name).sha, 0
        pool: Any = self._client.connection_pool
        with reaching_redis():
            connection = pool.get_connection()
            try:
                for arguments in calls:
                    packed = _encode(arguments)
                    connection.send_command("EVALSHA", sha, 1, self._prefix, packed)
                    sent += 1
                return [_reply(connection) for _ in range(sent)]
            except BaseException:
                # who takes it next is not to read the replies to these
                connection.disconnect()
                raise
            finally:
                pool.release(connection)

    def _script(self, name: str) -> Script:
        if name not in self._scripts:
            self._scripts[name] = self._client.register_script(source(name))
        return self._scripts[name]

    def _confirmed(self, script: Script, packed: bytes) -> Any:
        """Its reply, once the replicas have what it did.

        WAIT speaks of what its own connection has written. So it goes down the same one, behind a
        write that covers what others wrote before, where the script finds nothing left to do.
        """
        while True:
            with self._client.pipeline(transaction=False) as pipe:
                pipe.evalsha(script.sha, 1, self._prefix, packed)
                pipe.set(Keys(self._prefix).confirmed(), 1)
                pipe.execute_command("WAIT", *self._replicas)  # type: ignore[no-untyped-call]
                reply, written, having = pipe.execute(raise_on_error=False)
            if not isinstance(reply, NoScriptError):
                break
            self._client.script_load(script.script)
        for answer in (reply, written, having):
            if isinstance(answer, Exception):
                raise answer
        if having < self._replicas.number:
            raise NotConfirmed(
                f"It is stored, but only {having} of {self._replicas.number} replicas said within "
                f"{self._replicas.timeout} ms that they have it: a failover may lose it. Repeat "
                "the request to see it confirmed; one that makes a run or a backfill only with the "
                "Idempotency-Key that it had."
            )
        return reply


def _reply(connection: Any) -> Any:
    try:
        return connection.read_response()
    except redis.ResponseError as error:
        return error


@cache
def source(name: str, folder: Path = _LUA) -> str:
    """The text of a script with all that it includes.

    Args:
        folder: where it is; its includes are in `lib` below.

    Raises:
        FileNotFoundError: a script or an include that is not there.
        ValueError: includes that go round in a circle; the message shows it.
    """
    script = (folder / f"{name}.lua").read_text(encoding="utf-8")
    parts: dict[str, str] = {}

    def add(include: str, path: tuple[str, ...]) -> None:
        if include in path:
            circle = " -> ".join((*path, include))
            raise ValueError(f"{name}.lua: includes in a circle: {circle}")
        if include in parts:
            return
        text = (folder / "lib" / f"{include}.lua").read_text(encoding="utf-8")
        for inner in _INCLUDE.findall(text):
            add(inner, (*path, include))
        parts[include] = _INCLUDE.sub("", text)

    for include in _INCLUDE.findall(script):
        add(include, ())
    return "\n".join([*parts.values(), _INCLUDE.sub("", script)])
