"""What the end of an attempt means: return value, Retry, Reject, a time limit, any exception."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import msgspec
from celery.exceptions import Ignore, Reject, Retry, SoftTimeLimitExceeded, TimeLimitExceeded

from dispatch_app.domain.errors import LONGEST_DELAY, DeadlinePassed, Discard, RetryAfter
from dispatch_app.domain.retry import (
    TOO_LATE,
    RetryPolicy,
    delay_before,
    is_asked_for,
    is_retryable,
    is_too_late,
    status_names,
)
from dispatch_app.domain.run import Failure
from dispatch_app.domain.task import Task
from dispatch_app.ids import chance
from dispatch_app.store.runs import Outcome

#: Characters of a message and of a traceback that are kept.
MESSAGE_LIMIT, TRACEBACK_LIMIT = 4_000, 16_384
#: ms after which a message that Celery was to put back is sent again, if nobody has taken it.
RESEND = 10_000
_TIMEOUTS = (SoftTimeLimitExceeded, TimeLimitExceeded)


def success(result: Any, limit: int) -> Outcome:
    """The attempt returned.

    Args:
        limit: bytes of a result's JSON that are kept; of a longer one a beginning is.
    """
    try:
        encoded = msgspec.json.encode(result, enc_hook=repr)
    except Exception:
        encoded = msgspec.json.encode(clean(_words(repr, result)))
    if len(encoded) <= limit:
        return Outcome(status="succeeded", outcome="succeeded", result=encoded.decode())
    cut = encoded[:limit].decode(errors="ignore")
    return Outcome(
        status="succeeded",
        outcome="succeeded",
        result=msgspec.json.encode(cut).decode(),
        reason=f"its result of {len(encoded)} bytes was cut to {limit}",
    )


def failure(
    error: BaseException,
    task: Task,
    failures: int,
    *,
    left: int | None = None,
    gave_up: bool = False,
) -> Outcome:
    """The attempt raised.

    Args:
        failures: attempts of this run that raised before.
        left: ms in which another attempt may still begin; None: any number.
        gave_up: the task's own code has decided that no retry follows.
    """
    if isinstance(error, Ignore):
        return Outcome(status="succeeded", outcome="succeeded", reason="the task raised Ignore")
    if isinstance(error, Reject):
        return _rejected(error)
    what = describe(error)
    timed_out = isinstance(error, _TIMEOUTS)
    delay = None if gave_up else _delay(error, task, failures)
    if delay is None or is_too_late(delay, left):
        return Outcome(
            status="failed",
            outcome="timed_out" if timed_out else "failed",
            error=what,
            failures=1,
            reason=TOO_LATE if delay is not None else _why_final(error, task, failures, gave_up),
        )
    return Outcome(
        status="retrying",
        outcome="timed_out" if timed_out else "retried",
        error=what,
        delay=delay,
        failures=1,
    )


def describe(error: BaseException) -> Failure:
    """An exception as text."""
    cause = error.exc if isinstance(error, Retry) and error.exc else error
    lines = traceback.format_exception(type(cause), cause, cause.__traceback__)
    return Failure(
        type=_name(type(cause)),
        message=clean(_words(str, cause)[:MESSAGE_LIMIT]),
        traceback=clean("".join(lines)[-TRACEBACK_LIMIT:]),
    )


def clean(text: str) -> str:
    """The text with what UTF-8 does not know (lone surrogates) as escapes."""
    return text.encode(errors="backslashreplace").decode()


def _delay(error: BaseException, task: Task, failures: int) -> int | None:
    """Milliseconds until the next attempt, None if there is none."""
    if isinstance(error, Retry):
        # the task's own code has counted already (Task.retry)
        return _until(error.when)
    if failures >= task.max_retries or not _is_retryable(error, task.retry):
        return None
    if isinstance(error, RetryAfter):
        return _ms(error.seconds)
    return delay_before(task.retry, failures + 1, chance())


def _is_retryable(error: BaseException, policy: RetryPolicy) -> bool:
    """Whether the error itself, or else the policy, wants another attempt."""
    status = status_of(error)
    if isinstance(error, Discard) and not (status and is_asked_for(policy, status)):
        # that a status is final is what its task takes it for; a policy that names it knows better
        return False
    if isinstance(error, RetryAfter) and status is None:
        return True
    named = () if status is None else status_names(status)
    # which of the two limits has ended it is chance
    kinds = (type(error), *(_TIMEOUTS if isinstance(error, _TIMEOUTS) else ()))
    return is_retryable(policy, (*(name for kind in kinds for name in _names(kind)), *named))


def status_of(error: BaseException) -> int | None:
    """The HTTP status that an error is about: its own, as those of `http`, aiohttp and urllib have
    it, or that of its response (httpx, requests)."""
    try:
        status = getattr(error, "status", None)
        if status is None:
            status = getattr(getattr(error, "response", None), "status_code", None)
    except Exception:
        # a property of the user's, whose code may fail
        return None
    return int(status) if isinstance(status, int) and 100 <= status <= 599 else None


def _words(describe: Callable[[Any], str], what: Any) -> str:
    """What `describe` says of an object of the user's, whose own code may fail at it."""
    try:
        return describe(what)
    except Exception as error:
        return f"a {type(what).__name__} that cannot be put into words ({type(error).__name__})"


def _until(when: Any) -> int:
    if isinstance(when, datetime):
        aware = when if when.tzinfo else when.replace(tzinfo=timezone.utc)
        when = (aware - datetime.now(timezone.utc)).total_seconds()
    return _ms(float(when or 0))


def _ms(seconds: float) -> int:
    """Seconds, however many, as a delay."""
    # what is no number (NaN) is no less than the longest, either
    return int(max(0.0, seconds if seconds < LONGEST_DELAY else LONGEST_DELAY) * 1000)


def _rejected(error: Reject) -> Outcome:
    if error.requeue:
        # Celery puts the message back; the run waits for it with the same attempt
        return Outcome(status="queued", outcome="handed_back", delay=RESEND)
    return Outcome(
        status="failed", outcome="failed", error=describe(error), failures=1, reason="rejected"
    )


def _why_final(error: BaseException, task: Task, failures: int, gave_up: bool) -> str | None:
    if isinstance(error, DeadlinePassed):
        return TOO_LATE
    if isinstance(error, Discard) and not _is_retryable(error, task.retry):
        return "discarded by the task"
    if failures and failures >= task.max_retries:
        return f"failed {failures + 1} times"
    if not gave_up and failures < task.max_retries:
        return "its retry policy does not retry this error"
    return None


def _name(cls: type) -> str:
    return cls.__name__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__name__}"


def _names(cls: type) -> Iterator[str]:
    for base in cls.__mro__:
        yield base.__name__
        yield f"{base.__module__}.{base.__name__}"
