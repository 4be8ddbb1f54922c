"""announce.lua: what workers say that they can do."""

from __future__ import annotations

from tests.store.scene import NOW

DAY = 86_400_000


def test_the_last_to_speak_is_believed(scene):
    assert scene.call("announce", types=[["echo", "1"], ["email", "1"]]) == ["OK"]
    scene.call("announce", types=[["echo", "2"]], now=NOW + 1)
    assert scene.state() == {
        "types": {"echo": "2", "email": "1"},
        "types:seen": {"echo": NOW + 1, "email": NOW},
    }


def test_what_nobody_has_announced_for_a_day_is_forgotten(scene):
    scene.call("announce", types=[["old", "1"]])
    scene.call("announce", types=[["new", "1"]], now=NOW + DAY - 1)
    assert set(scene.state()["types"]) == {"old", "new"}
    scene.call("announce", types=[["new", "1"]], now=NOW + DAY)
    assert scene.state() == {"types": {"new": "1"}, "types:seen": {"new": NOW + DAY}}


def test_twenty_thousand_types_come_and_go(scene):
    names = [[f"type{n}", "{}"] for n in range(20_000)]
    scene.call("announce", types=names)
    assert scene.client.hlen(scene.store.keys.types()) == 20_000
    # so many at a time, each time that somebody speaks
    scene.call("announce", types=[], now=NOW + DAY)
    assert scene.client.hlen(scene.store.keys.types()) == 19_500
