"""Cron's `H`: a number hashed from the task's id, as Jenkins has it."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule import Cron, occurrences
from dispatch_app.domain.schedule.hashed import expand, is_hashed
from tests.domain.moments import DAY, MINUTE, ms

START = ms("2026-01-01T00:00:00+00:00")
KEYS = [f"task-{number}" for number in range(3_000)]


@pytest.mark.parametrize(
    ("text", "hashed"),
    [
        ("H * * * *", True),
        ("0 h/6 * * *", True),
        ("0 0 1,H(2-9) * *", True),
        ("0 0 * * thu", False),
    ],
)
def test_it_is_told_from_other_expressions(text, hashed):
    assert is_hashed(text) is hashed
    assert (expand(text, "a") != text) is hashed


def test_it_is_always_the_same_for_a_task_and_differs_between_tasks_and_fields():
    assert expand("H H * * *", "a") == expand("H H * * *", "a")
    minutes, hours = zip(*(expand("H H * * *", key).split()[:2] for key in KEYS), strict=True)
    assert set(map(int, minutes)) == set(range(60))
    assert set(map(int, hours)) == set(range(24))
    assert len(set(zip(minutes, hours, strict=True))) > 1_000


def test_tasks_are_spread_evenly():
    counts = Counter(expand("H * * * *", key) for key in KEYS)
    # 50 a minute are expected; 6 standard deviations of a binomial are 42
    assert max(counts.values()) < 92
    assert min(counts.values()) > 8


@pytest.mark.parametrize(
    ("text", "field", "allowed"),
    [
        ("H(10-19) * * * *", 0, range(10, 20)),
        ("0 0 H * *", 2, range(1, 29)),
        ("0 0 * H *", 3, range(1, 13)),
        ("0 0 * * H", 4, range(7)),
        ("H 0 0 * * *", 0, range(60)),
    ],
)
def test_it_stays_within_its_range(text, field, allowed):
    found = {int(expand(text, key).split()[field]) for key in KEYS}
    assert found == set(allowed)


def test_a_step_begins_at_a_number_of_its_own():
    assert {expand("H/15 * * * *", key) for key in KEYS} == {
        f"{first}-59/15 * * * *" for first in range(15)
    }


def test_an_expression_with_it_runs_once_a_day_at_the_same_time():
    schedule = Cron(cron="H H * * *").settled("a", START)
    found = occurrences(schedule, START, 5)
    assert [later - earlier for earlier, later in pairwise(found)] == [DAY] * 4
    assert found != occurrences(Cron(cron="H H * * *").settled("b", START), START, 5)
    assert schedule.settled("a", START + MINUTE) == schedule


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("H(5-2) * * * *", "within 0-59"),
        ("H(0-60) * * * *", "within 0-59"),
        ("H/0 * * * *", "from 1 to 60"),
        ("H(0-9)/11 * * * *", "from 1 to 10"),
        ("H-5 * * * *", "H stands alone|not a number|drawn"),
    ],
)
def test_what_makes_no_sense_is_refused(text, why):
    with pytest.raises(InvalidInput, match=why):
        Cron(cron=text).check()
