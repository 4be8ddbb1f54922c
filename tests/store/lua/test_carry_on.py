"""carry_on.lua: the next runs of a backfill; and what their ends do to it."""

from __future__ import annotations

import pytest

from tests.store.scene import KEEP, NOW, QUEUE, Scene, new_run

SKIP = {"policy": "skip", "most": 1, "grace": 10_000, "keep": KEEP}


def start(scene: Scene, backfill_id: str = "b", **fields) -> list:
    arguments = {"task": "t", "start": 1_000, "end": 9_000, "overlap": "allow_all", "total": 2}
    return scene.call("start_backfill", id=backfill_id, **{**arguments, **fields})


def carry_on(scene: Scene, *run_ids: str, **fields) -> int:
    overlap = fields.pop("overlap", None)
    runs = [new_run(run_id, backfill="b", origin="backfill", overlap=overlap) for run_id in run_ids]
    piece = {"due": NOW, "was": "999", "rev": "1", "type": "echo", "cursor": 5_000, "runs": runs}
    return scene.call("carry_on", id="b", **{**piece, **fields})


def test_a_piece_makes_its_runs_and_touches_nothing_of_the_schedule(scene):
    scene.task()
    start(scene)
    before = scene.state()
    assert carry_on(scene, "r1", next=NOW) == 1
    changes = scene.changes(before)
    assert changes["backfill:b"] == {"cursor": "5000", "made": "1"}
    assert changes[QUEUE] == ["message of r1"]
    assert changes["run:r1"]["backfill"] == "b"
    assert changes["runs:backfill:b"] == {"r1": 0}
    assert changes["task:t"] == {"lr": "r1", "lrs": "queued", "n:runs": "1"}
    assert "agenda" not in changes


@pytest.mark.parametrize(
    "stale", [{"due": NOW - 1}, {"was": "998"}, {"rev": "2"}], ids=["due", "cursor", "revision"]
)
def test_whoever_read_something_else_makes_nothing(scene, stale):
    scene.task()
    start(scene)
    before = scene.state()
    assert carry_on(scene, "r1", **stale) == 0
    assert scene.changes(before) == {}


def test_it_is_done_when_all_of_its_runs_are_over(scene):
    scene.task()
    start(scene)
    carry_on(scene, "r1", "r2")
    assert "b:b" not in scene.state()["agenda"]
    for run_id, end in (("r1", "succeeded"), ("r2", "failed")):
        assert scene.state()["backfill:b"]["status"] == "running"
        scene.start(run_id)
        scene.finish(run_id, end, now=NOW + 5)
    found = scene.state()["backfill:b"]
    assert (found["status"], found["finished"], found["over"]) == ("done", str(NOW + 5), "2")
    assert (found["n:succeeded"], found["n:failed"]) == ("1", "1")


def test_what_its_policy_skips_is_over_at_once(scene):
    scene.task()
    start(scene)
    carry_on(scene, "r1", "r2", overlap=SKIP)
    found = scene.state()["backfill:b"]
    assert (found["made"], found["over"], found["n:skipped"]) == ("2", "1", "1")
    scene.start("r1")
    scene.finish("r1", "succeeded")
    assert scene.state()["backfill:b"]["status"] == "done"


def test_what_cannot_go_on_has_failed_and_says_why(scene):
    scene.task()
    start(scene)
    assert carry_on(scene, fault="it has no schedule") == 1
    found = scene.store.backfills.get("b")
    assert (found.status, found.note, found.finished_at) == ("failed", "it has no schedule", NOW)
    assert "b:b" not in scene.state()["agenda"]


def test_among_twenty_thousand_runs_a_piece_is_a_piece(scene):
    scene.task()
    start(scene)
    runs = {f"r{number:05d}": 0 for number in range(20_000)}
    scene.client.zadd(scene.store.keys.runs_by("backfill", "b"), runs)
    assert carry_on(scene, "s1", next=NOW) == 1


def test_where_the_room_for_waiting_runs_is_gone_nothing_is_made(scene):
    scene.task()
    start(scene)
    policy = {**SKIP, "policy": "buffer_all"}
    assert carry_on(scene, "r1", "r2", overlap={**policy, "most": 1}) == 0
    assert carry_on(scene, "r1", "r2", overlap={**policy, "most": 2}) == 1
