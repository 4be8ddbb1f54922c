"""due.lua: what is due by now, with all that planning needs."""

from __future__ import annotations

from dispatch_app.store.codec import encode_task
from tests.store.scene import HOURLY, NOW, Scene


def due(scene: Scene, now: int, limit: int = 500):
    return scene.call("due", now=now, limit=limit)


def test_an_empty_agenda(scene):
    assert due(scene, NOW) == [str(NOW), ""]


def test_tasks_and_runs_that_are_due_and_when_the_next_will_be(scene):
    scene.task("late", next=NOW + 60_000)
    scene.task("soon", next=NOW + 1_000)
    scene.retrying("r", "late")
    before = scene.state()
    definition = encode_task(HOURLY)
    assert due(scene, NOW + 5_000) == [
        str(NOW + 5_000),
        str(NOW + 60_000),
        ["t:soon", str(NOW + 1_000), definition, "1", None, "scheduled", None],
        ["r:r", str(NOW + 5_000), definition, "1", "1", "retrying", None],
    ]
    assert scene.changes(before) == {}


def test_what_is_due_to_the_millisecond_is_due(scene):
    scene.task("t", next=NOW + 1_000)
    assert len(due(scene, NOW + 999)) == 2
    assert len(due(scene, NOW + 1_000)) == 3


def test_the_oldest_come_first_and_no_more_than_asked(scene):
    for number in range(5):
        scene.task(f"t{number}", next=NOW - number)
    _, following, *entries = due(scene, NOW, limit=3)
    assert [entry[0] for entry in entries] == ["t:t4", "t:t3", "t:t2"]
    assert following == ""


def test_twenty_thousand_due_are_read_in_bounded_pieces(scene):
    scene.client.zadd(scene.store.keys.agenda(), {f"t:{n}": NOW - n for n in range(20_000)})
    _, _, *entries = due(scene, NOW)
    assert len(entries) == 500
    assert entries[0][:2] == ["t:19999", str(NOW - 19_999)]


def test_a_record_that_is_none_is_shown_as_empty_and_stops_nothing(scene):
    scene.task("fine", next=NOW)
    agenda = {"t:string": NOW - 3, "t:gone": NOW - 2, "r:gone": NOW - 1}
    scene.client.zadd(scene.store.keys.agenda(), agenda)
    scene.client.set(scene.store.keys.task("string"), "garbage")
    _, _, *entries = due(scene, NOW)
    assert [entry[0] for entry in entries] == ["t:string", "t:gone", "r:gone", "t:fine"]
    assert [entry[2:] for entry in entries[:3]] == [[None] * 5] * 3


def test_another_part_of_what_is_due_for_a_scheduler_beside_others(scene):
    agenda = {f"t:{n}": NOW - 100 + n for n in range(7)} | {"t:later": NOW + 1}
    scene.client.zadd(scene.store.keys.agenda(), agenda)

    def part(number: int) -> list[str]:
        _, following, *entries = scene.call("due", now=NOW, limit=3, part=number)
        assert following == str(NOW + 1)
        return [entry[0] for entry in entries]

    parts = [["t:0", "t:1", "t:2"], ["t:3", "t:4", "t:5"], ["t:6"]]
    assert [part(number) for number in range(6)] == [*parts, *parts]


def test_a_part_of_nothing_is_nothing(scene):
    assert scene.call("due", now=NOW, limit=3, part=5) == [str(NOW), ""]
