"""commit.lua: advance what still stands where it was read, and nothing else."""

from __future__ import annotations

import pytest

from dispatch_app.store.codec import encode_task
from tests.store.scene import HOURLY, MINUTE, NOW, ONE_OFF, QUEUE, Scene, member, new_run

DUE = NOW + 60_000
NEXT = DUE + 60_000
T = member("t")


def advance(scene: Scene, *entries, now: int = DUE) -> int:
    return scene.call("commit", now=now, entries=list(entries))


def step(task_id: str = "t", *runs: str, **fields):
    return {
        "member": f"t:{task_id}",
        "due": DUE,
        "rev": "1",
        "type": "echo",
        "queue": "default",
        "next": NEXT,
        "done": str(len(runs)) if runs else None,
        "runs": [new_run(run_id) for run_id in runs],
        **fields,
    }


def attempt(run_id: str = "r", **fields):
    return {
        "member": f"r:{run_id}",
        "due": NOW + 5_000,
        "queue": QUEUE,
        "message": "again",
        "attempt": 2,
        **fields,
    }


def test_a_task_moves_on_and_its_run_is_there_with_its_message(scene):
    scene.task()
    before = scene.state()
    assert advance(scene, step("t", "r")) == 1
    assert scene.changes(before) == {
        "agenda": {"t:t": NEXT},
        QUEUE: ["message of r"],
        "events": ["run.queued t/r queued"],
        "run:r": {
            "at": str(NOW),
            "attempt": "1",
            "def": encode_task(HOURLY),
            "origin": "schedule",
            "queued": str(DUE),
            "status": "queued",
            "task": "t",
            "type": "echo",
        },
        "runs": {"r": 0},
        "runs:status:queued": {"r": 0},
        "runs:task:t": {"r": 0},
        "runs:type:echo": {"r": 0},
        f"stats:{MINUTE + 1}": {"echo|queued": "1"},
        "task:t": {"lr": "r", "lrs": "queued", "n:runs": "1", "next": str(NEXT), "occ": "1"},
    }


@pytest.mark.parametrize(
    "late", [{"due": DUE - 1}, {"rev": "2"}, {"member": "t:unknown"}], ids=["due", "rev", "member"]
)
def test_whoever_read_something_else_changes_nothing(scene, late):
    scene.task()
    before = scene.state()
    assert advance(scene, step("t", "r", **late)) == 0
    assert scene.changes(before) == {}


def test_the_second_of_two_that_read_the_same_finds_nothing_to_do(scene):
    scene.task()
    assert advance(scene, step("t", "r1")) == 1
    before = scene.state()
    assert advance(scene, step("t", "r2")) == 0
    assert scene.changes(before) == {}


def test_a_plan_holds_until_a_moment(scene):
    """A scheduler that stood still with what it had read."""
    scene.task()
    before = scene.state()
    entries = [step("t", "r")]
    assert scene.call("commit", now=DUE + 5_001, until=DUE + 5_000, entries=entries) == 0
    assert scene.changes(before) == {}
    assert scene.call("commit", now=DUE + 5_000, until=DUE + 5_000, entries=entries) == 1


def test_all_occurrences_of_a_backlog_at_once(scene):
    scene.task()
    before = scene.state()
    assert advance(scene, step("t", "r1", "r2", "r3")) == 1
    changes = scene.changes(before)
    assert changes["runs:task:t"] == {"r1": 0, "r2": 0, "r3": 0}
    assert changes[QUEUE] == ["message of r3", "message of r2", "message of r1"]
    assert changes["task:t"]["occ"] == changes["task:t"]["n:runs"] == "3"


def test_the_last_occurrence_completes_the_task(scene):
    scene.task()
    before = scene.state()
    assert advance(scene, step("t", "r", next=None)) == 1
    changes = scene.changes(before)
    assert changes["agenda"] is None
    assert changes["tasks:status:scheduled"] is None
    assert changes["tasks:status:completed"] == {T: 0}
    assert changes["task:t"] == {
        "next": None, "lr": "r", "lrs": "queued", "n:runs": "1", "occ": "1", "status": "completed",
    }  # fmt: skip
    assert changes["events"] == ["run.queued t/r queued", "task.completed t completed"]


def test_a_schedule_that_may_not_run_any_more_completes_without_a_run(scene):
    scene.task()
    before = scene.state()
    assert advance(scene, step("t", next=None)) == 1
    assert scene.changes(before) == {
        "agenda": None,
        "events": ["task.completed t completed"],
        "task:t": {"next": None, "status": "completed"},
        "tasks:status:completed": {T: 0},
        "tasks:status:scheduled": None,
    }


def test_a_one_off_takes_the_status_of_its_run(scene):
    scene.task("t", ONE_OFF)
    assert advance(scene, step("t", "r", next=None)) == 1
    state = scene.state()
    assert state["task:t"]["status"] == "queued"
    assert state["tasks:status:queued"] == {T: 0}
    assert scene.events()[-1] == "run.queued t/r queued"


def test_what_cannot_be_planned_is_paused_with_the_reason(scene):
    scene.task()
    before = scene.state()
    assert advance(scene, step("t", next=None, park="no such zone")) == 1
    assert scene.changes(before) == {
        "agenda": None,
        "events": ["task.paused t paused"],
        "task:t": {"note": "no such zone", "status": "paused"},
        "tasks:status:paused": {T: 0},
        "tasks:status:scheduled": None,
    }


def test_a_record_without_a_definition_is_paused_as_well(scene):
    scene.task()
    scene.client.hdel(scene.store.keys.task("t"), "def")
    assert advance(scene, step("t", park="It has no definition.")) == 1
    assert scene.state()["task:t"]["note"] == "It has no definition."
    assert scene.state()["task:t"]["status"] == "paused"
    assert "agenda" not in scene.state()


def test_a_record_that_is_gone_or_no_hash_leaves_the_agenda_and_stops_no_other(scene):
    for task_id in ("a", "b", "c"):
        scene.task(task_id)
    scene.client.delete(scene.store.keys.task("a"))
    scene.client.set(scene.store.keys.task("b"), "garbage")
    park = {"rev": "", "type": "", "next": None, "park": "It has no definition."}
    assert advance(scene, step("a", **park), step("b", **park), step("c", "r")) == 3
    assert scene.state()["agenda"] == {"t:c": NEXT}
    assert scene.state()[QUEUE] == ["message of r"]


def test_a_retry_becomes_the_next_attempt(scene):
    scene.task()
    scene.retrying()
    before = scene.state()
    assert advance(scene, attempt(), now=NOW + 5_000) == 1
    assert scene.changes(before) == {
        "agenda": {"r:r": None},
        QUEUE: ["again", "message of r"],
        "events": ["run.queued t/r queued"],
        "run:r": {
            "attempt": "2",
            "queued": str(NOW + 5_000),
            "retry_at": None,
            "started": None,
            "status": "queued",
            "worker": None,
        },
        "runs:status:queued": {"r": 0},
        "runs:status:retrying": None,
        f"stats:{MINUTE}": {"echo|queued": "2"},
        "task:t": {"lrs": "queued"},
    }


def test_a_postponed_message_is_sent_again_for_the_same_attempt(scene):
    scene.task()
    scene.queued()
    scene.call("postpone", id="r", attempt=1, delay=5_000, reason="nobody knows its type")
    before = scene.state()
    assert advance(scene, attempt(attempt=1), now=NOW + 5_000) == 1
    assert scene.changes(before) == {
        "agenda": {"r:r": None},
        QUEUE: ["again", "message of r"],
        "run:r": {"copies": "1", "sent": str(NOW + 5_000)},
    }


def test_a_run_that_is_over_gets_no_message(scene):
    scene.task()
    scene.finished()
    scene.client.zadd(scene.store.keys.agenda(), {"r:r": NOW + 5_000})
    before = scene.state()
    assert advance(scene, attempt(), now=NOW + 5_000) == 0
    assert scene.changes(before) == {"agenda": {"r:r": None}}


def test_twenty_thousand_due_are_worked_off_in_batches(scene):
    for n in range(2_000):
        scene.task(f"t{n}", next=DUE)
    made = 0
    while scene.client.zcount(scene.store.keys.agenda(), "-inf", DUE):
        _, _, *entries = scene.call("due", now=DUE, limit=500)
        # each makes ten runs, as a backlog under run_all does: 50 entries are 500 runs
        for start in range(0, len(entries), 50):
            batch = [
                step(member[2:], *(f"{member[2:]}-{n}" for n in range(10)))
                for member, *_ in entries[start : start + 50]
            ]
            made += advance(scene, *batch)
    assert made == 2_000
    assert scene.client.llen(QUEUE) == scene.client.zcard(scene.store.keys.runs()) == 20_000
    assert scene.client.zcard(scene.store.keys.agenda()) == 2_000


def test_a_one_off_whose_occurrence_may_not_run_any_more_is_completed(scene):
    scene.task("t", ONE_OFF)
    assert advance(scene, step("t", next=None)) == 1
    assert scene.state()["task:t"]["status"] == "completed"


def test_the_last_run_is_the_one_that_was_made_last_whatever_its_id(scene):
    scene.task()
    scene.finished("z")
    assert advance(scene, step("t", "r", "a")) == 1
    task = scene.state()["task:t"]
    assert (task["lr"], task["lrs"], "lrf" in task) == ("a", "queued", False)
