"""Strict JSON: what a request's body may be, and a reason for each one that is refused.

RFC 8259 leaves to us what to do with names given twice, with numbers that no double holds and with
half a surrogate pair. Each of them would be read in one way here and in another by whoever else
reads the body, so none passes (RFC 7493, I-JSON). Depth is counted before parsing: Python's parser
recurses.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import Any, NoReturn

#: bytes of a body
MAX_BYTES = 256 * 1024
#: bytes of a calendar's, which may have thousands of entries
MAX_CALENDAR_BYTES = 1024 * 1024
#: objects and lists inside one another
MAX_DEPTH = 32
#: beyond this a double skips integers (RFC 7493, section 2.2)
MAX_INTEGER = 2**53

#: A string, or a bracket. A string that never ends is one too, which keeps the scan linear.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


class BadJson(ValueError):
    """The text is no JSON, or JSON that nobody can read in one way only."""


def parse(body: bytes) -> Any:
    """The value that `body` says.

    Raises:
        BadJson: with a reason that a person can act upon.
    """
    text = _decode(body)
    _check_depth(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_float,
        )
    except json.JSONDecodeError as error:
        raise BadJson(f"Not JSON: {error}.") from error
    if _SURROGATE_ESCAPE.search(text):
        _check_text(value, "")
    return value


def _decode(body: bytes) -> str:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadJson(f"Not UTF-8: byte {error.start} is {body[error.start]:#04x}.") from error
    if text.startswith("\ufeff"):
        raise BadJson("It begins with a byte order mark, which JSON does not have: leave it out.")
    return text


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token in ("[", "{"):
            depth += 1
            if depth > MAX_DEPTH:
                raise BadJson(f"Nested deeper than {MAX_DEPTH} levels.")
        elif token in ("]", "}"):
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise BadJson(f"The field {_shown(twice)} is given twice in one object.")
    return found


def _refuse_constant(text: str) -> NoReturn:
    raise BadJson(f"{text} is no JSON number.")


def _integer(text: str) -> int:
    # the length first: Python refuses to read thousands of digits, with an error of its own
    if len(text) > 17 or abs(int(text)) > MAX_INTEGER:
        raise BadJson(
            f"The integer {_shown(text)} is not between -2^53 and 2^53: send it as a string."
        )
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise BadJson(f"The number {_shown(text)} is larger than a double can be.")
    return value


def _check_text(value: Any, path: str) -> None:
    if isinstance(value, str):
        if _SURROGATE.search(value):
            raise BadJson(f"{path or 'The body'} holds half a surrogate pair, which is no text.")
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check_text(name, f"The name of a field in {path or 'the body'}")
            _check_text(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _check_text(inner, f"{path}.{index}")


def _shown(text: str) -> str:
    """`text` as it may stand in an error: short, and without anything that is no text."""
    short = text if len(text) <= 40 else f"{text[:40]}..."
    return json.dumps(short)
