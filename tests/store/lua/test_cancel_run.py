"""cancel_run.lua: one run ends; a running one is fenced."""

from __future__ import annotations

import pytest

from tests.store.scene import KEEP, MINUTE, NOW, Scene


@pytest.fixture(autouse=True)
def task(scene):
    return scene.task()


def cancel(scene: Scene, run_id: str = "r", keep: int = KEEP):
    return scene.call("cancel_run", id=run_id, reason="by hand", keep=keep)


def test_a_queued_run(scene):
    scene.queued()
    before = scene.state()
    assert cancel(scene) == ["OK"]
    assert scene.changes(before) == {
        "done:t": ["r"],
        "events": ["run.cancelled t/r cancelled"],
        "run:r": {"finished": str(NOW), "reason": "by hand", "status": "cancelled"},
        "runs:status:cancelled": {"r": 0},
        "runs:status:queued": None,
        f"stats:{MINUTE}": {"echo|cancelled": "1"},
        "task:t": {"lrf": str(NOW), "lrs": "cancelled", "n:cancelled": "1"},
    }
    # its message finds nothing to do
    assert scene.start() == ["FINISHED", "cancelled"]


def test_a_running_run_loses_its_lease(scene):
    scene.running()
    before = scene.state()
    assert cancel(scene) == ["OK"]
    changes = scene.changes(before)
    assert changes["leases"] is None
    assert changes["runs:status:running"] is None
    assert changes["run:r"]["token"] is None
    assert scene.finish() == ["LOST"]
    assert scene.call("renew", lease=10_000, runs=[["r", "token"]]) == [["r"], []]


def test_a_retrying_run_leaves_the_agenda(scene):
    scene.retrying()
    before = scene.state()
    assert cancel(scene) == ["OK"]
    changes = scene.changes(before)
    assert changes["agenda"] == {"r:r": None}
    assert changes["run:r"]["retry_at"] is None


def test_once_more_does_no_harm(scene):
    scene.queued()
    cancel(scene)
    before = scene.state()
    assert cancel(scene) == ["OK"]
    assert scene.changes(before) == {}


@pytest.mark.parametrize("status", ["succeeded", "failed"])
def test_a_finished_run_stays_as_it_is(scene, status):
    scene.finished(status=status)
    before = scene.state()
    assert cancel(scene) == ["ENDED", status]
    assert scene.changes(before) == {}


def test_an_unknown_run_is_not_found(scene):
    before = scene.state()
    assert cancel(scene) == ["NOT_FOUND"]
    assert scene.changes(before) == {}


def test_the_oldest_finished_runs_go(scene):
    for number in range(5):
        scene.queued(f"r{number}")
        cancel(scene, f"r{number}", keep=3)
    assert scene.state()["done:t"] == ["r4", "r3", "r2"]
    assert list(scene.state()["runs"]) == ["r2", "r3", "r4"]
