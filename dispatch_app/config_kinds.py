"""The kinds of values that settings have: what each looks like in a JSON file and as text.

A kind does not know where a value stood: `config.py` adds file or variable, key and what is right.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from dispatch_app.domain import durations

#: what durations are written in, ms, the longest first
_UNITS = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
#: what follows the colon of user:password@, to the last @ of its URL, and ?password=
_PASSWORD = re.compile(r"(//[^:/@;]*:)[^;]*(?=@)|([?&]\w*password=)[^&;]*")
_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of value."""

    #: what would be right, in words
    right: str
    #: value of the JSON file -> setting; raises ValueError
    read: Callable[[Any], Any]
    #: text of the environment or the command line -> what the file would have; raises ValueError
    parse: Callable[[str], Any] = str
    #: setting -> value for the JSON file
    write: Callable[[Any], Any] = lambda value: value
    #: secret setting -> what may be shown of it
    mask: Callable[[Any], Any] = lambda value: "***" if value else value


def number(low: int, high: int | None = None) -> Kind:
    """A whole number from `low` to `high`, both included."""

    def read(value: Any) -> int:
        if type(value) is not int or value < low or (high is not None and value > high):
            raise ValueError
        return value

    right = f"a whole number from {low} to {high}" if high else f"a whole number, at least {low}"
    return Kind(right, read, int)


def duration(low: int) -> Kind:
    """A length of time of at least `low` ms: ms inside, Go's nanoseconds or a text outside."""

    def read(value: Any) -> int:
        ms = durations.parse(f"{value}ns" if type(value) is int else _text(value))
        if ms < low:
            raise ValueError
        return ms

    least = f"at least {low} ms" if low else "not negative"
    right = f'a duration ({least}) such as "30s", "1h30m", "PT30S" or nanoseconds (30000000000)'
    return Kind(right, read, _int_or_text, _written)


def url(*schemes: str) -> Kind:
    """A URL with one of `schemes` (none given: any), or nothing."""

    def read(value: Any) -> str:
        text = _text(value)
        scheme = urlsplit(text).scheme
        if text and not (scheme in schemes if schemes else scheme):
            raise ValueError
        return text

    starts = " or ".join(f"{scheme}://" for scheme in schemes)
    right = f"a URL that begins with {starts}" if schemes else "a URL"
    return Kind(right, read, mask=masked)


def masked(url: str) -> str:
    """The URL, or several with a semicolon between, without passwords."""
    return _PASSWORD.sub(r"\1\2***", url)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _int_or_text(text: str) -> int | str:
    try:
        return int(text)
    except ValueError:
        return text


def _written(ms: int) -> str:
    """The duration in the longest unit of which it is a whole number: "10m", "30s", "250ms"."""
    unit = next(unit for unit, length in _UNITS.items() if ms % length == 0 and (ms or unit == "s"))
    return f"{ms // _UNITS[unit]}{unit}"


def _port(value: Any) -> int:
    # the seed's file has the port as a string
    port = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
    if type(port) is not int or not 0 < port < 65_536:
        raise ValueError
    return port


def _address(value: Any) -> str:
    parts = urlsplit(f"redis://{_text(value)}")
    # asking for the port is what checks it
    plain = parts.hostname and (parts.port or 1) and not parts.path and "@" not in parts.netloc
    if not plain:
        raise ValueError
    return str(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _parse_flag(text: str) -> bool:
    if text.lower() not in _TRUE + _FALSE:
        raise ValueError
    return text.lower() in _TRUE


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        raise ValueError
    return tuple(value)


def _parse_names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _secrets(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError
    if not all(isinstance(secret, str) and name and secret for name, secret in value.items()):
        raise ValueError
    return dict(value)


def _parse_secrets(text: str) -> dict[str, str]:
    pairs = [pair.partition(":") for pair in _parse_names(text)]
    secrets = {name.strip(): secret.strip() for name, _, secret in pairs}
    if len(secrets) < len(pairs):
        raise ValueError
    return secrets


TEXT = Kind("a text", _text)
PORT = Kind("a port from 1 to 65535", _port)
ADDRESS = Kind('"host:port", such as localhost:6379', _address)
FLAG = Kind("true or false", _flag, _parse_flag)
NAMES = Kind("a list of names (as text: name,name)", _names, _parse_names, list)
SECRETS = Kind(
    "names, each with its own secret (as text: name:secret,name:secret)",
    _secrets,
    _parse_secrets,
    dict,
    lambda secrets: dict.fromkeys(secrets, "***"),
)
