"""Whether a payload fits the type that is to take it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
from jsonschema import Draft202012Validator, SchemaError, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

from dispatch_app.domain.errors import InvalidInput

#: Wrong fields that one answer names.
_MOST_ERRORS = 20


def check_payload(schema: dict[str, Any], payload: dict[str, Any]) -> None:
    """Refuse a payload that its type's JSON Schema (draft 2020-12) does not allow.

    A schema that is none, or that leads outside of itself, allows everything: it came from a
    worker, so that the one who makes a task cannot mend it.

    Raises:
        InvalidInput: with a text for each wrong field, as `payload.<path>`.
    """
    try:
        fields = _wrong_fields(_validator(msgspec.json.encode(schema)), payload)
    except (SchemaError, Unresolvable, RecursionError):
        return
    if fields:
        raise InvalidInput(fields)


def _wrong_fields(validator: Draft202012Validator, payload: dict[str, Any]) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for error in validator.iter_errors(payload):
        fields.setdefault(_path(error), []).append(_words(error))
        if len(fields) == _MOST_ERRORS:
            break
    return fields


@lru_cache(maxsize=1_000)
def _validator(text: bytes) -> Draft202012Validator:
    schema = msgspec.json.decode(text)
    Draft202012Validator.check_schema(schema)
    # with a registry of our own nothing is fetched: the library's default one asks the network
    return Draft202012Validator(schema, registry=Registry())


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
