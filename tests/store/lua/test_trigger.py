"""trigger.lua: runs beside the schedule."""

from __future__ import annotations

import pytest

from dispatch_app.domain.task import Task
from dispatch_app.store.codec import encode_task
from tests.store.scene import HOURLY, KEEP, MINUTE, NOW, ONE_OFF, QUEUE, new_run


def trigger(scene, *runs, task_id: str = "t", **fields):
    return scene.call("trigger", id=task_id, type="echo", runs=list(runs), **fields)


def test_a_run_and_its_message_and_the_schedule_as_it_was(scene):
    scene.task()
    before = scene.state()
    own = encode_task(Task(type="echo", queue="default", payload={"n": 1}))
    assert trigger(scene, new_run("r", origin="trigger", reason="by hand", **{"def": own})) == [
        "OK",
        ["r"],
    ]
    assert scene.changes(before) == {
        QUEUE: ["message of r"],
        "events": ["run.queued t/r queued"],
        "run:r": {
            "at": str(NOW),
            "attempt": "1",
            "def": own,
            "origin": "trigger",
            "queued": str(NOW),
            "reason": "by hand",
            "status": "queued",
            "task": "t",
            "type": "echo",
        },
        "runs": {"r": 0},
        "runs:status:queued": {"r": 0},
        "runs:task:t": {"r": 0},
        "runs:type:echo": {"r": 0},
        f"stats:{MINUTE}": {"echo|queued": "1"},
        "task:t": {"lr": "r", "lrs": "queued", "n:runs": "1"},
    }


def test_many_at_once_in_the_order_given(scene):
    scene.task()
    runs = [f"r{n:03d}" for n in range(500)]
    assert trigger(scene, *map(new_run, runs)) == ["OK", runs]
    # a worker takes from the other end
    assert scene.state()[QUEUE] == [f"message of {run_id}" for run_id in reversed(runs)]
    assert scene.state()["run:r000"]["def"] == encode_task(HOURLY)


def test_a_one_off_keeps_its_own_moment(scene):
    scene.task("t", ONE_OFF, next=NOW + 60_000)
    before = scene.state()
    trigger(scene, new_run("r"))
    changes = scene.changes(before)
    assert changes["task:t"] == {"lr": "r", "lrs": "queued", "n:runs": "1"}
    assert "agenda" not in changes


def test_a_finished_one_off_shows_its_new_run(scene):
    scene.task("t", ONE_OFF, next=None, status="queued")
    scene.finished("r1")
    trigger(scene, new_run("r2"))
    assert scene.state()["task:t"]["status"] == "queued"


def test_a_cancelled_task_runs_no_more(scene):
    scene.task()
    scene.call("cancel", id="t", keep=KEEP)
    before = scene.state()
    assert trigger(scene, new_run("r")) == ["CONFLICT", "cancelled"]
    assert scene.changes(before) == {}


def test_an_unknown_task_is_not_found(scene):
    assert trigger(scene, new_run("r")) == ["NOT_FOUND"]
    assert scene.state() == {}


@pytest.mark.parametrize("policy", ["allow_all", "skip"])
def test_what_is_run_again_is_no_dead_letter_any_more_unless_it_is_skipped(scene, policy):
    scene.task()
    scene.finished("r", status="failed")
    scene.queued("other")
    overlap = {"policy": policy, "most": 1, "grace": 1, "keep": KEEP}
    run = new_run("new", retry_of="r", overlap=None if policy == "allow_all" else overlap)
    assert scene.call("trigger", id="t", type="echo", runs=[run], keep=KEEP) == ["OK", ["new"]]
    state = scene.state()
    assert state["run:new"]["status"] == ("skipped" if policy == "skip" else "queued")
    assert ("dead" in state) is (policy == "skip")
    assert state.get("done:t") == (None if policy == "skip" else ["r"])
