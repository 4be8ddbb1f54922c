"""The plan of faults."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.chaos.plan import KINDS, plan

SUBJECTS = {"worker": 3, "beat": 2, "api": 1, "redis": 1, "proxy": 6}


def test_one_seed_is_one_plan_and_another_seed_another():
    assert plan(7, 120, SUBJECTS) == plan(7, 120, SUBJECTS)
    assert plan(7, 120, SUBJECTS) != plan(8, 120, SUBJECTS)


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_broken_in_two_ways_at_once(seed):
    faults = plan(seed, 600, SUBJECTS)
    for subject in {fault.subject for fault in faults}:
        mine = [fault for fault in faults if fault.subject == subject]
        for fault, following in pairwise(mine):
            assert following.at - fault.at - fault.lasts > 4.9
    assert [fault.at for fault in faults] == sorted(fault.at for fault in faults)
    assert all(fault.target < SUBJECTS[fault.subject[0]] for fault in faults)


def test_every_kind_comes_before_any_comes_again():
    kinds = [fault.kind for fault in plan(1, 600, SUBJECTS)]
    assert set(kinds[: len(KINDS)]) == set(KINDS)


def test_only_the_kinds_that_were_asked_for_come():
    assert {fault.kind for fault in plan(1, 60, SUBJECTS, ["kill beat"])} == {"kill beat"}
