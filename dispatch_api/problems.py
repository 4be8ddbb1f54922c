"""What went wrong as an answer (RFC 9457): the only table of statuses.

`type` is stable: `urn:dispatch:problem:<name>`. `detail` is for people and may change. `errors`,
where there is one, maps the path of a field (`schedule.cron`, `tags.0`) to what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

import msgspec
import redis
from flask import Flask, Response
from werkzeug.exceptions import HTTPException, InternalServerError

from dispatch_api.bodies import MAX_BYTES, MAX_CALENDAR_BYTES, BadJson
from dispatch_app.domain import errors

CONTENT_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:dispatch:problem:"
#: seconds after which a store that was away is worth another try
RETRY_AFTER = 5
#: characters of one text and fields of one answer: what somebody sent may be quoted in it
_LONGEST_TEXT = 500
_MOST_FIELDS = 50


class NotAllowed(Exception):
    """Nobody may call this without a key, or with this one; the message says how to get one."""


#: Error -> name and status. The nearest class counts.
TABLE: dict[type[Exception], tuple[str, int]] = {
    BadJson: ("bad-json", 400),
    NotAllowed: ("not-allowed", 401),
    errors.InvalidInput: ("invalid-input", 422),
    errors.IdempotencyMismatch: ("idempotency-mismatch", 422),
    errors.NotFound: ("not-found", 404),
    errors.Conflict: ("conflict", 409),
    errors.RevisionMismatch: ("revision-mismatch", 412),
    errors.CorruptRecord: ("corrupt-record", 500),
    errors.StoreUnavailable: ("store-unavailable", 503),
    errors.NotConfirmed: ("not-confirmed", 503),
    errors.StoreUnfit: ("store-unfit", 503),
    redis.ConnectionError: ("store-unavailable", 503),
    redis.TimeoutError: ("store-unavailable", 503),
}

#: What HTTP itself finds wrong, by status; the rest is "bad-request" or "internal".
_OF_HTTP = {
    404: "no-such-path",
    405: "method-not-allowed",
    413: "too-large",
    415: "unsupported-media-type",
}

#: Each name with what it means: the title of the problem, and its documentation.
MEANINGS = {
    "bad-json": "The body is no JSON, or cannot be read in one way only",
    "bad-request": "The request cannot be read",
    "conflict": "The task, run or calendar is not in a state that allows this",
    "corrupt-record": "A stored record cannot be read",
    "idempotency-mismatch": "The Idempotency-Key came before, with another path or body",
    "internal": "Something went wrong here; the log of the server says what",
    "invalid-input": "Some fields are not valid",
    "method-not-allowed": "This path does not take this method",
    "no-such-path": "There is nothing under this path",
    "not-allowed": "A key is needed",
    "not-confirmed": "It is stored, but too few replicas of Redis have it",
    "not-found": "There is no such task, run or calendar",
    "not-ready": "Tasks are not run at the moment",
    "revision-mismatch": "It was changed since it was read",
    "store-unavailable": "Redis does not answer, or takes no writes",
    "store-unfit": "This Redis cannot be used",
    "too-large": "The body is too large",
    "unsupported-media-type": "The body is of a type that this path does not take",
}

_HEADERS: dict[str, dict[str, str]] = {
    "not-allowed": {"WWW-Authenticate": "Bearer"},
    "not-confirmed": {"Retry-After": str(RETRY_AFTER)},
    "not-ready": {"Retry-After": str(RETRY_AFTER)},
    "store-unavailable": {"Retry-After": str(RETRY_AFTER)},
}

_DETAILS = {
    "internal": "Nothing is known of what was done; read again before you repeat it.",
    "no-such-path": "The API is under /api/v1; /openapi.json lists all its paths.",
    "too-large": f"A body may have {MAX_BYTES // 1024} KiB, that of a calendar "
    f"{MAX_CALENDAR_BYTES // 1024} KiB.",
}


def register(app: Flask) -> None:
    """Let the app answer each error in the table, and those of HTTP, with a problem."""
    for cls in TABLE:
        app.register_error_handler(cls, of_error)
    app.register_error_handler(HTTPException, of_http)


def of_error(error: Exception) -> Response:
    """The problem that an error in the table amounts to."""
    name, status = next(TABLE[cls] for cls in type(error).__mro__ if cls in TABLE)
    if isinstance(error, errors.InvalidInput):
        return problem(name, status, str(error), errors=_shortened(error.fields))
    return problem(name, status, str(error))


def of_http(error: HTTPException) -> Response:
    """The problem that an error of HTTP amounts to: no such path, a wrong method, our own fault."""
    status = error.code or InternalServerError.code
    name = _OF_HTTP.get(status, "bad-request" if status < InternalServerError.code else "internal")
    answer = problem(name, status, _DETAILS.get(name, error.description or ""))
    for header, value in error.get_headers():
        if header != "Content-Type":
            answer.headers[header] = value
    return answer


def problem(name: str, status: int, detail: str, **more: Any) -> Response:
    """An answer of application/problem+json.

    Args:
        name: of `MEANINGS`.
        more: further members.
    """
    members = {
        "type": TYPE_PREFIX + name,
        "title": MEANINGS[name],
        "status": status,
        "detail": detail[:_LONGEST_TEXT],
        **more,
    }
    return Response(
        msgspec.json.encode(members),
        status,
        content_type=CONTENT_TYPE,
        headers=_HEADERS.get(name),
    )


def _shortened(fields: Mapping[str, list[str]]) -> dict[str, list[str]]:
    return {
        path[:_LONGEST_TEXT]: [text[:_LONGEST_TEXT] for text in texts]
        for path, texts in islice(fields.items(), _MOST_FIELDS)
    }
