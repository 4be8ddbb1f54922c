"""audit_agenda.lua: what nobody awaits leaves the agenda, and what pauses hold."""

from __future__ import annotations

import pytest

from tests.store.scene import NOW, Scene


def audit(scene: Scene, *members: str, mend: bool = True, **fields):
    return scene.call("audit_agenda", members=members, mend=mend, **fields)


@pytest.mark.parametrize("name", ["t:x", "r:x", "x:x", "k:x", "b:x"])
def test_what_nobody_awaits_is_taken_off(scene, name):
    scene.client.zadd(scene.store.keys.agenda(), {name: NOW})
    before = scene.state()
    assert [each[0] for each in audit(scene, name, mend=False)] == ["agenda"]
    assert scene.changes(before) == {}
    assert [each[0] for each in audit(scene, name)] == ["agenda"]
    assert scene.changes(before) == {"agenda": None, "events": scene.events()}


@pytest.mark.parametrize("name", ["c:holidays", "z:", "h:all", "?:from a newer program"])
def test_what_it_does_not_know_it_leaves_alone(scene, name):
    scene.client.zadd(scene.store.keys.agenda(), {name: NOW})
    assert audit(scene, name) == []
    assert scene.state()["agenda"] == {name: NOW}


def test_what_has_left_in_the_meantime_is_nothing(scene):
    assert audit(scene, "t:x") == []


def test_what_is_awaited_stays(scene):
    scene.task()
    scene.queued(expires=NOW + 9)
    scene.retrying("again")
    assert audit(scene, "t:t", "x:r", "r:again") == []


def test_a_pause_holds_what_says_so(scene):
    scene.held_task()
    scene.task("other")
    scene.client.zadd(scene.store.keys.held("all"), {"t:other": NOW})
    assert [each[1] for each in audit(scene, "t:t", "t:other", scope="all")] == ["other"]
    assert set(scene.state()["held:all"]) == {"t:t"}


def test_20_000_members_in_pieces(scene):
    names = [f"t:{n}" for n in range(20_000)]
    scene.client.zadd(scene.store.keys.agenda(), dict.fromkeys(names, NOW))
    found = sum(len(audit(scene, *names[first : first + 200])) for first in range(0, 20_000, 200))
    assert found == 20_000
    assert "agenda" not in scene.state()
