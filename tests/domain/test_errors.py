"""What a caller can be told."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

from dispatch_app.domain import errors
from dispatch_app.domain.errors import (
    Conflict,
    DispatchError,
    IdempotencyMismatch,
    InvalidInput,
    NotFound,
    RetryAfter,
    RevisionMismatch,
)


def test_the_drawing_at_the_top_is_the_tree():
    drawn = re.findall(r"^    (?:[│ ]*[├└]── )?(\w+)", errors.__doc__, re.MULTILINE)
    drawn += re.findall(r", (RetryAfter) ", errors.__doc__)
    defined = [name for name, _ in inspect.getmembers(errors, _is_ours)]
    assert sorted(drawn) == sorted(defined)


def test_each_has_a_sentence_to_say():
    for _, error in inspect.getmembers(errors, _is_ours):
        assert error.__doc__.strip()
    assert str(RevisionMismatch()).startswith("It was changed since you read it")
    assert issubclass(RevisionMismatch, Conflict)


def test_wrong_fields_are_named_with_what_is_wrong():
    refusal = InvalidInput({"every": "Too short.", "cron": ["One.", "Two."]})
    assert refusal.fields == {"every": ["Too short."], "cron": ["One.", "Two."]}
    assert str(refusal) == "every: Too short.; cron: One. Two."
    assert refusal.under("schedule").fields == {
        "schedule.every": ["Too short."],
        "schedule.cron": ["One.", "Two."],
    }
    assert list(IdempotencyMismatch().fields) == ["Idempotency-Key"]


def test_what_is_not_there_is_named():
    assert str(NotFound("task", "42")) == "There is no task '42'."


def test_retry_after_survives_the_way_out_of_a_pool_process():
    again = pickle.loads(pickle.dumps(RetryAfter(2.5, "busy")))
    assert (again.seconds, str(again)) == (2.5, "busy")
    assert str(RetryAfter(3)) == "retry after 3 s"


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), 1e30, 3_153_600_001])
def test_retry_after_takes_no_time_that_nobody_can_wait_for(seconds):
    assert RetryAfter(3_153_600_000).seconds == 100 * 365 * 86_400
    with pytest.raises(ValueError, match="seconds must be 0 to 3153600000, got "):
        RetryAfter(seconds)


def _is_ours(thing: object) -> bool:
    return inspect.isclass(thing) and issubclass(
        thing, (DispatchError, errors.Discard, errors.RetryAfter)
    )
