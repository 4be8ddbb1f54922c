"""The stored definition."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch_app.domain.schedule import KINDS, Cron, Interval, Once
from dispatch_app.domain.task import ENDED, TASK_STATUSES, StoredTask, Task
from tests.domain.schedules import recurring
from tests.properties import bounded


@pytest.mark.parametrize(
    ("schedule", "one_off"),
    [
        (None, True),
        (Once(start_time=0), True),
        (Interval(every=1_000), False),
        (Cron(cron="@daily"), False),
    ],
)
def test_a_task_without_a_recurring_schedule_is_a_one_off(schedule, one_off):
    assert Task(type="echo", schedule=schedule).is_one_off is one_off


def test_a_task_cannot_be_changed_in_place():
    with pytest.raises(AttributeError):
        Task(type="echo").name = "other"


def test_what_is_not_said_takes_no_room():
    assert msgspec.json.encode(Task(type="echo")) == b'{"type":"echo"}'


@given(st.one_of(st.none(), st.builds(Once, start_time=st.integers(0, 10**12)), recurring))
@bounded(100)
def test_it_comes_back_from_json_as_it_went(schedule):
    task = Task(type="echo", tags=("a", "b"), payload={"n": [1, None, "x"]}, schedule=schedule)
    assert msgspec.json.decode(msgspec.json.encode(task), type=Task) == task


def test_the_kinds_are_told_apart_by_their_tags():
    tags = [kind.__struct_config__.tag for kind in KINDS]
    assert tags == ["one-time", "interval", "steps", "cron", "several"]


@pytest.mark.parametrize("status", sorted({*TASK_STATUSES, *ENDED, "queued", "running"}))
def test_a_task_knows_whether_it_is_over(status):
    stored = StoredTask(
        id="1",
        definition=Task(type="echo"),
        revision=1,
        status=status,
        next_run_at=None,
        created_at=0,
        updated_at=0,
    )
    assert stored.is_over is (status in ENDED)
