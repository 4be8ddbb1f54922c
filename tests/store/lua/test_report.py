"""report.lua: progress and log lines of a running attempt."""

from __future__ import annotations

import pytest

from tests.store.scene import Scene


@pytest.fixture(autouse=True)
def task(scene):
    return scene.task()


def report(scene: Scene, progress: str | None = None, lines=(), keep: int = 1_000, **arguments):
    fields = {"id": "r", "token": "token", **arguments}
    return scene.call("report", progress=progress, lines=list(lines), keep=keep, **fields)


def test_progress_and_lines_are_kept_with_the_run(scene):
    scene.running()
    before = scene.state()
    assert report(scene, '{"done":1}', ["one", "two"]) == ["OK"]
    assert report(scene, lines=["three"]) == ["OK"]
    assert scene.changes(before) == {
        "log:r": ["one", "two", "three"],
        "run:r": {"progress": '{"done":1}'},
    }


def test_the_last_lines_are_kept(scene):
    scene.running()
    report(scene, lines=[f"line {n}" for n in range(20_000)], keep=3)
    assert scene.state()["log:r"] == ["line 19997", "line 19998", "line 19999"]


@pytest.mark.parametrize(
    ("seed", "arguments"),
    [("running", {"token": "other"}), ("queued", {}), ("finished", {}), ("queued", {"id": "x"})],
)
def test_who_does_not_hold_it_changes_nothing(scene, seed, arguments):
    getattr(scene, seed)()
    before = scene.state()
    assert report(scene, "1", ["line"], **arguments) == ["LOST"]
    assert scene.changes(before) == {}
