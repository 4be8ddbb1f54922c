"""release.lua: what a pause held goes back to the agenda, in pieces."""

from __future__ import annotations

import pytest

from tests.store.scene import NOW, QUEUE, Scene

DUE = NOW + 60_000


def release(scene: Scene, scope: str = "all", limit: int = 500) -> int:
    return scene.call("release", scope=scope, limit=limit)


def test_an_occurrence_is_due_at_the_moment_that_it_had(scene):
    before = scene.state()
    scene.held_task()
    scene.resume(now=NOW + 9_000_000)
    assert release(scene) == 1
    changes = scene.changes(before)
    assert changes["agenda"] == {"t:t": DUE}
    assert "held" not in changes["task:t"]
    assert "held:all" not in changes


def test_a_run_has_its_message_sent_again(scene):
    scene.task()
    scene.held_run()
    scene.resume()
    assert release(scene) == 1
    state = scene.state()
    assert state["agenda"] == {"r:r": NOW, "t:t": DUE}
    assert "held" not in state["run:r"]
    assert "reason" not in state["run:r"]
    entry = {"member": "r:r", "due": NOW, "queue": QUEUE, "message": "again", "attempt": 1}
    assert scene.call("commit", entries=[entry]) == 1
    assert scene.state()[QUEUE] == ["again", "message of r"]
    assert scene.start()[0] == "OK"


def test_what_is_paused_again_stays_held(scene):
    scene.held_task()
    scene.resume()
    scene.pause()
    # as of a scheduler that read the agenda before
    before = scene.state()
    assert release(scene) == 0
    assert scene.changes(before) == {}


def test_a_piece_leaves_the_rest_for_the_next_one(scene):
    for n in range(3):
        scene.held_task(f"t{n}")
    scene.resume(now=NOW + 90_000)
    assert release(scene, limit=2) == 2
    state = scene.state()
    assert state["agenda"] == {"t:t0": DUE, "t:t1": DUE, "h:all": NOW + 90_000}
    assert state["held:all"] == {"t:t2": DUE}
    assert state["task:t2"]["held"] == "all"
    assert release(scene, limit=2) == 1
    assert scene.state()["agenda"] == {"t:t0": DUE, "t:t1": DUE, "t:t2": DUE}
    assert release(scene, limit=2) == 0


def test_a_scope_releases_what_is_its_own(scene):
    scene.held_task("t1", scope="type:echo")
    scene.held_task("t2", scope="queue:default")
    scene.resume("queue:default")
    assert release(scene, "queue:default") == 1
    assert scene.state()["held:type:echo"] == {"t:t1": DUE}


@pytest.mark.parametrize("kind", ["task", "run"])
def test_a_record_that_is_no_hash_stops_nothing(scene, kind):
    scene.held_task()
    scene.held_run()
    scene.client.set(getattr(scene.store.keys, kind)(kind[0]), "garbage")
    scene.resume()
    assert release(scene) == 2
    assert scene.state()["agenda"] == {"t:t": DUE, "r:r": NOW}


def test_20_000_members_go_back_in_pieces(scene):
    many = 20_000
    scene.client.zadd(scene.store.keys.held("all"), {f"t:t{n:05d}": n for n in range(many)})
    scene.resume(now=many)
    pieces = [release(scene)]
    # the oldest first
    assert scene.client.zscore(scene.store.keys.agenda(), "t:t00499") == 499
    while pieces[-1]:
        pieces.append(release(scene))
    assert pieces == [500] * 40 + [0]
    assert scene.client.zcard(scene.store.keys.agenda()) == many
