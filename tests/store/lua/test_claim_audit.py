"""claim_audit.lua and note_audit.lua: schedulers share a walk, a slice each."""

from __future__ import annotations

from tests.store.scene import NOW, Scene

LEASE, WAIT = 30_000, 1_000


def claim(scene: Scene, walk: str = "all", now: int = NOW):
    return scene.call("claim_audit", walk=walk, lease=LEASE, now=now)


def note(scene: Scene, was: str, cursor: str, now: int = NOW, **found: int) -> int:
    return scene.call(
        "note_audit", walk="all", was=was, cursor=cursor, wait=WAIT, found=found, now=now
    )


def test_the_first_to_ask_gets_the_slice_and_others_wait(scene):
    assert claim(scene) == [0, ""]
    assert claim(scene, now=NOW + 1) == [LEASE - 1]
    assert claim(scene, "unfinished") == [0, ""], "another walk"


def test_the_next_slice_begins_where_the_last_one_ended(scene):
    claim(scene)
    assert note(scene, "", "here") == 1
    assert claim(scene, now=NOW + WAIT - 1) == [1]
    assert claim(scene, now=NOW + WAIT) == [0, "here"]


def test_a_slice_that_nobody_finished_is_done_again(scene):
    claim(scene)
    note(scene, "", "here")
    assert claim(scene, now=NOW + WAIT) == [0, "here"]
    assert claim(scene, now=NOW + WAIT + LEASE) == [0, "here"]
    # whoever comes back late changes nothing but what it has found
    assert note(scene, "here", "there") == 1
    before = scene.state()
    assert note(scene, "here", "elsewhere", lease=2) == 0
    assert scene.changes(before) == {"audit": {"found:lease": "2"}}


def test_the_end_of_a_walk_is_written_down(scene):
    claim(scene)
    note(scene, "", "here", lease=1)
    note(scene, "here", "", now=NOW + 5, lease=1, agenda=3)
    state = scene.state()["audit"]
    assert state["finished:all"] == str(NOW + 5)
    assert (state["found:lease"], state["found:agenda"]) == ("2", "3")
    assert claim(scene, now=NOW + 5 + WAIT) == [0, ""]


def test_a_moment_that_another_clock_gave_holds_nobody_up(scene):
    claim(scene, now=NOW + 10 * 86_400_000)
    assert claim(scene) == [0, ""]


def test_20_000_slices(scene):
    """A walk is a counter and a cursor, however long it is."""
    keys = len(scene.client.keys())
    for n in range(20):
        assert note(scene, str(n) if n else "", str(n + 1), record=20_000) == 1
    assert len(scene.client.keys()) == keys + 1
    assert scene.store.audits.figures() == {"found:record": 20 * 20_000}
