"""cancel.lua: no more occurrences; unfinished runs end, running ones are asked to, or fenced."""

from __future__ import annotations

import pytest

from tests.store.scene import KEEP, MINUTE, NOW, ONE_OFF, Scene, member

T = member("t")


def cancel(scene: Scene, task_id: str = "t", **arguments):
    return scene.call("cancel", id=task_id, keep=KEEP, **arguments)


def test_a_scheduled_task(scene):
    scene.task()
    before = scene.state()
    assert cancel(scene) == ["OK", ""]
    assert scene.changes(before) == {
        "agenda": None,
        "events": ["task.cancelled t cancelled"],
        "task:t": {"cancelled": str(NOW), "next": None, "status": "cancelled", "updated": str(NOW)},
        "tasks:status:cancelled": {T: 0},
        "tasks:status:scheduled": None,
    }


def test_its_unfinished_runs_are_cancelled_and_the_finished_ones_stay(scene):
    scene.task()
    scene.finished("r1")
    scene.queued("r2")
    scene.running("r3")
    scene.retrying("r4")
    scene.task("other")
    scene.queued("r5", "other")
    before = scene.state()
    assert cancel(scene) == ["OK", ""]
    changes = scene.changes(before)
    cancelled = {"finished": str(NOW), "reason": "its task was cancelled", "status": "cancelled"}
    assert changes["run:r2"] == cancelled
    assert {field: changes["run:r3"][field] for field in cancelled} == cancelled
    assert '"outcome":"cancelled"' in changes["run:r3"]["a:1"]
    assert changes["run:r4"] == {**cancelled, "retry_at": None}
    assert not {"run:r1", "run:r5", "task:other"} & changes.keys()
    assert scene.state()["agenda"] == {"t:other": NOW + 60_000}
    assert changes["leases"] is None
    assert changes["done:t"] == ["r4", "r3", "r2", "r1"]
    assert changes["runs:status:cancelled"] == {"r2": 0, "r3": 0, "r4": 0}
    assert changes["events"] == [
        "task.cancelled t cancelled",
        "run.cancelled t/r2 cancelled",
        "run.cancelled t/r3 cancelled",
        "run.cancelled t/r4 cancelled",
    ]
    assert changes[f"stats:{MINUTE}"] == {"echo|cancelled": "3"}
    assert changes["task:t"]["n:cancelled"] == "3"
    # a worker that still runs one is told that it lost it
    assert scene.finish("r3") == ["LOST"]


def test_what_runs_is_asked_to_end_where_there_is_a_grace(scene):
    scene.task()
    scene.queued("r1")
    scene.running("r2")
    before = scene.state()
    assert cancel(scene, grace=10_000) == ["OK", ""]
    changes = scene.changes(before)
    assert changes["run:r1"]["status"] == "cancelled"
    assert changes["run:r2"] == {"cancel": "its task was cancelled", "cancel_at": str(NOW)}
    assert changes["agenda"] == {"t:t": None, "k:r2": NOW + 10_000}
    assert changes["events"] == [
        "task.cancelled t cancelled",
        "run.cancelled t/r1 cancelled",
        "run.cancelling t/r2 running",
    ]
    assert scene.finish("r2") == ["OK", "cancelled"]
    assert scene.state()["task:t"]["n:cancelled"] == "2"


@pytest.mark.parametrize("grace", [None, 10_000])
def test_once_more_does_no_harm(scene, grace):
    scene.task()
    scene.running()
    cancel(scene, grace=grace)
    before = scene.state()
    assert cancel(scene, grace=grace, now=NOW + 1) == ["OK", ""]
    assert scene.changes(before) == {}


@pytest.mark.parametrize("status", ["succeeded", "failed"])
def test_a_one_off_that_has_ended_stays_as_it_is(scene, status):
    scene.task("t", ONE_OFF, next=None, status="queued")
    scene.finished("r", status=status)
    before = scene.state()
    assert cancel(scene) == ["ENDED", status]
    assert scene.changes(before) == {}


def test_a_one_off_that_runs_is_cancelled_with_its_run(scene):
    scene.task("t", ONE_OFF, next=None, status="queued")
    scene.running()
    assert cancel(scene) == ["OK", ""]
    state = scene.state()
    assert state["task:t"]["status"] == state["run:r"]["status"] == "cancelled"
    assert [key for key in state if key.startswith("tasks:status")] == ["tasks:status:cancelled"]


def test_a_one_off_that_is_asked_to_end_is_cancelled_and_its_run_runs_until_it_has(scene):
    scene.task("t", ONE_OFF, next=None, status="queued")
    scene.running()
    assert cancel(scene, grace=10_000) == ["OK", ""]
    record = scene.state()["task:t"]
    assert (record["status"], record["lrs"]) == ("cancelled", "running")
    assert scene.call("trigger", id="t", type="echo", runs=[])[0] == "CONFLICT"
    scene.finish()
    record = scene.state()["task:t"]
    assert (record["status"], record["lrs"]) == ("cancelled", "cancelled")


def test_a_one_off_that_was_triggered_before_its_time_can_still_be_cancelled(scene):
    scene.task("t", ONE_OFF, next=NOW + 60_000)
    scene.finished()
    assert scene.state()["task:t"]["status"] == "scheduled"
    assert cancel(scene) == ["OK", ""]
    assert "agenda" not in scene.state()


def test_an_unknown_task_is_not_found(scene):
    assert cancel(scene) == ["NOT_FOUND"]
    assert scene.state() == {}


def test_twenty_thousand_runs_are_cancelled_in_pieces_and_do_not_stay(scene):
    scene.task()
    runs = [f"r{n:05d}" for n in range(20_000)]
    scene.many_queued(runs)
    after, calls = None, 0
    while after != "":
        code, after = cancel(scene, after=after)
        calls += 1
        assert code == "OK"
        # from the first piece on, nothing new can happen to it
        assert scene.client.hget(scene.store.keys.task("t"), "status") == "cancelled"
    assert calls == 21
    keys = scene.store.keys
    assert scene.client.exists(keys.runs_by("status", "queued")) == 0
    assert int(scene.client.hget(keys.task("t"), "n:cancelled")) == 20_000
    # retention holds here as well
    assert scene.client.llen(keys.done("t")) == scene.client.zcard(keys.runs()) == KEEP
