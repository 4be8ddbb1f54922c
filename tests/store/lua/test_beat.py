"""beat.lua: who lives."""

from __future__ import annotations

from tests.store.scene import NOW, Scene


def beat(scene: Scene, name: str, *, now: int = NOW, **arguments):
    fields = {"kind": "worker", "info": '{"pid":1}', "ttl": 15_000, **arguments}
    return scene.call("beat", now=now, name=name, **fields)


def test_it_lives_until_its_time_is_over(scene):
    assert beat(scene, "a") == str(NOW)
    beat(scene, "b", kind="scheduler")
    beat(scene, "a", now=NOW + 5_000, info='{"pid":2}')
    assert scene.state() == {
        "beats:scheduler": {"b": NOW + 15_000},
        "beats:scheduler:info": {"b": '{"pid":1}'},
        "beats:worker": {"a": NOW + 20_000},
        "beats:worker:info": {"a": '{"pid":2}'},
    }


def test_goodbye(scene):
    beat(scene, "a")
    beat(scene, "b")
    beat(scene, "a", gone=True)
    assert scene.state() == {
        "beats:worker": {"b": NOW + 15_000},
        "beats:worker:info": {"b": '{"pid":1}'},
    }


def test_the_dead_are_remembered_for_five_minutes_and_dropped_by_the_living(scene):
    beat(scene, "dead", ttl=0)
    beat(scene, "a", now=NOW + 299_999)
    assert set(scene.state()["beats:worker"]) == {"dead", "a"}
    beat(scene, "a", now=NOW + 300_000)
    assert set(scene.state()["beats:worker"]) == set(scene.state()["beats:worker:info"]) == {"a"}


def test_twenty_thousand_dead_go_a_hundred_at_a_time(scene):
    dead = {f"w{n}": 0 for n in range(20_000)}
    scene.client.zadd(scene.store.keys.beats("worker"), dead)
    beat(scene, "a")
    assert scene.client.zcard(scene.store.keys.beats("worker")) == 20_001 - 100
