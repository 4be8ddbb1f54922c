"""What follows an attempt that raised: another one after a delay, or the end."""

from __future__ import annotations

from typing import Literal

import msgspec

#: Why a run fails although it might be tried again.
TOO_LATE = "its deadline leaves no time for another attempt"

Backoff = Literal["fixed", "linear", "exponential"]


class RetryPolicy(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How long to wait before the next attempt, and which errors are worth one."""

    backoff: Backoff = "exponential"
    #: ms before the first retry
    delay: int = 30_000
    #: what an exponential delay is multiplied by from one retry to the next, 1 to 100
    factor: float = 2.0
    #: no delay is longer than so many ms
    max_delay: int = 3_600_000
    #: draw the delay evenly from 0 to its full length, so that failures do not return in step
    #: ("full jitter": https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/)
    jitter: bool = True
    #: what is retried; empty: all. Names of exceptions and HTTP statuses ("503", "5xx")
    retry_on: tuple[str, ...] = ()
    #: what is not retried; wins over `retry_on`
    dont_retry_on: tuple[str, ...] = ()
    #: no attempt after the first begins later than so many ms after the run was first queued
    deadline: int | None = None


def delay_before(policy: RetryPolicy, failures: int, chance: float) -> int:
    """Milliseconds to wait after the `failures`-th failed attempt.

    Args:
        policy: the task's.
        failures: attempts that have raised so far, at least 1.
        chance: a random number from [0, 1), drawn by the caller.
    """
    full = min(_full_delay(policy, failures), policy.max_delay)
    return int(full * (1.0 - chance)) if policy.jitter else int(full)


def is_retryable(policy: RetryPolicy, names: tuple[str, ...]) -> bool:
    """Whether an error is worth another attempt.

    Args:
        names: the error's class and all its bases, each bare ("KeyError") and with its module; of
            an HTTP status `status_names`.
    """
    if any(name in policy.dont_retry_on for name in names):
        return False
    return not policy.retry_on or any(name in policy.retry_on for name in names)


def status_names(status: int) -> tuple[str, str]:
    """What a policy may call an HTTP status: "503" and "5xx"."""
    return str(status), f"{status // 100}xx"


def is_asked_for(policy: RetryPolicy, status: int) -> bool:
    """Whether the policy names this HTTP status as one to retry: then it is retried although its
    task holds it for final."""
    names = status_names(status)
    return any(name in policy.retry_on for name in names) and is_retryable(policy, names)


def time_left(policy: RetryPolicy, queued: int, now: int) -> int | None:
    """Milliseconds in which another attempt may still begin; None: any number.

    Args:
        queued: the moment at which the run was queued for its first attempt.
    """
    return None if policy.deadline is None else queued + policy.deadline - now


def is_too_late(delay: int, left: int | None) -> bool:
    """Whether an attempt after this delay would begin after its deadline.

    Args:
        left: as `time_left` has it.
    """
    return left is not None and delay > left


def _full_delay(policy: RetryPolicy, failures: int) -> float:
    if policy.backoff == "fixed":
        return policy.delay
    if policy.backoff == "linear":
        return policy.delay * failures
    # beyond 2**60 every max_delay is reached; the bound keeps the power finite
    return policy.delay * min(policy.factor ** min(failures - 1, 60), 2.0**60)
