"""What follows an attempt that raised."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch_app.domain.retry import (
    RetryPolicy,
    delay_before,
    is_asked_for,
    is_retryable,
    is_too_late,
    status_names,
    time_left,
)
from tests.properties import bounded

policies = st.builds(
    RetryPolicy,
    backoff=st.sampled_from(["fixed", "linear", "exponential"]),
    delay=st.integers(0, 86_400_000),
    factor=st.floats(1, 100),
    max_delay=st.integers(0, 30 * 86_400_000),
    jitter=st.booleans(),
)
chances = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("backoff", "delays"),
    [
        ("fixed", [1_000, 1_000, 1_000, 1_000, 1_000]),
        ("linear", [1_000, 2_000, 3_000, 4_000, 5_000]),
        ("exponential", [1_000, 3_000, 9_000, 10_000, 10_000]),
    ],
)
def test_delays_grow_as_the_backoff_says_up_to_the_cap(backoff, delays):
    policy = RetryPolicy(backoff=backoff, delay=1_000, factor=3, max_delay=10_000, jitter=False)
    assert [delay_before(policy, n, 0.5) for n in (1, 2, 3, 4, 5)] == delays


def test_jitter_spreads_over_the_whole_delay():
    policy = RetryPolicy(backoff="fixed", delay=1_000)
    assert [delay_before(policy, 1, chance) for chance in (0.0, 0.25, 0.999)] == [1_000, 750, 1]


@given(policies, st.integers(1, 10**6), chances)
@bounded(300)
def test_a_delay_is_never_negative_nor_above_the_cap(policy, failures, chance):
    delay = delay_before(policy, failures, chance)
    assert 0 <= delay <= policy.max_delay
    if policy.backoff == "fixed":
        assert delay <= policy.delay


@given(policies, st.integers(1, 1000), chances)
@bounded(300)
def test_a_drawn_delay_lies_between_nothing_and_the_full_one(policy, failures, chance):
    """Full jitter: all of it, and evenly, so that a chance of a quarter leaves three of it."""
    full = delay_before(msgspec.structs.replace(policy, jitter=False), failures, chance)
    drawn = delay_before(policy, failures, chance)
    if not policy.jitter:
        assert drawn == full
    else:
        assert 0 <= drawn <= full
        assert drawn == pytest.approx(full * (1 - chance), abs=2)


@given(policies, st.integers(1, 10**6))
@bounded(200)
def test_waiting_never_gets_shorter_without_jitter(policy, failures):
    if policy.jitter:
        return
    assert delay_before(policy, failures, 0) <= delay_before(policy, failures + 1, 0)


@pytest.mark.parametrize(
    ("retry_on", "dont_retry_on", "retried"),
    [
        ((), (), True),
        (("OSError",), (), True),
        (("builtins.OSError",), (), True),
        (("ValueError",), (), False),
        ((), ("ConnectionError",), False),
        ((), ("ValueError",), True),
        # the ban wins
        (("ConnectionError",), ("OSError",), False),
    ],
)
def test_which_errors_are_retried(retry_on, dont_retry_on, retried):
    policy = RetryPolicy(retry_on=retry_on, dont_retry_on=dont_retry_on)
    names = ("ConnectionError", "builtins.ConnectionError", "OSError", "builtins.OSError")
    assert is_retryable(policy, names) is retried


@pytest.mark.parametrize(
    ("retry_on", "dont_retry_on", "status", "retried"),
    [
        ((), (), 503, True),
        (("503",), (), 503, True),
        (("5xx",), (), 503, True),
        (("503",), (), 502, False),
        (("5xx",), ("501",), 501, False),
        (("5xx",), ("501",), 503, True),
        ((), ("5xx",), 500, False),
        ((), ("5xx",), 429, True),
        # a name beside it
        (("OSError", "429"), (), 429, True),
    ],
)
def test_a_status_is_named_by_itself_or_by_its_class(retry_on, dont_retry_on, status, retried):
    policy = RetryPolicy(retry_on=retry_on, dont_retry_on=dont_retry_on)
    assert is_retryable(policy, ("UnexpectedStatus", *status_names(status))) is retried


@pytest.mark.parametrize(
    ("retry_on", "dont_retry_on", "asked"),
    [
        ((), (), False),
        (("404",), (), True),
        (("4xx",), (), True),
        (("5xx", "410"), (), False),
        (("404",), ("4xx",), False),
    ],
)
def test_a_final_status_is_retried_only_where_a_policy_names_it(retry_on, dont_retry_on, asked):
    policy = RetryPolicy(retry_on=retry_on, dont_retry_on=dont_retry_on)
    assert is_asked_for(policy, 404) is asked


def test_a_deadline_counts_from_the_first_time_that_the_run_was_queued():
    assert time_left(RetryPolicy(), 1_000, 9_000) is None
    policy = RetryPolicy(deadline=5_000)
    assert [time_left(policy, 1_000, now) for now in (1_000, 6_000, 6_001)] == [5_000, 0, -1]


def test_what_begins_just_at_its_deadline_is_not_too_late():
    assert [is_too_late(5_000, left) for left in (None, 5_000, 4_999)] == [False, False, True]
    # one that would begin at once
    assert [is_too_late(0, left) for left in (0, -1)] == [False, True]
