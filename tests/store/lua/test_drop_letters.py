"""drop_letters.lua: dead letters that nobody wants to replay."""

from __future__ import annotations

from tests.store.scene import KEEP, NOW, Scene


def drop(scene: Scene, *ids: str, keep: int = KEEP) -> int:
    return scene.call("drop_letters", ids=list(ids), keep=keep)


def test_its_run_is_one_that_has_finished_like_any_other(scene):
    scene.task()
    scene.finished("r", status="failed")
    before = scene.state()
    assert drop(scene, "r") == 1
    assert scene.changes(before) == {
        "dead": None,
        "dead:task:t": None,
        "dead:type:echo": None,
        "done:t": ["r"],
        "run:r": {"died": None},
    }


def test_what_is_no_letter_is_left_alone(scene):
    scene.task()
    scene.running("on")
    scene.finished("good")
    scene.finished("dropped", status="failed")
    drop(scene, "dropped")
    before = scene.state()
    assert drop(scene, "on", "good", "dropped", "never") == 0
    assert scene.changes(before) == {}


def test_it_counts_among_the_finished_runs_from_then_on(scene):
    scene.task()
    for number in range(3):
        scene.finished(f"good{number}")
    scene.finished("r", status="failed")
    assert scene.state()["done:t"] == ["good2", "good1", "good0"]
    assert drop(scene, "r", keep=2) == 1
    assert scene.state()["done:t"] == ["r", "good2"]
    assert "run:good0" not in scene.state()


def test_a_letter_that_is_purged_with_its_task_is_listed_no_more(scene):
    scene.task()
    scene.finished("r", status="failed")
    reply = scene.call("purge", id="t", rev="1", leave=["tasks:type:echo", "tasks:queue:default"])
    assert reply == ["OK", 0]
    assert not [key for key in scene.state() if key.startswith("dead")]


def test_twenty_thousand_in_batches(scene):
    scene.task()
    ids = [f"r{number:05d}" for number in range(20_000)]
    scene.many_running(ids)
    with scene.client.pipeline(transaction=False) as pipe:
        for kind in ("dead", "dead:type:echo", "dead:task:t"):
            pipe.zadd(scene.prefix + kind, {f"{NOW}~{run_id}": 0 for run_id in ids})
        for run_id in ids:
            pipe.hset(scene.store.keys.run(run_id), "died", NOW)
        pipe.execute()
    assert scene.store.dead_letters.drop(ids) == 20_000
    assert not list(scene.client.scan_iter(f"{scene.prefix}dead*"))
    assert scene.client.llen(scene.store.keys.done("t")) == KEEP
