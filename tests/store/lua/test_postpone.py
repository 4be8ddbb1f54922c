"""postpone.lua: the message of a queued run is sent again later."""

from __future__ import annotations

import pytest

from tests.store.scene import KEEP, MINUTE, NOW, Scene


@pytest.fixture(autouse=True)
def task(scene):
    return scene.task()


def postpone(scene: Scene, *, now: int = NOW, keep: int = KEEP, **arguments):
    fields = {"id": "r", "attempt": 1, "delay": 5_000, "reason": "nobody knows it", **arguments}
    return scene.call("postpone", now=now, keep=keep, **fields)


def test_it_waits_on_the_agenda_and_says_why(scene):
    scene.queued()
    before = scene.state()
    assert postpone(scene) == ["OK"]
    assert scene.changes(before) == {
        "agenda": {"r:r": NOW + 5_000},
        "run:r": {"reason": "nobody knows it"},
    }


def test_too_late_to_start_it_expires(scene):
    scene.queued(expires=NOW + 1_000)
    before = scene.state()
    assert postpone(scene, now=NOW + 1_001) == ["OK"]
    assert scene.changes(before) == {
        "agenda": {"x:r": None},
        "done:t": ["r"],
        "events": ["run.expired t/r expired"],
        "run:r": {
            "finished": str(NOW + 1_001),
            "reason": "nobody knows it",
            "status": "expired",
        },
        "runs:status:expired": {"r": 0},
        "runs:status:queued": None,
        f"stats:{MINUTE}": {"echo|expired": "1"},
        "task:t": {"lrf": str(NOW + 1_001), "lrs": "expired", "n:expired": "1"},
    }


@pytest.mark.parametrize(
    ("seed", "arguments"),
    [
        ("queued", {"attempt": 2}),
        ("running", {}),
        ("retrying", {}),
        ("finished", {}),
        ("queued", {"id": "unknown"}),
    ],
)
def test_another_attempt_is_on_already(scene, seed, arguments):
    getattr(scene, seed)()
    before = scene.state()
    assert postpone(scene, **arguments) == ["STALE"]
    assert scene.changes(before) == {}


def test_the_oldest_finished_runs_go(scene):
    for number in range(5):
        scene.queued(f"r{number}", expires=NOW)
        postpone(scene, id=f"r{number}", now=NOW + 1, keep=3)
    assert scene.state()["done:t"] == ["r4", "r3", "r2"]
