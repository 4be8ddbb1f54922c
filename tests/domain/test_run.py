"""The life of a run: what the table has to be, whatever is added to it."""

from __future__ import annotations

from typing import get_args

import pytest

from dispatch_app.domain.run import FINISHED, TRANSITIONS, Run, RunStatus, allowed
from dispatch_app.domain.task import Task

STATUSES = set(get_args(RunStatus))


def test_the_table_speaks_of_every_status_and_of_no_other():
    named = {before for before, _, _ in TRANSITIONS} | {after for _, _, after in TRANSITIONS}
    assert named == STATUSES | {None}
    assert FINISHED < STATUSES


def test_no_way_leads_out_of_a_finished_status():
    assert not [row for row in TRANSITIONS if row[0] in FINISHED]


def test_every_status_can_be_reached_and_left_for_an_end():
    assert _reachable(None) == STATUSES
    for status in STATUSES - FINISHED:
        assert _reachable(status) & FINISHED, f"{status} never ends"


def test_every_unfinished_run_can_be_cancelled():
    assert all(allowed(status, "cancelled") for status in STATUSES - FINISHED)


def test_only_a_running_run_can_succeed_fail_or_retry():
    for outcome in ("succeeded", "failed", "retrying"):
        assert {before for before, _, after in TRANSITIONS if after == outcome} == {"running"}


@pytest.mark.parametrize(
    ("before", "after", "may"),
    [
        (None, "queued", True),
        (None, "running", False),
        ("queued", "running", True),
        ("queued", "succeeded", False),
        ("running", "queued", True),
        ("running", "expired", False),
        ("retrying", "running", False),
        # its first attempt began in time
        ("retrying", "expired", False),
        ("succeeded", "queued", False),
        ("cancelled", "running", False),
    ],
)
def test_which_way_is_allowed(before, after, may):
    assert allowed(before, after) is may


@pytest.mark.parametrize("status", sorted(STATUSES))
def test_a_run_knows_whether_it_is_over(status):
    run = Run(id="1", task_id="2", definition=Task(type="echo"), status=status, scheduled_for=0)
    assert run.is_finished is (status in FINISHED)


def _reachable(start: str | None) -> set[str | None]:
    found: set[str | None] = set()
    ahead = [start]
    while ahead:
        here = ahead.pop()
        new = {after for before, _, after in TRANSITIONS if before == here} - found
        found |= new
        ahead += new
    return found
