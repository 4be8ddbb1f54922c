"""start_backfill.lua: a window that schedulers make into runs."""

from __future__ import annotations

from tests.store.lua.test_carry_on import start
from tests.store.scene import KEEP, NOW


def test_it_waits_on_the_agenda_for_a_scheduler(scene):
    scene.task()
    before = scene.state()
    assert start(scene) == ["OK"]
    assert scene.changes(before) == {
        "agenda": {"b:b": NOW},
        "backfill:b": {
            "created": str(NOW),
            "cursor": "999",
            "end": "9000",
            "made": "0",
            "over": "0",
            "overlap": "allow_all",
            "start": "1000",
            "status": "running",
            "task": "t",
            "total": "2",
        },
        "backfills": {"b": 0},
        "backfills:task:t": {"b": 0},
    }


def test_of_no_task_and_of_a_cancelled_one_there_is_none(scene):
    assert start(scene) == ["NOT_FOUND"]
    scene.task()
    scene.call("cancel", id="t", keep=KEEP)
    assert start(scene) == ["CONFLICT", "cancelled"]


def test_the_oldest_that_are_over_are_forgotten(scene):
    scene.task()
    start(scene, "kept")
    for number in range(105):
        start(scene, f"b{number:03}")
        scene.call("cancel_backfill", id=f"b{number:03}", keep=KEEP)
    left = scene.state()["backfills:task:t"]
    assert len(left) <= 101
    assert "kept" in left
    assert "b000" not in left


def test_among_twenty_thousand_it_is_one_more(scene):
    scene.task()
    others = {f"b{number:05d}": 0 for number in range(20_000)}
    scene.client.zadd(scene.store.keys.backfills(), others)
    assert start(scene) == ["OK"]
