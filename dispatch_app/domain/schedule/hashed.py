"""`H` in a cron expression: a number hashed from the task's id, so that many tasks that are due
"some time in the hour" do not all come at its first minute.

The forms are those of Jenkins ("Configure: Build periodically", its help text): `H`, `H(0-29)`,
`H/15`, `H(0-29)/10`. A number depends on the id and on the field, and on nothing else.
"""

from __future__ import annotations

import re
from hashlib import sha256

from dispatch_app.domain.schedule import fields
from dispatch_app.domain.schedule.fields import Field

_FORM = re.compile(r"H(?:\((\d{1,2})-(\d{1,2})\))?(?:/(\d{1,4}))?", re.ASCII | re.IGNORECASE)
_FIELDS = (
    fields.SECOND,
    fields.MINUTE,
    fields.HOUR,
    fields.DAY,
    fields.MONTH,
    fields.WEEKDAY,
)
#: every month has a 28th
_LAST_SURE_DAY = 28


def is_hashed(text: str) -> bool:
    """Whether an expression has an `H` in it that is a number to be."""
    return any(
        _FORM.fullmatch(item) or item.upper().startswith("H(")
        for part in text.split()
        for item in part.split(",")
    )


def expand(text: str, key: str) -> str:
    """The expression with a number in place of each `H`.

    Args:
        text: five fields, or six with seconds first.
        key: what is hashed: the task's id.

    Raises:
        InvalidInput: a range or a step that the field does not have.
    """
    parts = text.split()
    known = _FIELDS[-len(parts) :] if len(parts) in (5, 6) else ()
    if not known:
        return text
    return " ".join(
        ",".join(_item(field, item, key) for item in part.split(","))
        for field, part in zip(known, parts, strict=True)
    )


def _item(field: Field, item: str, key: str) -> str:
    match = _FORM.fullmatch(item)
    if match is None:
        return item
    low, high = _bounds(field, item, match)
    step = int(match[3] or 0)
    if match[3] and not 1 <= step <= high - low + 1:
        raise field.refusal(item, f"a step has to be from 1 to {high - low + 1} here.")
    number = int.from_bytes(sha256(f"{key}/{field.name}".encode()).digest()[:8], "big")
    if not step:
        return str(low + number % (high - low + 1))
    return f"{low + number % step}-{high}/{step}"


def _bounds(field: Field, item: str, match: re.Match[str]) -> tuple[int, int]:
    """The numbers among which the lot falls, both included."""
    if match[1] is None:
        return field.low, _LAST_SURE_DAY if field is fields.DAY else field.top
    low, high = int(match[1]), int(match[2])
    if not field.low <= low <= high <= field.high:
        raise field.refusal(item, f"a range has to lie within {field.low}-{field.high}.")
    return low, high
