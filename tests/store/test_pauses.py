"""Pauses by scope, what they hold, and what tasks say of them."""

from __future__ import annotations

import msgspec
import pytest

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.store.pauses import ALL, MOST, Pause, queue_scope, type_scope
from dispatch_app.store.runs import Lease
from dispatch_app.store.tasks import TaskFilter
from tests.store.scene import HOURLY, ONE_OFF


def test_a_pause_and_its_end(scene):
    pauses = scene.store.pauses
    begun = pauses.pause(queue_scope("reports"), "ci", "moving house")
    assert begun == Pause(
        scope="queue:reports", paused=True, who="ci", at=begun.at, note="moving house"
    )
    assert abs(begun.at - scene.store.now()) < 60_000
    assert pauses.list() == [begun]
    ended = pauses.resume("queue:reports")
    assert ended == msgspec.structs.replace(begun, paused=False)
    assert pauses.list() == []
    assert pauses.resume("queue:reports") == Pause(scope="queue:reports", paused=False)


def test_they_are_listed_with_what_they_hold(scene):
    scene.task("t1")
    scene.held_run("r1", "t1", "type:echo")
    scene.held_run("r2", "t1", "type:echo")
    scene.store.pauses.pause(ALL, "ops")
    assert [(one.scope, one.held) for one in scene.store.pauses.list()] == [
        ("all", 0), ("type:echo", 2),
    ]  # fmt: skip
    assert scene.store.pauses.resume("type:echo").held == 2
    assert scene.store.pauses.release("type:echo") == 2
    assert scene.store.pauses.release("type:echo") == 0


def test_there_are_so_many_and_no_more(scene):
    for n in range(MOST):
        scene.store.pauses.pause(queue_scope(str(n)), "ci")
    with pytest.raises(InvalidInput, match="200 pauses"):
        scene.store.pauses.pause(ALL, "ci")
    assert scene.store.pauses.of_everything() is None


def test_of_everything(scene):
    scene.store.pauses.pause(type_scope("all"), "ci")
    assert scene.store.pauses.of_everything() is None
    scene.store.pauses.pause(ALL, "ci", "a note")
    assert str(scene.store.pauses.of_everything()) == "Everything is paused by ci: a note"


def test_a_start_says_that_it_is_paused(scene):
    scene.task()
    scene.queued()
    scene.pause()
    asked = {"token": "t", "worker": "w", "lease": 10_000, "queue": "default"}
    assert scene.store.runs.start("r", 1, **asked) == "PAUSED"
    scene.resume()
    assert isinstance(scene.store.runs.start("r", 1, **asked), Lease)


# What tasks say


def notes(scene, task_id: str = "t") -> tuple[str, ...]:
    """What a task says, alone and in a listing."""
    found = scene.store.tasks.get(task_id)
    (listed,) = [t for t in scene.store.tasks.list(TaskFilter(), 50).items if t.id == task_id]
    assert listed == found
    return found.notes


def test_a_task_names_every_pause_that_stands_in_its_way(scene):
    scene.task()
    for scope, note in (
        ("queue:default", "too slow"), ("type:echo", ""), (ALL, "night"),
        ("queue:other", ""), ("type:email", ""),
    ):  # fmt: skip
        scene.store.pauses.pause(scope, "ci", note)
    assert notes(scene) == (
        "Everything is paused by ci: night",
        "The queue default is paused by ci: too slow",
        "The type echo is paused by ci",
    )
    scene.store.pauses.resume(ALL)
    scene.store.pauses.resume("type:echo")
    assert notes(scene) == ("The queue default is paused by ci: too slow",)


def test_what_it_says_of_itself_comes_first(scene):
    scene.task()
    scene.call("pause", id="t", pause=True, note="Paused by ops")
    scene.pause(note="night")
    assert notes(scene) == ("Paused by ops", "Everything is paused by ci: night")


def test_a_task_that_does_not_wait_says_nothing(scene):
    scene.task("t", ONE_OFF, next=None, status="queued")
    scene.running()
    scene.pause()
    assert notes(scene) == ()
    scene.finish()
    assert notes(scene) == ()
    scene.task("cancelled", HOURLY)
    scene.call("cancel", id="cancelled", keep=9)
    assert notes(scene, "cancelled") == ()


def test_a_task_that_cannot_be_read_says_that(scene):
    scene.task()
    scene.client.hset(scene.store.keys.task("t"), "def", "nonsense")
    scene.pause()
    (note,) = notes(scene)
    assert "definition" in note
