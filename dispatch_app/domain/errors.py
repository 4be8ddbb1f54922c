"""Everything that a caller can be told went wrong, as one tree.

    DispatchError
    ├── InvalidInput            which field, what is wrong, what would be right
    │   └── IdempotencyMismatch the key was used for another request
    ├── NotFound                no such task, run, type
    ├── Conflict                the thing is not in a state that allows it
    │   └── RevisionMismatch    somebody else changed it since it was read
    ├── LeaseLost               the attempt belongs to somebody else, or is over
    ├── CorruptRecord           a stored record cannot be read (it is parked, not fatal)
    ├── StoreUnavailable        Redis is away, frozen, read-only or full
    │   └── NotConfirmed        it is stored, and not known to be on as many replicas as asked for
    ├── StoreUnfit              Redis is too old, or a newer program wrote its data
    └── ConfigError             a setting is wrong: file, key, and what would be right

    Discard, RetryAfter         raised by a user's function: "give up", "again in so many seconds"
    DeadlinePassed              a Discard of ours: the retry policy's deadline is over

An error's docstring is its default message. `dispatch_api/problems.py` is the only place that knows
HTTP statuses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: Longest delay that a task can ask for, seconds: a hundred years.
LONGEST_DELAY = 100 * 365 * 86_400


class DispatchError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        super().__init__(self.message)


class InvalidInput(DispatchError):
    """Some fields are not valid."""

    def __init__(
        self, fields: Mapping[str, str | Sequence[str]], message: str | None = None
    ) -> None:
        #: dotted path of the field ("schedule.cron") -> what is wrong and what would be right
        self.fields: dict[str, list[str]] = {
            path: [texts] if isinstance(texts, str) else list(texts)
            for path, texts in fields.items()
        }
        super().__init__(
            message or "; ".join(f"{path}: {' '.join(t)}" for path, t in self.fields.items())
        )

    def under(self, prefix: str) -> InvalidInput:
        """The same error as seen from the object that holds this one in the field `prefix`."""
        return InvalidInput({f"{prefix}.{path}": texts for path, texts in self.fields.items()})


class IdempotencyMismatch(InvalidInput):
    """This Idempotency-Key was used for another request: another path, or another body."""

    def __init__(self) -> None:
        super().__init__({"Idempotency-Key": (type(self).__doc__ or "").strip()})


class NotFound(DispatchError):
    """There is no such thing."""

    def __init__(self, kind: str, name: str) -> None:
        self.kind, self.name = kind, name
        super().__init__(f"There is no {kind} {name!r}.")


class Conflict(DispatchError):
    """It is not in a state that allows this."""


class RevisionMismatch(Conflict):
    """It was changed since you read it: read it again and repeat your change."""


class LeaseLost(DispatchError):
    """This attempt is no longer yours: its lease lapsed, or the run is over."""


class CorruptRecord(DispatchError):
    """A stored record cannot be read."""


class StoreUnavailable(DispatchError):
    """Redis does not answer, or does not take writes."""


class NotConfirmed(StoreUnavailable):
    """It is stored, but not known to be on as many replicas as `redis.wait_replicas` asks for."""


class StoreUnfit(DispatchError):
    """This Redis cannot be used."""


class ConfigError(DispatchError):
    """A setting is wrong."""


class Discard(Exception):
    """Raised by a user's function: this run failed and no retry would help."""

    #: the HTTP status behind it, if there is one; a policy whose `retry_on` names it retries it
    status: int | None = None


class DeadlinePassed(Discard):
    """No other attempt may begin: the deadline of the run's retry policy has passed."""


class RetryAfter(Exception):
    """Raised by a user's function: try again, but not before `seconds` have passed.

    Args:
        seconds: 0 to a hundred years; replaces the retry policy's delay for this one attempt.
        message: kept as the attempt's error.

    Raises:
        ValueError: it is no such time; the attempt fails with that.
    """

    #: the HTTP status behind it, if there is one; then the retry policy is asked whether at all
    status: int | None = None

    def __init__(self, seconds: float, message: str = "") -> None:
        # what is no number (NaN) is not between the two, either
        if not 0 <= seconds <= LONGEST_DELAY:
            raise ValueError(f"seconds must be 0 to {LONGEST_DELAY}, got {seconds!r}")
        self.seconds = float(seconds)
        # both go to Exception, so that the error survives pickling on its way out of a pool process
        super().__init__(seconds, message)

    def __str__(self) -> str:
        return self.args[1] or f"retry after {self.seconds:g} s"
