"""Definitions, as the floors above see them."""

from __future__ import annotations

import pytest

from dispatch_app.domain.errors import (
    Conflict,
    IdempotencyMismatch,
    NotFound,
    RevisionMismatch,
)
from dispatch_app.domain.task import Task
from dispatch_app.ids import new_id
from dispatch_app.store.answers import Idempotency
from dispatch_app.store.tasks import KEEP, Beginning, NewRun, TaskFilter
from tests.store.scene import HOURLY, NOW, ONE_OFF, Scene

LATER = NOW + 10**12


def create(scene: Scene, task_id: str = "t", task: Task = HOURLY, **arguments):
    beginning = Beginning(
        next_run_at=arguments.pop("next_run_at", LATER), run=arguments.pop("run", None)
    )
    return scene.store.tasks.create(task_id, task, beginning, **arguments)


def new_run() -> NewRun:
    return NewRun(id=new_id(), queue="default", message="m", at=NOW, origin="schedule")


def test_what_is_created_is_what_is_read(scene):
    created = create(scene)
    assert created == scene.store.tasks.get("t")
    assert (created.definition, created.revision, created.status) == (HOURLY, 1, "scheduled")
    assert created.next_run_at == LATER
    assert abs(created.created_at - scene.store.now()) < 60_000
    assert created.updated_at == created.created_at


def test_a_disabled_task_is_paused(scene):
    created = create(scene, enabled=False)
    assert (created.status, created.next_run_at) == ("paused", None)


def test_a_task_that_is_due_comes_with_its_run(scene):
    run = new_run()
    created = create(scene, task=ONE_OFF, next_run_at=None, run=run)
    assert created.status == "queued"
    assert (created.last_run.id, created.last_run.status) == (run.id, "queued")
    assert created.counts == {"runs": 1}


def test_an_id_is_taken_once(scene):
    create(scene)
    with pytest.raises(Conflict, match="There is a task 't' already"):
        create(scene, task=ONE_OFF)
    assert scene.store.tasks.get("t").definition == HOURLY


def test_the_same_request_again_gives_the_same_task(scene):
    asked = Idempotency("key", "print")
    first = create(scene, "t1", idempotency=asked)
    assert not asked.replayed
    scene.store.tasks.pause("t1", pause=True)
    assert create(scene, "t2", idempotency=asked) == first
    assert asked.replayed
    with pytest.raises(NotFound):
        scene.store.tasks.get("t2")
    with pytest.raises(IdempotencyMismatch):
        create(scene, "t3", idempotency=Idempotency("key", "other print"))


def test_update_counts_the_revision_up_and_the_old_one_no_longer_serves(scene):
    before = create(scene)
    other = Task(type="echo", queue="other", schedule=HOURLY.schedule)
    scene.store.tasks.update(before, other, KEEP, status="scheduled")
    after = scene.store.tasks.get("t")
    assert (after.definition, after.revision, after.next_run_at) == (other, 2, LATER)
    with pytest.raises(RevisionMismatch):
        scene.store.tasks.update(before, HOURLY, KEEP, status="scheduled")
    later = Beginning(next_run_at=LATER + 1)
    scene.store.tasks.update(after, HOURLY, later, status="paused", restart=True)
    assert scene.store.tasks.get("t").status == "paused"


def test_cancel_is_for_good_and_harmless_twice(scene):
    create(scene)
    scene.store.tasks.cancel("t")
    scene.store.tasks.cancel("t")
    assert scene.store.tasks.get("t").status == "cancelled"
    for refused in (
        lambda: scene.store.tasks.pause("t", pause=True),
        lambda: scene.store.tasks.pause("t", pause=False),
        lambda: scene.store.tasks.trigger("t", "echo", [new_run()]),
    ):
        with pytest.raises(Conflict, match="is cancelled; that does not allow this"):
            refused()


def test_cancel_of_thousands_of_runs_leaves_none(scene):
    create(scene)
    scene.many_queued([f"r{n:04d}" for n in range(2_500)])
    scene.store.tasks.cancel("t")
    assert scene.store.tasks.get("t").counts == {"runs": 2_500, "cancelled": 2_500}
    assert not scene.client.exists(scene.store.keys.runs_by("status", "queued"))


def test_what_ended_otherwise_cannot_be_cancelled(scene):
    create(scene, task=ONE_OFF, next_run_at=None)
    scene.client.hset(scene.store.keys.task("t"), "status", "failed")
    with pytest.raises(Conflict, match="has already ended: it is failed"):
        scene.store.tasks.cancel("t")


def test_pause_and_resume(scene):
    create(scene)
    scene.store.tasks.pause("t", pause=True, note="Paused: holidays")
    paused = scene.store.tasks.get("t")
    assert (paused.status, paused.notes, paused.next_run_at) == (
        "paused", ("Paused: holidays",), None,
    )  # fmt: skip
    scene.store.tasks.pause("t", pause=False)
    resumed = scene.store.tasks.get("t")
    assert (resumed.status, resumed.notes, resumed.next_run_at) == ("scheduled", (), LATER)


def test_trigger_more_than_a_script_takes_at_once(scene):
    create(scene)
    scene.store.tasks.trigger("t", "echo", [new_run() for _ in range(1_200)])
    assert scene.store.tasks.get("t").counts == {"runs": 1_200}


def test_purge_leaves_nothing_of_thousands_of_runs(scene):
    create(scene)
    scene.store.tasks.mark_static("t")
    scene.many_queued([f"r{n:04d}" for n in range(2_500)])
    scene.store.tasks.purge("t")
    assert {key.split(":")[0] for key in scene.state()} == {"default", "events", "stats"}
    assert scene.store.tasks.static_ids() == set()
    with pytest.raises(NotFound):
        scene.store.tasks.purge("t")


@pytest.mark.parametrize(
    "verb",
    [
        lambda tasks: tasks.get("unknown"),
        lambda tasks: tasks.cancel("unknown"),
        lambda tasks: tasks.purge("unknown"),
        lambda tasks: tasks.pause("unknown", pause=True),
        lambda tasks: tasks.trigger("unknown", "echo", [new_run()]),
    ],
    ids=["get", "cancel", "purge", "pause", "trigger"],
)
def test_what_is_not_there_is_not_found_by_name(scene, verb):
    with pytest.raises(NotFound, match="There is no task 'unknown'"):
        verb(scene.store.tasks)
    assert scene.state() == {}


DAMAGE = {
    "def": ("hset", "def", "garbage"),
    "no def": ("hdel", "def"),
    "revision": ("hset", "rev", "garbage"),
    "no revision": ("hdel", "rev"),
    "created": ("hset", "created", "garbage"),
    "counter": ("hset", "n:runs", "garbage"),
    "status": ("hdel", "status"),
    "bytes": ("hset", "def", b"\xff\xfe"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_record_is_listed_among_the_others_and_can_be_purged(scene, damage):
    for number in range(3):
        create(scene, f"t{number}")
    command, *arguments = damage
    getattr(scene.client, command)(scene.store.keys.task("t1"), *arguments)
    page = scene.store.tasks.list(TaskFilter(), limit=10)
    assert [task.id for task in page.items] == ["t2", "t1", "t0"]
    assert scene.store.tasks.get("t1").id == "t1"
    scene.store.tasks.purge("t1")
    with pytest.raises(NotFound):
        scene.store.tasks.get("t1")
    assert "t:t1" not in scene.state()["agenda"]


def test_a_definition_of_a_newer_version_is_shown_with_the_reason(scene):
    create(scene)
    scene.client.hset(scene.store.keys.task("t"), "def", '{"v":99,"type":"echo"}')
    shown = scene.store.tasks.get("t")
    assert shown.definition is None
    assert "not one that this version reads" in shown.notes[-1]
