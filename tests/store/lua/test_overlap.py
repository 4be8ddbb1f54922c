"""lib/make_run.lua and lib/move.lua: what becomes of a run while others of its task are not
finished, and what their end does to it."""

from __future__ import annotations

import pytest

from dispatch_app.store.codec import encode_task
from tests.store.lua.test_commit import DUE, NEXT, advance, step
from tests.store.scene import HOURLY, KEEP, NOW, ONE_OFF, QUEUE, Scene, new_run

GRACE = 10_000


def under(policy: str, most: int = 2) -> dict:
    return {"policy": policy, "most": most, "grace": GRACE, "keep": KEEP}


def make(scene: Scene, policy: str, *run_ids: str, **fields) -> list[str]:
    """Runs of the task `t` under a policy; the ids under which they are found."""
    runs = [new_run(run_id, overlap=under(policy), **fields) for run_id in run_ids]
    code, made = scene.call("trigger", id="t", type="echo", runs=runs)
    assert code == "OK"
    return made


def statuses(scene: Scene) -> dict[str, str]:
    return {
        key[4:]: record["status"] for key, record in scene.state().items() if key.startswith("run:")
    }


def one_is_running(scene: Scene, policy: str) -> None:
    scene.task()
    scene.running("r1", overlap=under(policy))


@pytest.mark.parametrize(
    ("policy", "found"),
    [
        ("skip", {"r1": "running", "r2": "skipped"}),
        ("buffer_one", {"r1": "running", "r2": "waiting", "r3": "skipped"}),
        ("buffer_all", {"r1": "running", "r2": "waiting", "r3": "waiting", "r4": "skipped"}),
        ("cancel_other", {"r1": "running", "r2": "cancelled", "r3": "cancelled", "r4": "waiting"}),
        (
            "terminate_other",
            {"r1": "cancelled", "r2": "cancelled", "r3": "cancelled", "r4": "queued"},
        ),
    ],
)
def test_what_comes_while_one_is_running(scene, policy, found):
    one_is_running(scene, policy)
    make(scene, policy, "r2", "r3", "r4")
    assert statuses(scene) == found


@pytest.mark.parametrize("policy", ["skip", "buffer_one", "buffer_all", "cancel_other"])
def test_the_first_one_runs_at_once_and_so_does_the_next_after_its_end(scene, policy):
    scene.task()
    assert make(scene, policy, "r1") == ["r1"]
    scene.start("r1")
    scene.finish("r1", "succeeded")
    assert make(scene, policy, "r2") == ["r2"]
    assert statuses(scene) == {"r1": "succeeded", "r2": "queued"}


@pytest.mark.parametrize("end", ["succeeded", "failed"])
def test_the_oldest_that_waits_is_released_by_the_end_of_the_one_before(scene, end):
    one_is_running(scene, "buffer_all")
    make(scene, "buffer_all", "r2", "r3")
    before = scene.state()
    scene.finish("r1", end)
    assert statuses(scene) == {"r1": end, "r2": "queued", "r3": "waiting"}
    changes = scene.changes(before)
    assert changes[QUEUE] == ["message of r2", *before[QUEUE]]
    assert changes["run:r2"] == {
        "broker": None,
        "message": None,
        "queued": str(NOW),
        "reason": None,
        "status": "queued",
    }
    assert changes["events"] == [f"run.{end} t/r1 {end}", "run.queued t/r2 queued"]


def test_the_oldest_is_the_one_that_was_made_first_whatever_its_id_says(scene):
    one_is_running(scene, "buffer_all")
    make(scene, "buffer_all", "r9", "r2")
    scene.finish("r1")
    assert statuses(scene) == {"r1": "succeeded", "r9": "queued", "r2": "waiting"}


def test_one_that_waits_and_says_why_it_is_there_goes_on_to_say_so(scene):
    one_is_running(scene, "buffer_one")
    make(scene, "buffer_one", "r2", reason="retry of r0")
    assert scene.state()["run:r2"]["reason"] == "retry of r0"
    scene.finish("r1", "succeeded")
    assert scene.state()["run:r2"]["reason"] == "retry of r0"


def test_one_that_is_retrying_is_not_finished(scene):
    one_is_running(scene, "skip")
    scene.finish("r1", "retrying", delay=5_000, failures=1)
    assert make(scene, "skip", "r2") == ["r2"]
    assert statuses(scene) == {"r1": "retrying", "r2": "skipped"}


@pytest.mark.parametrize("again", [True, False])
def test_a_vanished_worker_keeps_no_place(scene, again):
    """Row 20: there is no lock that could stay: with its lease the run goes on or ends."""
    one_is_running(scene, "buffer_one")
    make(scene, "buffer_one", "r2")
    ((_, lease, *_),) = scene.call("lapsed", now=NOW + GRACE, limit=10)
    message = {"queue": QUEUE, "message": "again"} if again else {}
    entry = {"id": "r1", "lease": float(lease), "error": "{}", **message}
    assert scene.call("reap", now=NOW + GRACE, entries=[entry], keep=KEEP) == 1
    after = {"r1": "queued", "r2": "waiting"} if again else {"r1": "failed", "r2": "queued"}
    assert statuses(scene) == after


def test_what_waits_is_cancelled_with_its_task_and_nothing_is_sent(scene):
    one_is_running(scene, "buffer_all")
    make(scene, "buffer_all", "r2", "r3")
    sent = scene.state()[QUEUE]
    assert scene.call("cancel", id="t", keep=KEEP)[0] == "OK"
    assert set(statuses(scene).values()) == {"cancelled"}
    state = scene.state()
    assert state[QUEUE] == sent
    assert not {"open:t", "waiting:t", "leases", "agenda"} & state.keys()


def test_what_waits_too_long_expires_and_lets_the_next_one_go(scene):
    one_is_running(scene, "buffer_all")
    make(scene, "buffer_all", "r2", expires=NOW + 1_000)
    make(scene, "buffer_all", "r3")
    scene.finish("r1", "succeeded", now=NOW + 2_000)
    assert statuses(scene) == {"r1": "succeeded", "r2": "expired", "r3": "queued"}


def test_one_that_is_asked_to_end_is_cancelled_whatever_it_comes_to(scene):
    one_is_running(scene, "cancel_other")
    make(scene, "cancel_other", "r2")
    assert scene.call("renew", lease=GRACE, runs=[["r1", "token"]]) == [[], ["r1"]]
    assert scene.call("report", id="r1", token="token", lines=[], keep=1) == ["ASKED"]
    assert scene.finish("r1", "retrying", delay=5_000, failures=1) == ["OK", "cancelled"]
    state = scene.state()
    assert statuses(scene) == {"r1": "cancelled", "r2": "queued"}
    assert state["run:r1"]["reason"] == "overlap: cancel_other"
    assert "k:r1" not in state.get("agenda", {})


def test_one_that_is_asked_to_end_and_loses_its_worker_is_cancelled(scene):
    one_is_running(scene, "cancel_other")
    make(scene, "cancel_other", "r2")
    ((_, lease, *_),) = scene.call("lapsed", now=NOW + GRACE, limit=10)
    entry = {"id": "r1", "lease": float(lease), "error": "{}", "queue": QUEUE, "message": "again"}
    assert scene.call("reap", now=NOW + GRACE, entries=[entry], keep=KEEP) == 1
    assert statuses(scene) == {"r1": "cancelled", "r2": "queued"}
    assert "message again" not in scene.state()[QUEUE]


def test_a_policy_that_comes_later_counts_what_is_open_by_then(scene):
    """A task whose runs were made under none has no books; they are opened when one needs them."""
    scene.task()
    scene.running("r1")
    scene.queued("r2")
    scene.finished("r0")
    assert "open:t" not in scene.state()
    assert make(scene, "skip", "r3") == ["r3"]
    assert statuses(scene)["r3"] == "skipped"
    assert scene.state()["open:t"] == {"r1", "r2"}
    scene.finish("r1", "succeeded")
    # and a run under none is in them from then on
    scene.queued("r4")
    assert scene.state()["open:t"] == {"r2", "r4"}


@pytest.mark.parametrize("policy", ["cancel_other", "terminate_other"])
def test_a_one_off_that_is_run_again_shows_its_new_run(scene, policy):
    scene.task("t", ONE_OFF, next=None, status="queued", run=new_run("r1", overlap=under(policy)))
    assert make(scene, policy, "r2") == ["r2"]
    assert statuses(scene) == {"r1": "cancelled", "r2": "queued"}
    task = scene.store.tasks.get("t")
    assert (task.status, task.last_run.id) == ("queued", "r2")
    assert "tasks:status:cancelled" not in scene.state()
    # and again
    assert make(scene, policy, "r3") == ["r3"]


def test_terminated_runs_do_not_pile_up(scene):
    scene.task()
    for number in range(20):
        runs = [new_run(f"r{number:02}", overlap={**under("terminate_other"), "keep": 3})]
        scene.call("trigger", id="t", type="echo", runs=runs)
    assert len(scene.state()["done:t"]) == 3
    assert len(statuses(scene)) == 4


# Skipped occurrences


def test_skips_in_a_row_are_one_record_that_counts_them(scene):
    one_is_running(scene, "skip")
    assert make(scene, "skip", "s1", at=NOW + 1) == ["s1"]
    assert make(scene, "skip", "s2", at=NOW + 2) == ["s1"]
    before = scene.state()
    assert make(scene, "skip", "s3", at=NOW + 3) == ["s1"]
    changes = scene.changes(before)
    assert changes["run:s1"] == {"count": "3", "last": str(NOW + 3)}
    assert changes["task:t"] == {"n:skipped": "3"}
    assert "events" not in changes
    scene.finish("r1", "succeeded")
    make(scene, "skip", "r2")
    # after a run that was made, another record begins
    assert make(scene, "skip", "s4") == ["s4"]
    assert scene.state()["task:t"]["n:skipped"] == "4"
    assert scene.state()["task:t"]["lr"] == "r2"


def test_skips_push_no_run_out_of_the_history_and_are_bounded_themselves(scene):
    scene.task()
    scene.finished("a0")
    for number in range(120):
        skip = {"id": f"s{number:03}", "first": DUE, "last": DUE, "count": 1, "reason": f"{number}"}
        scene.client.zadd(scene.store.keys.agenda(), {"t:t": DUE})
        assert advance(scene, step("t", skip=skip, next=DUE)) == 1
    state = scene.state()
    assert "run:a0" in state
    assert len(state["skips:t"]) == 100
    assert len(state["runs:task:t"]) == 101
    assert state["task:t"]["n:skipped"] == "120"


def test_a_one_off_that_is_skipped_says_so(scene):
    scene.task("t", HOURLY, next=DUE)
    scene.client.hset(scene.store.keys.task("t"), "once", 1)
    skip = {"id": "s", "first": DUE, "last": DUE, "count": 1, "reason": "misfire: skip"}
    assert advance(scene, step("t", skip=skip, next=None)) == 1
    task = scene.store.tasks.get("t")
    assert (task.status, task.last_run.status) == ("skipped", "skipped")
    assert scene.store.runs.latest("t").reason == "misfire: skip"


# In a step of a scheduler


def test_skipped_occurrences_and_the_run_after_them_are_one_step(scene):
    scene.task()
    before = scene.state()
    skip = {"id": "s", "first": NOW, "last": NOW + 9, "count": 5, "reason": "misfire: run_last"}
    assert advance(scene, step("t", "r", skip=skip)) == 1
    changes = scene.changes(before)
    assert changes["run:s"]["count"] == "5"
    assert changes["run:r"]["status"] == "queued"
    assert changes["task:t"] == {
        "lr": "r", "lrs": "queued", "n:runs": "1", "n:skipped": "5", "next": str(NEXT), "occ": "1",
    }  # fmt: skip


def test_what_its_policy_lets_not_run_is_not_counted(scene):
    """`max_runs` counts what was dispatched; the moment after it is another one then."""
    one_is_running(scene, "skip")
    run = new_run("r2", overlap=under("skip"))
    entry = step("t", runs=[run], done="1", next=None, if_skipped={"next": NEXT + 5})
    assert advance(scene, entry) == 1
    state = scene.state()
    assert statuses(scene)["r2"] == "skipped"
    assert state["agenda"]["t:t"] == NEXT + 5
    assert "occ" not in state["task:t"]
    assert state["task:t"]["status"] == "scheduled"


def test_the_definition_of_what_was_skipped_is_shown_with_it(scene):
    one_is_running(scene, "skip")
    make(scene, "skip", "s", **{"def": encode_task(HOURLY)})
    assert scene.store.runs.get("s").definition == HOURLY
