"""purge.lua: a task, its listings and its whole history are gone."""

from __future__ import annotations

from dispatch_app.store.codec import listings_of
from tests.store.scene import HOURLY, MINUTE, QUEUE, Scene


def purge(scene: Scene, task_id: str = "t", rev: str = "1"):
    return scene.call("purge", id=task_id, rev=rev, leave=listings_of(HOURLY))


def test_nothing_of_it_stays_and_nothing_else_goes(scene):
    scene.task("other")
    scene.queued("r0", "other")
    before = scene.state()
    scene.task()
    for seed in (scene.queued, scene.running, scene.retrying, scene.finished):
        run_id = seed(f"r-{seed.__name__}")
        scene.client.rpush(scene.store.keys.log(run_id), "a line")
    scene.store.tasks.mark_static("t")
    assert purge(scene) == ["OK", 0]
    changes = scene.changes(before)
    # messages that were sent find nothing to do; figures and events are history of their own
    assert set(changes) == {QUEUE, "events", f"stats:{MINUTE}"}
    assert changes["events"][-1] == "task.purged t scheduled"
    assert scene.start("r-queued") == ["NOT_FOUND"]
    assert scene.finish("r-running") == ["LOST"]
    assert scene.call("renew", lease=1, runs=[["r-running", "token"]]) == [["r-running"], []]


def test_another_revision_changes_nothing(scene):
    scene.task()
    before = scene.state()
    assert purge(scene, rev="2") == ["CHANGED"]
    assert scene.changes(before) == {}


def test_an_unknown_task_is_not_found(scene):
    assert purge(scene) == ["NOT_FOUND"]
    assert scene.state() == {}


def test_twenty_thousand_runs_go_in_pieces_and_none_of_them_starts_meanwhile(scene):
    scene.task()
    scene.many_queued([f"r{n:05d}" for n in range(20_000)])
    left = [purge(scene)[1]]
    # a task that is on its way out has no occurrence any more
    assert scene.client.exists(scene.store.keys.agenda()) == 0
    while left[-1]:
        left.append(purge(scene)[1])
    assert left == list(range(19_000, -1, -1_000))
    assert set(scene.state()) == {QUEUE, "events", f"stats:{MINUTE}"}
