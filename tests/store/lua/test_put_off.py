"""put_off.lua: what this program does not know stands in nobody's way, and is not lost."""

from __future__ import annotations

from tests.store.scene import NOW, Scene


def put_off(scene: Scene, member: str, due: int) -> int:
    return scene.call("put_off", member=member, due=due, until=NOW + 60_000)


def test_it_is_due_later(scene):
    scene.client.zadd(scene.store.keys.agenda(), {"q:of a newer one": NOW})
    assert put_off(scene, "q:of a newer one", NOW) == 1
    assert scene.state() == {"agenda": {"q:of a newer one": NOW + 60_000}}


def test_what_somebody_has_seen_to_meanwhile_stays_as_it_is(scene):
    assert put_off(scene, "q:done", NOW) == 0
    scene.client.zadd(scene.store.keys.agenda(), {"q:moved": NOW + 5})
    assert put_off(scene, "q:moved", NOW) == 0
    assert scene.state() == {"agenda": {"q:moved": NOW + 5}}


def test_among_twenty_thousand(scene):
    members = {f"q:{number}": NOW for number in range(20_000)}
    scene.client.zadd(scene.store.keys.agenda(), members)
    assert put_off(scene, "q:7", NOW) == 1
    assert scene.client.zcount(scene.store.keys.agenda(), NOW, NOW) == 19_999
