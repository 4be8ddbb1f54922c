"""update.lua: another definition in place of the one that was read."""

from __future__ import annotations

import pytest

from dispatch_app.domain.task import Task
from dispatch_app.store.codec import encode_task, listings_of
from tests.store.scene import HOURLY, KEEP, MINUTE, NOW, ONE_OFF, QUEUE, Scene, member, new_run

OTHER = Task(type="email", queue="mail", tags=("a",), schedule=HOURLY.schedule)
T = member("t")


def update(scene: Scene, task: Task = OTHER, old: Task = HOURLY, **arguments):
    before, after = set(listings_of(old)), set(listings_of(task))
    fields = {
        "rev": 1,
        "was": "scheduled",
        "def": encode_task(task),
        "type": task.type,
        "once": task.is_one_off,
        "status": "scheduled",
        "next": None,
        "keep": True,
        "restart": False,
        "leave": sorted(before - after),
        "enter": sorted(after - before),
        **arguments,
    }
    return scene.call("update", id="t", **{"now": NOW + 1_000, **fields})


def test_another_definition_on_the_same_schedule(scene):
    scene.task()
    before = scene.state()
    assert update(scene) == ["OK"]
    assert scene.changes(before) == {
        "events": ["task.updated t scheduled"],
        "task:t": {"def": encode_task(OTHER), "rev": "2", "updated": str(NOW + 1_000)},
        "tasks:queue:default": None,
        "tasks:queue:mail": {T: 0},
        "tasks:tag:a": {T: 0},
        "tasks:type:echo": None,
        "tasks:type:email": {T: 0},
    }


def test_another_moment(scene):
    scene.task()
    before = scene.state()
    assert update(scene, HOURLY, keep=False, next=NOW + 5_000, restart=True) == ["OK"]
    changes = scene.changes(before)
    assert changes["agenda"] == {"t:t": NOW + 5_000}
    assert changes["task:t"]["next"] == str(NOW + 5_000)


def test_occurrences_count_anew_only_where_asked(scene):
    scene.task()
    scene.client.hset(scene.store.keys.task("t"), "occ", 7)
    update(scene)
    assert scene.state()["task:t"]["occ"] == "7"
    update(scene, rev=2, restart=True)
    assert "occ" not in scene.state()["task:t"]


def test_paused_it_keeps_its_moment_off_the_agenda(scene):
    scene.task()
    assert update(scene, status="paused") == ["OK"]
    state = scene.state()
    assert "agenda" not in state
    assert state["task:t"]["next"] == str(NOW + 60_000)
    assert state["tasks:status:paused"] == {T: 0}
    assert update(scene, rev=2, was="paused", status="scheduled") == ["OK"]
    assert scene.state()["agenda"] == {"t:t": NOW + 60_000}


def test_due_at_once_its_run_and_message_come_in_the_same_step(scene):
    scene.task()
    before = scene.state()
    assert update(scene, ONE_OFF, status="queued", keep=False, run=new_run("r")) == ["OK"]
    changes = scene.changes(before)
    assert changes["agenda"] is None
    assert changes[QUEUE] == ["message of r"]
    assert changes["run:r"]["def"] == encode_task(ONE_OFF)
    assert changes["task:t"] == {
        "def": encode_task(ONE_OFF),
        "lr": "r",
        "lrs": "queued",
        "n:runs": "1",
        "next": None,
        "once": "1",
        "rev": "2",
        "status": "queued",
        "updated": str(NOW + 1_000),
    }
    assert changes["events"] == ["task.updated t queued", "run.queued t/r queued"]
    assert changes[f"stats:{MINUTE}"] == {"echo|queued": "1"}


def test_a_note_of_before_is_gone(scene):
    scene.task()
    scene.call("pause", id="t", pause=True, note="it cannot be planned")
    update(scene, was="paused")
    assert "note" not in scene.state()["task:t"]


def test_a_revision_that_is_no_more_changes_nothing(scene):
    scene.task()
    before = scene.state()
    assert update(scene, rev=2) == ["CHANGED"]
    assert scene.changes(before) == {}


@pytest.mark.parametrize(
    ("meanwhile", "arguments", "status"),
    [
        ("cancel", {"keep": KEEP}, "cancelled"),
        ("pause", {"pause": True, "note": ""}, "paused"),
    ],
)
def test_who_read_another_status_undoes_nobodys_work(scene, meanwhile, arguments, status):
    """A change that was read before a cancel or a pause must not bring the task back."""
    scene.task()
    scene.call(meanwhile, id="t", **arguments)
    before = scene.state()
    assert update(scene, was="scheduled") == ["CHANGED"]
    assert scene.changes(before) == {}
    assert before["task:t"]["status"] == status


def test_who_read_a_schedule_that_has_completed_since_starts_nothing(scene):
    scene.task()
    entry = {"member": "t:t", "due": NOW + 60_000, "rev": "1", "type": "echo", "runs": []}
    assert scene.call("commit", entries=[entry]) == 1
    before = scene.state()
    assert update(scene) == ["CHANGED"]
    assert scene.changes(before) == {}


def test_a_one_off_on_its_way_keeps_the_status_of_its_run(scene):
    scene.task("t", ONE_OFF, next=None, status="queued")
    scene.running()
    assert update(scene, OTHER, ONE_OFF, was="queued", status=None) == ["OK"]
    assert scene.state()["task:t"]["status"] == "running"


def test_a_one_off_that_ended_meanwhile_is_not_changed_any_more(scene):
    scene.task("t", ONE_OFF, next=None, status="queued")
    scene.finished()
    before = scene.state()
    assert update(scene, OTHER, ONE_OFF, was="queued", status=None) == ["CHANGED"]
    assert scene.changes(before) == {}


def test_what_has_ended_may_start_anew(scene):
    scene.task()
    scene.call("cancel", id="t", keep=KEEP)
    assert update(scene, was="cancelled", keep=False, next=NOW + 5_000) == ["OK"]
    assert scene.state()["agenda"] == {"t:t": NOW + 5_000}
    assert scene.state()["tasks:status:scheduled"] == {T: 0}


def test_an_unknown_task_is_not_found(scene):
    assert update(scene) == ["NOT_FOUND"]
    assert scene.state() == {}
