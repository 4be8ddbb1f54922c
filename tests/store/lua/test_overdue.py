"""overdue.lua: what is too late to start expires, and what does not end when asked is ended."""

from __future__ import annotations

from tests.store.scene import KEEP, NOW, QUEUE, Scene, new_run

LATE = NOW + 60_000
CANCEL = {"policy": "cancel_other", "most": 1, "grace": 10_000, "keep": KEEP}


def overdue(scene: Scene, member: str, due: int, now: int | None = None) -> int:
    entries = [{"member": member, "due": due}]
    return scene.call("overdue", now=now or due, entries=entries, keep=KEEP)


def asked_to_end(scene: Scene) -> None:
    """A run that was asked to end by another one, which waits for it."""
    scene.task()
    scene.running("r1", overlap=CANCEL)
    reply = scene.call("trigger", id="t", type="echo", runs=[new_run("r2", overlap=CANCEL)])
    assert reply == ["OK", ["r2"]]


def test_a_run_that_nobody_started_expires(scene):
    scene.task()
    scene.queued(expires=LATE)
    before = scene.state()
    assert overdue(scene, "x:r", LATE) == 1
    changes = scene.changes(before)
    assert changes["run:r"] == {
        "finished": str(LATE),
        "reason": "it was not started in time",
        "status": "expired",
    }
    assert changes["agenda"] == {"x:r": None}
    assert changes["events"] == ["run.expired t/r expired"]


def test_one_that_has_started_does_not(scene):
    scene.task()
    scene.running(expires=LATE)
    before = scene.state()
    assert overdue(scene, "x:r", LATE) == 0
    assert scene.changes(before) == {}


def test_a_run_that_was_asked_to_end_is_ended_and_the_next_one_is_on_its_way(scene):
    asked_to_end(scene)
    assert scene.state()["run:r2"]["status"] == "waiting"
    before = scene.state()
    assert overdue(scene, "k:r1", NOW + 10_000) == 1
    changes = scene.changes(before)
    assert changes["run:r1"]["status"] == "cancelled"
    assert changes["run:r1"]["reason"] == "overlap: cancel_other"
    assert changes["leases"] is None
    assert changes["run:r2"]["status"] == "queued"
    assert changes[QUEUE][0] == "message of r2"


def test_a_moment_that_is_not_the_one_that_was_read_changes_nothing(scene):
    asked_to_end(scene)
    before = scene.state()
    assert overdue(scene, "k:r1", NOW + 9_999) == 0
    assert scene.changes(before) == {}


def test_what_nobody_knows_leaves_the_agenda(scene):
    for member in ("nonsense", "", "x:nobody", "k:nobody"):
        scene.client.zadd(scene.store.keys.agenda(), {member: NOW})
        assert overdue(scene, member, NOW) == 0
    assert scene.state() == {}


def test_twenty_thousand_are_ended_in_pieces(scene):
    scene.task()
    runs = [f"r{number:05d}" for number in range(20_000)]
    scene.many_queued(runs)
    scene.client.zadd(scene.store.keys.agenda(), {f"x:{run_id}": NOW for run_id in runs})
    entries = [{"member": f"x:{run_id}", "due": NOW} for run_id in runs[:500]]
    assert scene.call("overdue", now=NOW, entries=entries, keep=KEEP) == 500
