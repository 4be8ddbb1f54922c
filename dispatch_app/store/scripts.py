"""Loads the Lua scripts, calls them, and turns Redis' troubles into the domain's errors.

A script is `lua/<name>.lua`; a line `-- @include name` puts `lua/lib/<name>.lua` before it, each
once, whatever includes what. Every script gets the prefix as its only key and one msgpack table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import redis
from redis.commands.core import Script
from redis.exceptions import (
    ClusterDownError,
    MasterDownError,
    OutOfMemoryError,
    ReadOnlyError,
)

from dispatch_app.domain.errors import StoreUnavailable

_INCLUDE = re.compile(r"^-- @include (\w+)\n", re.MULTILINE)
#: Redis' answers that mean "not now" rather than "you made a mistake": redis-py's classes, which
#: have lost their code, and the codes of all others and of errors inside a script.
_NOT_NOW = (OutOfMemoryError, ReadOnlyError, MasterDownError, ClusterDownError)
_NOT_NOW_CODES = ("OOM ", "READONLY ", "LOADING ", "MISCONF ", "MASTERDOWN ", "CLUSTERDOWN ",
                  "NOREPLICAS ")  # fmt: skip

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


class Scripts:
    """The scripts of one store, ready to be called by name.

    Args:
        client: the client for writes.
        prefix: of all keys.
    """

    def __init__(self, client: redis.Redis, prefix: str) -> None:
        self._client, self._prefix = client, prefix
        self._scripts: dict[str, Script] = {}

    def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Run `lua/<name>.lua` and give back its reply as it is.

        Raises:
            StoreUnavailable: Redis does not answer, or does not take writes.
        """
        script = self._scripts.get(name)
        if script is None:
            script = self._scripts[name] = self._client.register_script(source(name))
        with reaching_redis():
            return script(keys=[self._prefix], args=[_encode(arguments)])


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
