"""put_calendar.lua: a calendar under its name, and its tasks before the schedulers."""

from __future__ import annotations

from tests.store.scene import NOW, Scene

ONE, TWO = '{"description":"one"}', '{"description":"two"}'


def put(scene: Scene, calendar: str = ONE, *, name: str = "c", most: int = 100, **arguments):
    return scene.call("put_calendar", name=name, calendar=calendar, most=most, **arguments)


def record(revision: int, calendar: str, updated: int = NOW) -> str:
    return f'{{"rev":{revision},"updated":{updated},"calendar":{calendar}}}'


def test_a_new_one(scene):
    assert put(scene) == ["OK", record(1, ONE), 1]
    assert scene.state() == {
        "calendars": {"c": record(1, ONE)},
        "calendars:rev": "1",
        "calendars:since": str(NOW),
    }


def test_another_in_its_place_puts_its_tasks_before_the_schedulers(scene):
    put(scene)
    assert put(scene, TWO, now=NOW + 5) == ["OK", record(2, TWO, NOW + 5), 0]
    assert scene.state() == {
        "agenda": {"c:c": NOW + 5},
        "calendars": {"c": record(2, TWO, NOW + 5)},
        "calendars:rev": "2",
        "calendars:since": str(NOW),
    }


def test_schedulers_that_sleep_are_woken(scene):
    put(scene)
    with scene.client.pubsub() as listener:
        listener.subscribe(scene.store.keys.wake())
        assert listener.get_message(timeout=5)["type"] == "subscribe"
        put(scene, TWO)
        assert listener.get_message(timeout=5)["type"] == "message"


def test_the_same_again_changes_nothing(scene):
    put(scene)
    before = scene.state()
    assert put(scene, now=NOW + 5) == ["OK", record(1, ONE), 0]
    assert scene.changes(before) == {}


def test_a_task_that_names_one_that_was_not_there_is_planned_anew(scene):
    scene.client.zadd(scene.store.keys.tasks_by("calendar", "c"), {"t": 0})
    put(scene)
    assert scene.state()["agenda"] == {"c:c": NOW}


def test_revisions_are_of_all_calendars_together(scene):
    """So that one that is dropped and made again has none that it had before."""
    put(scene)
    put(scene, name="d")
    scene.call("drop_calendar", name="c")
    assert put(scene, TWO)[1] == record(4, TWO)


def test_only_the_revision_that_was_read_is_replaced(scene):
    put(scene)
    before = scene.state()
    assert put(scene, TWO, rev=2) == ["CHANGED"]
    assert put(scene, TWO, name="d", rev=1) == ["CHANGED"]
    assert scene.changes(before) == {}
    assert put(scene, TWO, rev=1) == ["OK", record(2, TWO), 0]


def test_there_is_room_for_so_many(scene):
    put(scene, most=1)
    before = scene.state()
    assert put(scene, name="d", most=1) == ["FULL"]
    assert scene.changes(before) == {}
    assert put(scene, TWO, most=1)[0] == "OK"


def test_one_that_cannot_be_read_is_replaced(scene):
    scene.client.hset(scene.store.keys.calendars(), "c", "nonsense")
    assert put(scene, rev=1) == ["CHANGED"]
    assert put(scene) == ["OK", record(1, ONE), 0]


def test_a_text_that_looks_like_a_record_is_none(scene):
    said = '{"description":"\\"calendar\\":{}}"}'
    assert put(scene, said)[1] == record(1, said)
    assert put(scene, said)[2] == 0
    assert put(scene, "{}")[1] == record(2, "{}")


def test_twenty_thousand_entries_among_twenty_thousand_calendars(scene):
    scene.client.hset(
        scene.store.keys.calendars(), mapping={f"c{n}": record(n, ONE) for n in range(20_000)}
    )
    large = '{"entries":[' + ",".join('{"date":"2026-12-25"}' for _ in range(20_000)) + "]}"
    assert put(scene, large, most=20_001) == ["OK", record(1, large), 1]
    assert put(scene, large, most=20_001) == ["OK", record(1, large), 0]
