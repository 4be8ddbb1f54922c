"""What the end of an attempt means."""

from __future__ import annotations

import urllib.error
from datetime import datetime, timedelta, timezone
from http import HTTPStatus

import httpx
import msgspec
import pytest
from celery.exceptions import Ignore, Reject, Retry, SoftTimeLimitExceeded, TimeLimitExceeded

from dispatch_app.domain.errors import Discard, RetryAfter
from dispatch_app.domain.retry import RetryPolicy
from dispatch_app.domain.task import Task
from dispatch_app.worker.outcome import MESSAGE_LIMIT, TRACEBACK_LIMIT, failure, success

STEADY = RetryPolicy(backoff="fixed", delay=5_000, jitter=False)
TASK = Task(type="t", max_retries=2, retry=STEADY)


def raised(error: BaseException) -> BaseException:
    """The error with a traceback, as an attempt leaves it."""
    try:
        raise error
    except BaseException as caught:
        return caught


@pytest.mark.parametrize(
    ("result", "kept"),
    [
        (None, "null"),
        ({"a": [1, 2.5, "x"]}, '{"a":[1,2.5,"x"]}'),
        ((1, 2), "[1,2]"),
        (datetime(2026, 1, 2, tzinfo=timezone.utc), '"2026-01-02T00:00:00Z"'),
        (b"\x00\xff", '"AP8="'),
        (object, "\"<class 'object'>\""),
        ({1: object}, '{"1":"<class \'object\'>"}'),
        ({(1, 2): 3}, '{"(1, 2)":3}'),
        ({1: {2}}, '{"1":[2]}'),
        ("\ud800", "\"'\\\\ud800'\""),
        (float("nan"), "null"),
    ],
    ids=repr,
)
def test_a_result_is_json_or_else_its_repr(result, kept):
    outcome = success(result, 65_536)
    assert (outcome.status, outcome.outcome, outcome.reason) == ("succeeded", "succeeded", None)
    assert outcome.result == kept


class Mute:
    """Something of the user's that fails at being described."""

    def __repr__(self):
        raise RuntimeError("not even this")


@pytest.mark.parametrize("result", [Mute(), [Mute()], 10**5_000], ids=["one", "inside", "digits"])
def test_a_result_that_cannot_be_put_into_words(result):
    assert "cannot be put into words" in success(result, 65_536).result


def test_a_result_that_contains_itself():
    result: list[object] = []
    result.append(result)
    assert success(result, 100).result == '"[[...]]"'


@pytest.mark.parametrize("limit", [10, 11, 12, 13])
def test_a_long_result_is_cut_between_characters(limit):
    outcome = success("äöü" * 10, limit)
    assert ('"' + "äöü" * 10).startswith(msgspec.json.decode(outcome.result))
    assert len(msgspec.json.decode(outcome.result).encode()) <= limit
    assert outcome.reason == f"its result of 62 bytes was cut to {limit}"


@pytest.mark.parametrize(
    ("failures", "status", "delay"),
    [(0, "retrying", 5_000), (1, "retrying", 5_000), (2, "failed", 0)],
)
def test_an_error_is_retried_as_often_as_the_task_says(failures, status, delay):
    outcome = failure(raised(ValueError("no")), TASK, failures)
    assert (outcome.status, outcome.delay, outcome.failures) == (status, delay, 1)
    assert (outcome.error.type, outcome.error.message) == ("ValueError", "no")


@pytest.mark.parametrize(
    ("policy", "error", "status"),
    [
        ({"retry_on": ("KeyError",)}, KeyError("x"), "retrying"),
        ({"retry_on": ("LookupError",)}, KeyError("x"), "retrying"),
        ({"retry_on": ("builtins.KeyError",)}, KeyError("x"), "retrying"),
        ({"retry_on": ("KeyError",)}, ValueError("x"), "failed"),
        ({"dont_retry_on": ("ValueError",)}, ValueError("x"), "failed"),
        ({"dont_retry_on": ("ValueError",)}, UnicodeError("x"), "failed"),
        ({"dont_retry_on": ("ValueError",)}, KeyError("x"), "retrying"),
        ({"retry_on": ("TimeLimitExceeded",)}, SoftTimeLimitExceeded(), "retrying"),
        ({"retry_on": ("TimeLimitExceeded",)}, TimeLimitExceeded(3), "retrying"),
        ({"retry_on": ("SoftTimeLimitExceeded",)}, TimeLimitExceeded(3), "retrying"),
        ({"retry_on": ("TimeLimitExceeded",)}, TimeoutError(), "failed"),
        ({"dont_retry_on": ("TimeLimitExceeded",)}, SoftTimeLimitExceeded(), "failed"),
    ],
)
def test_the_policy_names_errors_by_themselves_or_by_a_base(policy, error, status):
    task = msgspec.structs.replace(TASK, retry=RetryPolicy(**policy))
    assert failure(raised(error), task, 0).status == status


def test_discard_ends_and_retry_after_says_when():
    outcome = failure(raised(Discard("useless")), TASK, 0)
    assert (outcome.status, outcome.reason) == ("failed", "discarded by the task")
    outcome = failure(raised(RetryAfter(1.5, "busy")), TASK, 0)
    assert (outcome.status, outcome.delay) == ("retrying", 1_500)
    assert outcome.error.message == "busy"
    assert failure(raised(RetryAfter(1.5)), TASK, 2).status == "failed"


def test_what_retry_after_says_counts_more_than_the_longest_delay():
    task = msgspec.structs.replace(TASK, retry=RetryPolicy(delay=1_000, max_delay=2_000))
    assert failure(raised(RetryAfter(86_400)), task, 0).delay == 86_400_000


@pytest.mark.parametrize("when", [1e300, float("inf"), float("nan")])
def test_celerys_retry_waits_a_hundred_years_at_most(when):
    assert failure(raised(Retry(when=when)), TASK, 0).delay == 100 * 365 * 86_400_000


class Answered(Exception):
    """An error of the user's that is about an answer over HTTP."""

    def __init__(self, status: object) -> None:
        super().__init__(status)
        self.status = status


def answered(status: int) -> httpx.HTTPStatusError:
    """httpx' error about an answer; that of requests has the same attributes."""
    request = httpx.Request("GET", "http://127.0.0.1/")
    response = httpx.Response(status, request=request)
    return httpx.HTTPStatusError("no", request=request, response=response)


def final(status: int) -> Discard:
    """As `http` raises it."""
    error = Discard("no")
    error.status = status
    return error


def put_off(status: int) -> RetryAfter:
    """As `http` raises it."""
    error = RetryAfter(7, "busy")
    error.status = status
    return error


@pytest.mark.parametrize(
    ("policy", "error", "status"),
    [
        ({}, Answered(404), "retrying"),
        ({"retry_on": ("503",)}, Answered(503), "retrying"),
        ({"retry_on": ("503",)}, Answered(HTTPStatus.SERVICE_UNAVAILABLE), "retrying"),
        ({"retry_on": ("503",)}, Answered(500), "failed"),
        ({"dont_retry_on": ("5xx",)}, Answered(500), "failed"),
        ({"retry_on": ("5xx",)}, answered(502), "retrying"),
        ({"dont_retry_on": ("4xx",)}, answered(404), "failed"),
        ({"dont_retry_on": ("4xx",)}, urllib.error.HTTPError("", 404, "", None, None), "failed"),
        ({"retry_on": ("Answered",)}, Answered(500), "retrying"),
        # statuses that are none
        ({"retry_on": ("1xx",)}, Answered(True), "failed"),
        ({"retry_on": ("5xx",)}, Answered("500"), "failed"),
        ({"retry_on": ("9xx",)}, Answered(999), "failed"),
        # what a task holds for final
        ({}, final(404), "failed"),
        ({"retry_on": ("404",)}, final(404), "retrying"),
        ({"retry_on": ("404",)}, final(410), "failed"),
        ({"retry_on": ("Discard",)}, final(404), "failed"),
        ({"retry_on": ("4xx",), "dont_retry_on": ("404",)}, final(404), "failed"),
        ({"retry_on": ("4xx",), "dont_retry_on": ("Discard",)}, final(404), "failed"),
        # and what it would try again
        ({}, put_off(503), "retrying"),
        ({"retry_on": ("503",)}, put_off(503), "retrying"),
        ({"retry_on": ("429",)}, put_off(503), "failed"),
        ({"dont_retry_on": ("503",)}, put_off(503), "failed"),
        ({"retry_on": ("429",)}, RetryAfter(7), "retrying"),
    ],
)
def test_the_policy_names_http_statuses(policy, error, status):
    task = msgspec.structs.replace(TASK, retry=RetryPolicy(**policy))
    outcome = failure(raised(error), task, 0)
    assert outcome.status == status
    if status == "failed" and not isinstance(error, Discard):
        assert outcome.reason == "its retry policy does not retry this error"


def test_a_final_status_that_the_policy_retries_fails_like_any_other_error():
    policy = RetryPolicy(retry_on=("404",))
    task = msgspec.structs.replace(TASK, retry=policy)
    last = failure(raised(final(404)), task, TASK.max_retries)
    assert (last.status, last.reason) == ("failed", f"failed {TASK.max_retries + 1} times")
    assert failure(raised(final(410)), task, 0).reason == "discarded by the task"


def test_a_status_that_cannot_be_read_is_none():
    class Broken(Exception):
        @property
        def status(self) -> int:
            raise RuntimeError("no answer yet")

    policy = RetryPolicy(retry_on=("5xx",))
    assert (
        failure(raised(Broken()), msgspec.structs.replace(TASK, retry=policy), 0).status == "failed"
    )


@pytest.mark.parametrize(
    ("error", "left", "status"),
    [
        (ValueError("no"), 5_000, "retrying"),
        (ValueError("no"), 4_999, "failed"),
        (ValueError("no"), -1, "failed"),
        (RetryAfter(7), 7_000, "retrying"),
        (RetryAfter(7), 6_999, "failed"),
        (Retry(when=7), 7_000, "retrying"),
        (Retry(when=7), 6_999, "failed"),
        (TimeLimitExceeded(3), 4_999, "failed"),
    ],
    ids=repr,
)
def test_no_attempt_begins_after_the_deadline(error, left, status):
    outcome = failure(raised(error), TASK, 0, left=left)
    assert (outcome.status, outcome.failures) == (status, 1)
    if status == "failed":
        assert outcome.reason == "its deadline leaves no time for another attempt"
        assert outcome.error.type.endswith(type(error).__name__)


@pytest.mark.parametrize("error", [SoftTimeLimitExceeded(), TimeLimitExceeded(3)])
def test_time_limits_are_retried_and_called_timed_out(error):
    outcome = failure(raised(error), TASK, 0)
    assert (outcome.status, outcome.outcome) == ("retrying", "timed_out")
    outcome = failure(raised(error), TASK, 2)
    assert (outcome.status, outcome.outcome) == ("failed", "timed_out")


def test_celerys_retry_says_when():
    moment = datetime.now(timezone.utc) + timedelta(seconds=30)
    for when, delay in ((7, 7_000), (0.5, 500), (None, 0), (-3, 0)):
        assert failure(raised(Retry(when=when)), TASK, 5).delay == delay
    assert 29_000 < failure(raised(Retry(when=moment)), TASK, 0).delay <= 30_000
    naive = moment.replace(tzinfo=None)
    assert 29_000 < failure(raised(Retry(when=naive)), TASK, 0).delay <= 30_000


def test_the_cause_of_a_retry_is_its_error():
    outcome = failure(raised(Retry(exc=raised(KeyError("gone")), when=1)), TASK, 0)
    assert (outcome.outcome, outcome.error.type) == ("retried", "KeyError")


def test_ignore_and_reject():
    assert failure(raised(Ignore()), TASK, 0).status == "succeeded"
    outcome = failure(raised(Reject("no")), TASK, 0)
    assert (outcome.status, outcome.reason) == ("failed", "rejected")
    outcome = failure(raised(Reject("later", requeue=True)), TASK, 0)
    assert (outcome.status, outcome.outcome) == ("queued", "handed_back")


def test_what_an_error_says_is_bounded():
    outcome = failure(raised(ValueError("x" * 100_000)), TASK, 0)
    assert len(outcome.error.message) == MESSAGE_LIMIT
    assert len(outcome.error.traceback) == TRACEBACK_LIMIT


def test_an_error_that_cannot_be_put_into_words():
    class Silent(Exception):
        __str__ = Mute.__repr__

    outcome = failure(raised(Silent()), TASK, 0)
    assert outcome.status == "retrying"
    assert outcome.error.type.endswith("Silent")
    assert outcome.error.message == "a Silent that cannot be put into words (RuntimeError)"


def test_an_error_with_text_that_is_no_utf_8():
    outcome = failure(raised(OSError("\udcff.txt")), TASK, 0)
    assert msgspec.json.encode(outcome.error)
