"""drop_calendar.lua: a calendar is gone, if no task names it."""

from __future__ import annotations

from tests.store.scene import Scene


def put(scene: Scene, name: str = "c", description: str = "") -> None:
    calendar = f'{{"description":"{description}"}}'
    assert scene.call("put_calendar", name=name, calendar=calendar, most=100)[0] == "OK"


def drop(scene: Scene, **arguments):
    return scene.call("drop_calendar", name="c", **arguments)


def test_it_is_gone(scene):
    put(scene, "d")
    before = scene.state()
    put(scene)
    put(scene, description="changed")
    assert drop(scene) == ["OK"]
    # what was to be planned anew for it is gone, too
    assert scene.changes(before) == {"calendars:rev": "4"}


def test_only_the_revision_that_was_read_is_dropped(scene):
    put(scene)
    before = scene.state()
    assert drop(scene, rev=2) == ["CHANGED"]
    assert scene.changes(before) == {}
    assert drop(scene, rev=1) == ["OK"]


def test_one_that_is_not_there(scene):
    assert drop(scene) == ["NOT_FOUND"]
    assert drop(scene, rev=1) == ["NOT_FOUND"]
    assert scene.state() == {}


def test_one_that_twenty_thousand_tasks_name_stays(scene):
    put(scene)
    names = {f"t{n}": 0 for n in range(20_000)}
    scene.client.zadd(scene.store.keys.tasks_by("calendar", "c"), names)
    before = scene.state()
    assert drop(scene) == ["NAMED", 20_000]
    assert scene.changes(before) == {}


def test_one_that_cannot_be_read_is_dropped(scene):
    scene.client.hset(scene.store.keys.calendars(), "c", "nonsense")
    assert drop(scene, rev=1) == ["CHANGED"]
    assert drop(scene) == ["OK"]
