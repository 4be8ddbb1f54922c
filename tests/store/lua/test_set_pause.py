"""set_pause.lua: stop everything, a queue or a type, and let it go on."""

from __future__ import annotations

import msgspec
import pytest

from tests.store.scene import NOW, Scene


def record(scene: Scene, scope: str = "all") -> dict:
    return msgspec.json.decode(scene.state()["paused"][scope])


def test_a_pause_says_who_when_and_why(scene):
    said = f'{{"who":"ci","at":{NOW},"note":"the \\"night\\""}}'
    assert scene.pause("queue:reports", 'the "night"') == ["OK", said, 0]
    assert scene.state() == {
        "events": ["scope.paused  queue:reports"],
        "paused": {"queue:reports": said},
    }
    assert record(scene, "queue:reports") == {"who": "ci", "at": NOW, "note": 'the "night"'}


def test_the_same_again_changes_nothing_and_another_note_takes_its_place(scene):
    scene.pause(note="größer")
    before = scene.state()
    scene.pause(note="größer", now=NOW + 1)
    assert scene.changes(before) == {}
    scene.pause(note="two", now=NOW + 2)
    assert record(scene) == {"who": "ci", "at": NOW + 2, "note": "two"}
    scene.pause(note="two", who="ops", now=NOW + 3)
    assert record(scene) == {"who": "ops", "at": NOW + 3, "note": "two"}


def test_its_end_leaves_nothing_where_it_held_nothing(scene):
    _, said, _ = scene.pause()
    assert scene.resume() == ["OK", said, 0]
    assert scene.state() == {"events": ["scope.paused  all", "scope.resumed  all"]}


def test_the_end_of_what_is_not_paused_does_no_harm(scene):
    assert scene.resume() == ["OK", "", 0]
    assert scene.state() == {}


@pytest.mark.parametrize("seed", ["held_task", "held_run"])
def test_its_end_has_what_it_held_released(scene, seed):
    scene.task("other")
    getattr(scene, seed)(**({"task_id": "other"} if seed == "held_run" else {}))
    before = scene.state()
    assert scene.resume(now=NOW + 90_000)[2] == 1
    assert scene.changes(before) == {
        "agenda": {"h:all": NOW + 90_000},
        "events": ["scope.resumed  all"],
        "paused": None,
    }


def test_what_is_first_on_the_agenda_wakes_the_schedulers(scene):
    scene.held_task()
    with scene.client.pubsub() as listener:
        listener.subscribe(scene.store.keys.wake())
        assert listener.get_message(timeout=5)["type"] == "subscribe"
        scene.resume()
        assert listener.get_message(timeout=5)["type"] == "message"


def test_another_pause_before_all_is_released_keeps_the_rest(scene):
    scene.held_task()
    scene.resume()
    scene.pause()
    assert "agenda" not in scene.state()
    assert scene.state()["held:all"] == {"t:t": NOW + 60_000}
    # and its end releases it
    scene.resume()
    assert "h:all" in scene.state()["agenda"]


def test_pauses_of_several_scopes_stand_side_by_side(scene):
    scene.pause("queue:a")
    scene.pause("type:a")
    scene.resume("queue:a")
    assert list(scene.state()["paused"]) == ["type:a"]


def test_there_is_room_for_so_many(scene):
    for n in range(200):
        scene.pause(f"queue:{n}")
    before = scene.state()
    assert scene.pause("queue:another") == ["FULL"]
    assert scene.changes(before) == {}
    assert scene.pause("queue:7", "still open to change")[0] == "OK"


def test_it_ends_while_20_000_members_are_held(scene):
    many = 20_000
    scene.pause()
    scene.client.zadd(scene.store.keys.held("all"), {f"t:t{n}": NOW for n in range(many)})
    assert scene.resume()[2] == many
    assert scene.state()["agenda"] == {"h:all": NOW}
