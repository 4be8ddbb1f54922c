"""What workers say that they can do."""

from __future__ import annotations

from dispatch_app.store.types import TaskType

ECHO = TaskType(name="echo", schema={"type": "object"}, description="Says it again.", queue="fast")


def test_what_is_announced_is_known(scene):
    email = TaskType(name="email", schema={})
    scene.store.types.announce([email, ECHO])
    assert scene.store.types.get("echo") == ECHO
    assert scene.store.types.all() == [ECHO, email]
    assert scene.store.types.get("unknown") is None


def test_the_last_to_speak_is_believed(scene):
    scene.store.types.announce([ECHO])
    other = TaskType(name="echo", schema={"type": "object", "required": ["text"]})
    scene.store.types.announce([other])
    assert scene.store.types.all() == [other]


def test_nobody_knows_anything_at_first(scene):
    assert scene.store.types.all() == []


def test_twenty_thousand_types_are_announced_and_read(scene):
    many = [TaskType(name=f"type{n:05d}", schema={}) for n in range(20_000)]
    scene.store.types.announce(many)
    assert scene.store.types.all() == many
