"""What comes due while its scope is paused is held; who takes it off the agenda finds it there."""

from __future__ import annotations

import msgspec
import pytest

from tests.store.scene import HOURLY, KEEP, NOW, QUEUE, Scene, new_run

DUE = NOW + 60_000
SCOPES = ["all", "queue:default", "type:echo"]


# Into it


@pytest.mark.parametrize("scope", SCOPES)
def test_an_occurrence_that_comes_due_is_kept_with_its_moment(scene, scope):
    scene.task()
    scene.pause(scope)
    before = scene.state()
    scene.held_task("other", scope=scope)
    commit = [_step("t")]
    assert scene.call("commit", now=DUE, entries=commit) == 1
    changes = scene.changes(before)
    assert changes["agenda"] is None
    assert changes[f"held:{scope}"] == {"t:t": DUE, "t:other": DUE}
    assert changes["task:t"] == {"held": scope}
    assert QUEUE not in changes


@pytest.mark.parametrize("scope", ["queue:other", "type:email"])
def test_another_scope_stands_in_nobodys_way(scene, scope):
    scene.task()
    scene.pause(scope)
    assert scene.call("commit", now=DUE, entries=[_step("t")]) == 1
    assert scene.state()["task:t"]["lr"] == "new-t"
    assert scene.start("new-t")[0] == "OK"


def test_what_cannot_be_planned_is_parked_all_the_same(scene):
    scene.task()
    scene.pause()
    assert scene.call("commit", now=DUE, entries=[_step("t", park="no such zone")]) == 1
    state = scene.state()
    assert state["task:t"]["note"] == "no such zone"
    assert "held:all" not in state


@pytest.mark.parametrize(
    ("scope", "note", "reason"),
    [
        ("all", "", "everything is paused"),
        ("all", "moving house", "everything is paused: moving house"),
        ("queue:default", "a: b", "the queue default is paused: a: b"),
        ("type:echo", "", "the type echo is paused"),
    ],
)
def test_a_run_whose_message_reached_a_worker_is_kept_and_says_why(scene, scope, note, reason):
    scene.task()
    scene.queued()
    scene.pause(scope, note)
    before = scene.state()
    assert scene.start(now=NOW + 5, queue="default") == ["PAUSED", scope]
    assert scene.changes(before) == {
        f"held:{scope}": {"r:r": NOW + 5},
        "run:r": {"held": scope, "reason": reason},
    }


def test_the_queue_is_the_one_from_which_the_message_came(scene):
    scene.task()
    scene.queued()
    scene.pause("queue:moved")
    assert scene.start(queue="moved") == ["PAUSED", "queue:moved"]


@pytest.mark.parametrize("definition", ["nonsense", "[1]", '"text"', "{}"])
def test_a_definition_that_names_no_queue_is_in_no_queues_scope(scene, definition):
    scene.task()
    scene.queued(**{"def": definition})
    scene.pause("queue:default")
    assert scene.start()[0] == "OK"


def test_a_second_message_of_it_is_held_by_the_pause_that_is_first_in_line(scene):
    scene.task()
    scene.held_run(scope="queue:default")
    scene.pause()
    assert scene.start(now=NOW + 5) == ["PAUSED", "all"]
    state = scene.state()
    assert state["held:all"] == {"r:r": NOW + 5}
    assert "held:queue:default" not in state


def test_what_runs_already_goes_on(scene):
    scene.task()
    scene.running()
    scene.pause()
    assert scene.start()[0] == "OK"
    assert scene.finish()[0] == "OK"


def test_a_run_that_is_too_late_expires_rather_than_being_held(scene):
    scene.task()
    scene.queued(expires=NOW + 1)
    scene.pause()
    assert scene.start(now=NOW + 2) == ["EXPIRED"]
    assert "held:all" not in scene.state()


def test_a_run_that_waits_for_its_retry_is_held_when_its_message_arrives(scene):
    scene.task()
    scene.retrying()
    scene.pause()
    entry = {
        "member": "r:r", "due": NOW + 5_000, "queue": QUEUE, "message": "again", "attempt": 2,
    }  # fmt: skip
    assert scene.call("commit", now=NOW + 5_000, entries=[entry]) == 1
    assert scene.start(attempt=2, now=NOW + 6_000) == ["PAUSED", "all"]
    assert scene.state()["held:all"] == {"r:r": NOW + 6_000}


def test_where_nothing_is_paused_a_commit_asks_once(scene):
    for n in range(10):
        scene.task(f"t{n}")
    scene.client.config_resetstat()
    assert scene.call("commit", now=DUE, entries=[_step(f"t{n}") for n in range(10)]) == 10
    assert scene.client.info("commandstats")["cmdstat_exists"]["calls"] == 1


# Out of it

TASK_LEAVES = {
    "cancel": lambda s: s.call("cancel", id="t", keep=KEEP),
    "pause": lambda s: s.call("pause", id="t", pause=True, note=""),
    "purge": lambda s: s.call("purge", id="t", rev="1", leave=[]),
    "park": lambda s: _replan(s, next=None, park="nothing is left"),
    "disable": lambda s: _update(s, status="paused"),
}


@pytest.mark.parametrize("way", TASK_LEAVES)
def test_a_task_that_stops_is_held_no_longer(scene, way):
    scene.held_task()
    TASK_LEAVES[way](scene)
    state = scene.state()
    assert "held:all" not in state
    assert "held" not in state.get("task:t", {})
    assert "t:t" not in state.get("agenda", {})
    scene.resume()
    assert "agenda" not in scene.state()


RUN_LEAVES = {
    "cancel_run": lambda s: s.call("cancel_run", id="r", reason="", keep=KEEP),
    "cancel": lambda s: s.call("cancel", id="t", keep=KEEP),
    "purge": lambda s: s.call("purge", id="t", rev="1", leave=[]),
    "expire": lambda s: s.call(
        "overdue", now=NOW + 9, entries=[{"member": "x:r", "due": NOW + 8}], keep=KEEP
    ),
}


@pytest.mark.parametrize("way", RUN_LEAVES)
def test_a_run_that_ends_is_held_no_longer(scene, way):
    scene.task()
    scene.held_run(expires=NOW + 8)
    RUN_LEAVES[way](scene)
    state = scene.state()
    assert "held:all" not in state
    assert "held" not in state.get("run:r", {})
    assert not {"r:r", "x:r"} & set(state.get("agenda", ()))


def test_a_run_that_is_held_still_expires(scene):
    scene.task()
    scene.held_run(expires=NOW + 8)
    assert scene.state()["agenda"]["x:r"] == NOW + 8
    RUN_LEAVES["expire"](scene)
    assert scene.state()["run:r"]["status"] == "expired"


def test_another_overlapping_run_takes_the_place_of_one_that_is_held(scene):
    scene.task("t", msgspec.structs.replace(HOURLY, overlap="terminate_other"))
    overlap = {"policy": "terminate_other", "most": 1, "grace": 1, "keep": KEEP}
    scene.held_run("r1", overlap=overlap)
    scene.call("trigger", id="t", type="echo", runs=[new_run("r2", overlap=overlap)])
    state = scene.state()
    assert (state["run:r1"]["status"], state["run:r2"]["status"]) == ("cancelled", "queued")
    assert "held:all" not in state


def test_a_changed_task_is_looked_at_anew(scene):
    """Its queue or its type may be another one now."""
    scene.held_task()
    assert _update(scene, status="scheduled", keep=True) == ["OK"]
    state = scene.state()
    assert state["agenda"] == {"t:t": DUE}
    assert "held:all" not in state
    assert "held" not in state["task:t"]


def test_a_task_that_is_planned_anew_while_it_is_held_has_its_new_moment_there(scene):
    scene.held_task()
    assert _replan(scene, next=DUE + 7) == 2
    state = scene.state()
    assert state["held:all"] == {"t:t": DUE + 7}
    assert state["task:t"]["next"] == str(DUE + 7)
    assert "agenda" not in state


def test_a_message_of_a_held_run_that_nobody_knows_leaves_it_held(scene):
    scene.task()
    scene.held_run()
    reply = scene.call("postpone", id="r", attempt=1, delay=5_000, reason="nobody", keep=KEEP)
    assert reply == ["OK"]
    state = scene.state()
    assert state["held:all"] == {"r:r": NOW}
    assert "r:r" not in state["agenda"]


def test_a_resumed_task_whose_scope_is_paused_is_held_again_when_it_is_looked_at(scene):
    scene.held_task()
    scene.call("pause", id="t", pause=True, note="")
    scene.call("pause", id="t", pause=False, note="")
    assert scene.state()["agenda"] == {"t:t": DUE}
    assert scene.call("commit", now=DUE, entries=[_step("t")]) == 1
    assert scene.state()["held:all"] == {"t:t": DUE}


def _step(task_id: str, **fields):
    return {
        "member": f"t:{task_id}",
        "due": DUE,
        "rev": "1",
        "type": "echo",
        "queue": "default",
        "next": DUE + 60_000,
        "runs": [new_run(f"new-{task_id}")],
        **fields,
    }


def _update(scene: Scene, **fields):
    arguments = {
        "id": "t", "rev": 1, "was": "scheduled", "def": "{}", "type": "echo", "once": False,
        "next": NOW, "keep": True, "restart": False, "leave": [], "enter": [], **fields,
    }  # fmt: skip
    return scene.call("update", **arguments)


def _replan(scene: Scene, **fields) -> int:
    scene.client.zadd(scene.store.keys.agenda(), {"z:": NOW})
    entry = {"id": "t", "rev": "1", "was": str(DUE), **fields}
    return scene.call("replan", member="z:", due=NOW, cursor=None, entries=[entry])
