"""audit_letters.lua: what is no dead letter leaves their listing."""

from __future__ import annotations

import pytest

from tests.store.scene import NOW, Scene

LETTER = f"{NOW}~r"


@pytest.fixture(autouse=True)
def letter(scene):
    scene.task()
    return scene.finished("r", status="failed")


def audit(scene: Scene, *members: str, mend: bool = True):
    return scene.call("audit_letters", members=members, mend=mend)


@pytest.mark.parametrize("name", ["x", "", f"{NOW}~unknown", f"{NOW + 1}~r", f"{LETTER}~"])
def test_what_is_no_letter_is_taken_out(scene, name):
    scene.client.zadd(scene.store.keys.dead(), {name: 5})
    before = scene.state()
    assert [each[0] for each in audit(scene, name, mend=False)] == ["listing"]
    assert scene.changes(before) == {}
    assert [each[0] for each in audit(scene, name)] == ["listing"]
    assert set(scene.changes(before)) == {"dead", "events"}
    assert scene.state()["dead"] == {LETTER: 0}


def test_a_letter_stays_whatever_is_at_its_name(scene):
    assert audit(scene, LETTER) == []
    scene.client.set(scene.store.keys.run("other"), "x")
    scene.client.zadd(scene.store.keys.dead(), {f"{NOW}~other": 0})
    assert audit(scene, LETTER, f"{NOW}~other") == []
    assert set(scene.state()["dead"]) == {LETTER, f"{NOW}~other"}


def test_what_has_left_in_the_meantime_is_nothing(scene):
    assert audit(scene, "x") == []


def test_20_000_members_in_pieces(scene):
    names = [f"{NOW}~{n}" for n in range(20_000)]
    scene.client.zadd(scene.store.keys.dead(), dict.fromkeys(names, 0))
    found = sum(len(audit(scene, *names[first : first + 200])) for first in range(0, 20_000, 200))
    assert found == 20_000
    assert set(scene.state()["dead"]) == {LETTER}
