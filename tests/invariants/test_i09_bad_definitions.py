"""I9: what cannot be planned is parked with a clear error and stops no other task, whatever
scheduler meets it and wherever that one dies."""

from __future__ import annotations

import pytest

from tests.invariants.schedules import check, every

#: what somebody's hand, a removed zone or another version may leave in a task's record
DAMAGE = {
    "no JSON": "garbage",
    "no task": "[]",
    "no type": "{}",
    "a zone that is gone": (
        '{"v":1,"type":"add","schedule":{"type":"cron","cron":"* * * * *","timezone":"Mars/Base"}}'
    ),
    "a date that is none": '{"v":1,"type":"add","schedule":{"type":"cron","cron":"0 0 30 2 *"}}',
}


def damaged(installation, text: str) -> str:
    """A task that is due soon and whose record has been damaged since."""
    task_id = next(iter(every(installation, interval=500, times=3, count=1)))
    with installation.server.client() as client:
        client.hset(installation.store.keys.task(task_id), "def", text)
    return task_id


def parked(installation, task_id: str) -> bool:
    return installation.status_of(task_id) == "paused"


@pytest.mark.parametrize("fault", ["BeforeCommit", "AfterCommit"])
def test_bad_records_stop_no_good_one_though_their_scheduler_dies(installation, fault):
    wanted = every(installation, interval=200, times=10, count=20)
    bad = {name: damaged(installation, text) for name, text in DAMAGE.items()}
    dying = installation.beat("-S", f"tests.scheduler.faults:{fault}", wait=False)
    assert dying.wait() == -9
    installation.beat()
    check(installation, wanted)
    for name, task_id in bad.items():
        installation.until(lambda: parked(installation, task_id), f"{name} to be parked")  # noqa: B023
        notes = installation.store.tasks.get(task_id).notes
        assert any(note.startswith("It cannot be planned: ") for note in notes), (name, notes)
        assert installation.runs_of(task_id) == []
