"""Whether a payload fits the type that is to take it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
from jsonschema import Draft202012Validator, ValidationError

from dispatch_app.domain.errors import InvalidInput

#: Wrong fields that one answer names.
_MOST_ERRORS = 20


def check_payload(schema: dict[str, Any], payload: dict[str, Any]) -> None:
    """Refuse a payload that its type's JSON Schema (draft 2020-12) does not allow.

    Raises:
        InvalidInput: with a text for each wrong field, as `payload.<path>`.
    """
    fields: dict[str, list[str]] = {}
    for error in _validator(msgspec.json.encode(schema)).iter_errors(payload):
        fields.setdefault(_path(error), []).append(_words(error))
        if len(fields) == _MOST_ERRORS:
            break
    if fields:
        raise InvalidInput(fields)


@lru_cache(maxsize=1_000)
def _validator(schema: bytes) -> Draft202012Validator:
    return Draft202012Validator(msgspec.json.decode(schema))


def _words(error: ValidationError) -> str:
    """What is wrong; a pattern that has a description is said by that, for people to read."""
    said = error.schema.get("description") if isinstance(error.schema, dict) else None
    if error.validator == "pattern" and said:
        return f"got {error.instance!r}, expected: {said}"
    return f"{error.message}."


def _path(error: ValidationError) -> str:
    names = ["payload", *(str(part) for part in error.absolute_path)]
    if error.validator == "required":
        # the error is the object's; the caller wants to read which field is missing
        required: Any = error.validator_value
        given: Any = error.instance
        missing = (name for name in required if name not in given)
        names.append(next((n for n in missing if repr(n) in error.message), ""))
    return ".".join(name for name in names if name)
