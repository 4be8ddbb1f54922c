"""What follows an attempt whose worker vanished."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch_app.domain.loss import delay_after, why_given_up
from dispatch_app.domain.task import MAX_LOST, Task
from tests.properties import bounded

LEASE = 15_000
#: ms until a worker that died is back.
RESTART = 3_000


@pytest.mark.parametrize(
    ("most", "lost", "reason"),
    [
        (3, 3, None),
        (3, 4, "its worker's process vanished 4 times"),
        (0, 1, "its worker's process vanished"),
        (100, 100, None),
    ],
)
def test_so_many_lost_attempts_are_followed_by_another_one(most, lost, reason):
    assert why_given_up(Task(type="x", max_lost=most), lost) == reason


def test_what_may_not_be_started_twice_ends_with_its_first_loss():
    task = Task(type="x", on_worker_lost="fail", max_lost=100)
    assert why_given_up(task, 1) == "its worker's process vanished, and it may not be started twice"


def test_the_first_loss_costs_no_time_and_the_later_ones_more_and_more():
    waits = [delay_after(lost, LEASE, 0.5) for lost in range(1, 8)]
    assert waits == [0, *(LEASE * half for half in (1, 2, 4, 8, 8, 8))]


@given(st.integers(1, 10_000), st.integers(1, 600_000), st.floats(0, 1, exclude_max=True))
@bounded(200)
def test_no_wait_is_longer_than_sixteen_leases(lost, lease, chance):
    assert 0 <= delay_after(lost, lease, chance) < 16 * lease or lost == 1


def given_up_beside(length: int, chance: random.Random, others: int = 7) -> int:
    """How many runs of this length end with one that kills the worker in which all of them are,
    each time that it begins."""
    lost, due = [0] * (others + 1), [0] * (others + 1)
    left, back = set(range(1, others + 1)), 0
    while lost[0] <= MAX_LOST:
        kill = max(due[0], back)
        left = {n for n in left if max(due[n], back) + length > kill}
        hit = {n for n in left if max(due[n], back) <= kill}
        for n in hit | {0}:
            lost[n] += 1
            due[n] = kill + LEASE + delay_after(lost[n], LEASE, chance.random())
        back = kill + RESTART
    return sum(lost[n] > MAX_LOST for n in range(1, others + 1))


@pytest.mark.parametrize(("seconds", "share"), [(1, 0.001), (5, 0.03), (15, 0.12), (3_600, 0.3)])
def test_most_of_what_died_beside_a_run_that_kills_its_worker_lives(seconds, share):
    """Without the waits all of them would end with it."""
    chance = random.Random(seconds)
    ended = sum(given_up_beside(seconds * 1000, chance) for _ in range(1_000))
    assert ended / 7_000 <= share
