"""The task type `http`: one HTTP request, to public addresses only unless the app allows others."""

from __future__ import annotations

import base64
import contextlib
import re
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import httpx
from celery import Task, shared_task

from dispatch_app.builtin.outbound import OutboundTransport
from dispatch_app.domain.errors import Discard, RetryAfter

#: Redirects that one request follows at most.
MAX_REDIRECTS = 5
#: Bytes of a response that are kept where the app's `dispatch_http_response_limit` does not say.
LIMIT = 65_536
#: Longest wait that a server's Retry-After can ask for, seconds: a day.
LONGEST_WAIT = 86_400
#: Characters of a response that an error quotes.
_EXCERPT = 500

#: Headers of every request that does not have its own. No compression is asked for, and what a
#: server compresses all the same is kept as it came: nothing is unpacked that could be a bomb.
_HEADERS = {"User-Agent": "celery-dispatch", "Accept-Encoding": "identity"}
#: Methods that change nothing (RFC 9110, 9.2.1); the others get an Idempotency-Key.
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
#: Client errors that may pass: request timeout, too early, too many requests.
_PASSING = frozenset({408, 425, 429})

PAYLOAD = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "url": {
            "type": "string",
            "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://",
            "description": "http:// or https://, with a host that has a public address.",
        },
        "method": {
            "enum": ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"],
            "default": "GET",
        },
        "headers": {
            "type": "object",
            "additionalProperties": {"type": "string", "pattern": "^[^\\r\\n]*$"},
            "description": "Headers of the request. Idempotency-Key is the run's id by default.",
        },
        "body": {
            "description": "A text is sent as it is; any other value but null is sent as JSON.",
        },
        "expected_status": {
            "type": "array",
            "items": {"type": "integer", "minimum": 100, "maximum": 599},
            "minItems": 1,
            "description": "Statuses that mean success. Default: 200 to 299.",
        },
        "timeout": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 3600,
            "default": 30,
            "description": "Seconds that the whole exchange may take, with its redirects.",
        },
        "follow_redirects": {
            "type": "boolean",
            "default": True,
            "description": f"Whether to follow redirects, up to {MAX_REDIRECTS}.",
        },
    },
    "required": ["url"],
    "additionalProperties": False,
    "examples": [
        {"url": "https://example.com/"},
        {
            "url": "https://example.com/hooks/42",
            "method": "POST",
            "headers": {"Authorization": "Bearer ..."},
            "body": {"hello": "world"},
            "expected_status": [200, 202],
        },
    ],
}


class UnexpectedStatus(Exception):
    """The server answered with a status that does not mean success; another attempt may help."""

    status: int | None = None


class FinalStatus(UnexpectedStatus, Discard):
    """A 4xx: another attempt would not help, unless the policy's `retry_on` names the status."""


_Error = TypeVar("_Error", FinalStatus, RetryAfter, UnexpectedStatus)


@shared_task(name="http", bind=True, payload_schema=PAYLOAD)
def http(  # noqa: PLR0913 - a payload's fields
    self: Task,
    url: str,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: Any = None,
    expected_status: list[int] | None = None,
    timeout: float = 30,
    follow_redirects: bool = True,
) -> dict[str, Any]:
    """Send an HTTP request; the result is the response.

    The result has `status`, `headers`, `body`, `encoding` of the body (`text`, or `base64` if it
    is none), `truncated` (whether the body was longer than is kept) and `elapsed` in seconds.

    Its errors have the answer's `status`, which `retry_on` and `dont_retry_on` may name.

    Raises:
        Discard: no retry would help: a malformed or refused URL.
        FinalStatus: nor would it after a 4xx that was not expected.
        RetryAfter: a 429 or 503 that says when to come back.
        UnexpectedStatus: any other status that was not expected.
        httpx.HTTPError: no connection, no answer in time, a broken answer.
    """
    started = time.monotonic()
    conf = self.app.conf
    transport = OutboundTransport(
        deadline=started + timeout,
        allow_private=bool(conf.get("dispatch_http_allow_private")),
    )
    with (
        _final_errors(),
        httpx.Client(
            transport=transport, headers=_HEADERS, timeout=timeout, trust_env=False
        ) as client,
    ):
        request = client.build_request(method, url, headers=headers, **_content(body))
        _complete(request, self.request.id)
        response = _send(client, request, MAX_REDIRECTS if follow_redirects else 0)
        content, truncated = _read(response, conf.get("dispatch_http_response_limit", LIMIT))
    text = _text(response, content, truncated)
    _check_status(response, expected_status, text)
    return {
        "status": response.status_code,
        "headers": dict(response.headers),
        "body": base64.b64encode(content).decode() if text is None else text,
        "encoding": "base64" if text is None else "text",
        "truncated": truncated,
        "elapsed": round(time.monotonic() - started, 3),
    }


@contextlib.contextmanager
def _final_errors() -> Iterator[None]:
    """Make those errors final that the next attempt would meet again."""
    try:
        yield
    except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeError) as error:
        raise Discard(f"The request cannot be sent: {error}") from error


def _content(body: Any) -> dict[str, Any]:
    """The body as httpx wants to be given it."""
    if body is None:
        return {}
    return {"content": body} if isinstance(body, str) else {"json": body}


def _complete(request: httpx.Request, run_id: str | None) -> None:
    """Add what the run knows, and move a password from the URL, which gets into logs and errors,
    to where redirects take care of it."""
    if request.method not in _SAFE and run_id:
        request.headers.setdefault("Idempotency-Key", run_id)
    if request.url.userinfo:
        credentials = f"{request.url.username}:{request.url.password}".encode()
        basic = f"Basic {base64.b64encode(credentials).decode()}"
        request.headers.setdefault("Authorization", basic)
        request.url = request.url.copy_with(userinfo=b"")


def _send(client: httpx.Client, request: httpx.Request, redirects: int) -> httpx.Response:
    """The response, unread, after up to so many redirects.

    httpx would read the bodies of redirects whole, however long; it does see to the method and
    drops Authorization on the way to another origin.
    """
    response = client.send(request, stream=True)
    for _ in range(redirects):
        if response.next_request is None:
            return response
        response.close()
        response = client.send(response.next_request, stream=True)
    if redirects and response.next_request is not None:
        response.close()
        raise Discard(f"{request.url} redirects more than {redirects} times.")
    return response


def _read(response: httpx.Response, limit: int) -> tuple[bytes, bool]:
    """Up to `limit` bytes of the body, and whether there was more."""
    content = bytearray()
    for chunk in response.iter_raw():
        content += chunk
        if len(content) > limit:
            return bytes(content[:limit]), True
    return bytes(content), False


def _text(response: httpx.Response, content: bytes, truncated: bool) -> str | None:
    """The body as text, None if it is none."""
    charset = response.charset_encoding or "utf-8"
    try:
        return content.decode(charset)
    except LookupError:
        return None
    except UnicodeDecodeError as error:
        # the cut may have gone through the last character
        if truncated and len(content) - error.start < 4:
            return content[: error.start].decode(charset)
        return None


def _check_status(response: httpx.Response, expected: list[int] | None, text: str | None) -> None:
    """Raise what the status means, unless it was expected (see `http`)."""
    status = response.status_code
    if status in expected if expected else response.is_success:
        return
    said = "a body that is no text" if text is None else text[:_EXCERPT].strip()
    message = f"{response.request.method} {response.request.url} answered {status}"
    message += f" {response.reason_phrase}".rstrip() + (f": {said}" if said else "")
    if status in (429, 503):
        wait = _wait_asked_for(response.headers.get("Retry-After", ""))
        if wait is not None:
            raise _of_status(status, RetryAfter(wait, message))
    if response.is_client_error and status not in _PASSING:
        raise _of_status(status, FinalStatus(message))
    raise _of_status(status, UnexpectedStatus(message))


def _of_status(status: int, error: _Error) -> _Error:
    error.status = status
    return error


def _wait_asked_for(retry_after: str) -> float | None:
    """Seconds that a Retry-After header (RFC 9110, 10.2.3: seconds or a date) asks to wait."""
    if re.fullmatch(r"[0-9]+", retry_after):
        return min(float(retry_after), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return None
    # RFC 9110 has dates in GMT only; without a zone it is meant all the same
    moment = moment.replace(tzinfo=moment.tzinfo or timezone.utc)
    wait = (moment - datetime.now(timezone.utc)).total_seconds()
    return min(max(wait, 0.0), LONGEST_WAIT)
