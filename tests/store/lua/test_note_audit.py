"""note_audit.lua: what a slice came upon is added up by kind; test_claim_audit has the rest."""

from __future__ import annotations

from tests.store.scene import NOW, Scene


def note(scene: Scene, cursor: str, found: dict[str, int]) -> int:
    return scene.call("note_audit", walk="all", was="", cursor=cursor, wait=7, found=found)


def test_nothing_found_is_nothing_written(scene):
    assert note(scene, "here", {}) == 1
    assert scene.state() == {"audit": {"cursor:all": "here", "due:all": str(NOW + 7)}}


def test_what_was_found_is_added_up(scene):
    note(scene, "", {"lease": 2})
    note(scene, "", {"lease": 20_000, "record": 1})
    assert scene.store.audits.figures() == {
        "finished:all": NOW,
        "found:lease": 20_002,
        "found:record": 1,
    }
