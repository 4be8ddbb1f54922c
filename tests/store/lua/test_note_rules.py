"""note_rules.lua: newer zone data has all tasks planned anew."""

from __future__ import annotations

from tests.store.scene import NOW, Scene


def note(scene: Scene, version: str) -> list:
    return scene.call("note_rules", rules=version)


def test_of_a_new_installation_there_is_nothing_to_plan_anew(scene):
    assert note(scene, "2025b") == ["OK", 1]
    assert scene.state() == {"rules": "2025b"}


def test_another_version_has_all_tasks_planned_anew_and_the_same_one_does_not(scene):
    scene.task("t", next=NOW + 60_000)
    assert note(scene, "2025b") == ["OK", 1]
    assert scene.state()["agenda"]["z:"] == NOW
    scene.client.zrem(scene.store.keys.agenda(), "z:")
    assert note(scene, "2025b") == ["OK", 0]
    assert "z:" not in scene.state()["agenda"]
    assert note(scene, "2026a") == ["OK", 1]
    assert "z:" in scene.state()["agenda"]


def test_twenty_thousand_tasks_cost_nothing_here(scene):
    tasks = {f"{NOW}~t{number:05d}": 0 for number in range(20_000)}
    scene.client.zadd(scene.store.keys.tasks(), tasks)
    assert note(scene, "2025b") == ["OK", 1]
