"""cancel_backfill.lua: no more runs, and none of its own goes on."""

from __future__ import annotations

from tests.store.lua.test_carry_on import carry_on, start
from tests.store.scene import KEEP, NOW


def test_a_cancelled_one_makes_no_more_and_its_runs_are_cancelled(scene):
    scene.task()
    start(scene)
    scene.queued("other")
    carry_on(scene, "r1", "r2", next=NOW)
    scene.start("r1")
    assert scene.call("cancel_backfill", id="b", keep=KEEP) == ["OK", ""]
    state = scene.state()
    assert state["backfill:b"]["status"] == "cancelled"
    assert (state["run:r1"]["status"], state["run:r2"]["status"]) == ("cancelled", "cancelled")
    assert state["run:other"]["status"] == "queued"
    assert "b:b" not in state["agenda"]
    assert state["task:t"]["status"] == "scheduled"
    assert scene.call("cancel_backfill", id="b", keep=KEEP) == ["OK", ""]
    assert scene.call("cancel_backfill", id="unknown", keep=KEEP) == ["NOT_FOUND"]


def test_what_runs_of_it_is_asked_to_end(scene):
    scene.task()
    start(scene)
    carry_on(scene, "r1", "r2", next=NOW)
    scene.start("r1")
    before = scene.state()
    assert scene.call("cancel_backfill", id="b", grace=10_000, keep=KEEP) == ["OK", ""]
    changes = scene.changes(before)
    assert changes["run:r1"] == {"cancel": "its backfill was cancelled", "cancel_at": str(NOW)}
    assert changes["agenda"]["k:r1"] == NOW + 10_000
    assert changes["run:r2"]["status"] == "cancelled"
    assert scene.finish("r1") == ["OK", "cancelled"]


def test_one_that_is_done_stays_done(scene):
    scene.task()
    start(scene)
    carry_on(scene)
    assert scene.call("cancel_backfill", id="b", keep=KEEP) == ["ENDED", "done"]


def test_a_cancelled_task_ends_its_backfills_and_a_purged_one_leaves_nothing_of_them(scene):
    scene.task()
    start(scene)
    carry_on(scene, "r1", next=NOW)
    scene.call("cancel", id="t", keep=KEEP)
    found = scene.store.backfills.get("b")
    assert (found.status, found.note) == ("cancelled", "its task was cancelled")
    scene.store.tasks.purge("t")
    assert not [key for key in scene.state() if "backfill" in key or key.startswith("run")]


def test_thousands_of_runs_are_cancelled_in_pieces(scene):
    scene.task()
    start(scene)
    ids = [f"r{number:05d}" for number in range(20_000)]
    for first in range(0, len(ids), 1_000):
        was = "999" if first == 0 else "5000"
        carry_on(scene, *ids[first : first + 1_000], was=was, next=NOW)
    code, done = scene.call("cancel_backfill", id="b", keep=KEEP)
    assert (code, done) == ("OK", "r00999")
    scene.store.backfills.cancel("b")
    statuses = {scene.client.hget(scene.store.keys.run(one), "status") for one in ids}
    assert statuses <= {"cancelled", None}
