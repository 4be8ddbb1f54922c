"""pause.lua: stop a schedule, and let it go on from the moment that it had."""

from __future__ import annotations

import pytest

from tests.store.scene import NOW, ONE_OFF, Scene, member

T = member("t")


def pause(scene: Scene, note: str = "", *, task_id: str = "t", now: int = NOW):
    return scene.call("pause", now=now, id=task_id, pause=True, note=note)


def resume(scene: Scene, *, now: int = NOW):
    return scene.call("pause", now=now, id="t", pause=False, note="")


def test_pause(scene):
    scene.task()
    before = scene.state()
    assert pause(scene, "holidays", now=NOW + 1) == ["OK"]
    assert scene.changes(before) == {
        "agenda": None,
        "events": ["task.paused t paused"],
        "task:t": {"note": "holidays", "status": "paused", "updated": str(NOW + 1)},
        "tasks:status:paused": {T: 0},
        "tasks:status:scheduled": None,
    }


def test_resume(scene):
    scene.task()
    before = scene.state()
    pause(scene, "holidays")
    assert resume(scene, now=NOW + 7_200_000) == ["OK"]
    # due at the moment that it had, although that has passed: its misfire policy decides
    assert scene.changes(before) == {
        "events": ["task.paused t paused", "task.resumed t scheduled"],
        "task:t": {"updated": str(NOW + 7_200_000)},
    }


def test_resuming_wakes_the_schedulers_if_it_is_first(scene):
    scene.task()
    pause(scene)
    with scene.client.pubsub() as listener:
        listener.subscribe(scene.store.keys.wake())
        assert listener.get_message(timeout=5)["type"] == "subscribe"
        resume(scene)
        assert listener.get_message(timeout=5)["type"] == "message"


def test_the_same_again_changes_only_the_note(scene):
    scene.task()
    pause(scene, "one")
    before = scene.state()
    assert pause(scene, "two") == ["OK"]
    assert scene.changes(before) == {"task:t": {"note": "two"}}
    assert pause(scene) == ["OK"]
    assert "note" not in scene.state()["task:t"]
    resume(scene)
    before = scene.state()
    assert resume(scene) == ["OK"]
    assert scene.changes(before) == {}


@pytest.mark.parametrize("way", [pause, resume])
def test_what_runs_or_has_ended_can_be_neither(scene, way):
    scene.task("t", ONE_OFF, next=None, status="queued")
    scene.running()
    before = scene.state()
    assert way(scene) == ["CONFLICT", "running"]
    assert scene.changes(before) == {}


def test_an_unknown_task_is_not_found(scene):
    assert pause(scene) == ["NOT_FOUND"]
    assert scene.state() == {}
