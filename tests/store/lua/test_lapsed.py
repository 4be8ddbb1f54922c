"""lapsed.lua: runs whose lease ran out."""

from __future__ import annotations

from dispatch_app.store.codec import encode_task
from tests.store.scene import HOURLY, NOW, Scene


def lapsed(scene: Scene, now: int, limit: int = 500, **more: int):
    return scene.call("lapsed", now=now, limit=limit, **more)


def test_from_the_moment_that_the_lease_ends(scene):
    scene.task()
    scene.running("r1")
    scene.running("r2")
    scene.start("r2", now=NOW + 5_000)
    before = scene.state()
    assert lapsed(scene, NOW + 9_999) == []
    assert lapsed(scene, NOW + 10_000) == [
        ["r1", str(NOW + 10_000), encode_task(HOURLY), "1", None, None, "10000"]
    ]
    assert scene.changes(before) == {}


def test_of_twenty_thousand_the_oldest_come_first_and_no_more_than_asked(scene):
    scene.client.zadd(scene.store.keys.leases(), {f"r{n}": NOW - n for n in range(20_000)})
    entries = lapsed(scene, NOW)
    assert len(entries) == 500
    assert entries[0] == ["r19999", str(NOW - 19_999), None, None, None, None, "0"]


def test_a_record_that_is_none_is_shown_as_empty_and_stops_nothing(scene):
    scene.task()
    scene.running()
    scene.client.zadd(scene.store.keys.leases(), {"string": NOW - 1, "gone": NOW - 2})
    scene.client.set(scene.store.keys.run("string"), "garbage")
    assert [entry[0] for entry in lapsed(scene, NOW + 10_000)] == ["gone", "string", "r"]


def test_one_that_lasts_longer_than_any_is_given_has_lapsed_too(scene):
    scene.task()
    scene.running()  # until NOW + 10 s
    back = NOW - 3_600_000
    assert lapsed(scene, back) == []
    assert lapsed(scene, NOW, longest=10_000) == []
    assert [entry[0] for entry in lapsed(scene, back, longest=10_000)] == ["r"]


def test_of_both_kinds_together_no_more_than_asked(scene):
    leases = {"short": NOW - 1, "fresh": NOW + 10_000, "long": NOW + 10_001, "longer": NOW + 99_999}
    scene.client.zadd(scene.store.keys.leases(), leases)
    entries = lapsed(scene, NOW, limit=2, longest=10_000)
    assert [entry[0] for entry in entries] == ["short", "long"]
