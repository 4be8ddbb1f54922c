"""replay.lua: another run in place of a dead letter, which is one no more."""

from __future__ import annotations

import pytest

from dispatch_app.store.codec import encode_task
from tests.store.scene import HOURLY, KEEP, NOW, QUEUE, Scene, new_run

LATER = NOW + 60_000
WAITS = {"policy": "buffer_all", "most": 2, "grace": 10_000, "keep": KEEP}


def entry(letter: str, run_id: str, task_id: str = "t", **fields) -> dict:
    run = new_run(
        run_id, at=LATER, origin="retry", retry_of=letter, **{"def": encode_task(HOURLY)}, **fields
    )
    return {"id": letter, "task": task_id, "type": "echo", "run": run}


def replay(scene: Scene, *entries, now: int = LATER, **fields) -> list[str]:
    return scene.call("replay", now=now, entries=list(entries), keep=KEEP, **fields)


@pytest.fixture
def letter(scene) -> str:
    scene.task()
    return scene.finished("r", status="failed")


def test_the_new_run_and_its_message_and_a_letter_less(scene, letter):
    before = scene.state()
    assert before["dead"] == {f"{NOW}~r": 0}
    assert replay(scene, entry("r", "new")) == ["OK"]
    assert scene.changes(before) == {
        QUEUE: ["message of new", "message of r"],
        "dead": None,
        "dead:task:t": None,
        "dead:type:echo": None,
        "done:t": ["r"],
        "events": ["run.queued t/new queued"],
        "run:new": {
            "at": str(LATER),
            "attempt": "1",
            "def": encode_task(HOURLY),
            "origin": "retry",
            "queued": str(LATER),
            "retry_of": "r",
            "status": "queued",
            "task": "t",
            "type": "echo",
        },
        "run:r": {"died": None},
        "runs": {"new": 0},
        "runs:status:queued": {"new": 0},
        "runs:task:t": {"new": 0},
        "runs:type:echo": {"new": 0},
        f"stats:{LATER // 60_000}": {"echo|queued": "1"},
        "task:t": {"lr": "new", "lrf": None, "lrs": "queued", "n:runs": "2"},
    }


def test_a_second_call_with_the_same_makes_nothing(scene, letter):
    replay(scene, entry("r", "new"))
    before = scene.state()
    assert replay(scene, entry("r", "newer")) == ["GONE"]
    assert scene.changes(before) == {}


def test_what_is_no_dead_letter_is_not_replayed(scene):
    scene.task()
    scene.finished("good")
    scene.running("on")
    before = scene.state()
    replies = replay(scene, *(entry(name, f"{name}-new") for name in ("good", "on", "never")))
    assert replies == ["GONE"] * 3
    assert scene.changes(before) == {}


def test_a_letter_of_a_cancelled_task_stays(scene, letter):
    scene.call("cancel", id="t", keep=KEEP)
    before = scene.state()
    assert replay(scene, entry("r", "new")) == ["CANCELLED"]
    assert scene.changes(before) == {}


def test_a_letter_whose_task_is_gone_stays(scene, letter):
    scene.client.delete(scene.store.keys.task("t"))
    assert replay(scene, entry("r", "new")) == ["NO_TASK"]
    assert scene.state()["dead"] == {f"{NOW}~r": 0}


def test_under_a_policy_it_waits_its_turn_where_there_is_room(scene):
    scene.task()
    for number in range(5):
        scene.finished(f"r{number}", status="failed")
    entries = [entry(f"r{n}", f"new{n}", overlap=WAITS) for n in range(5)]
    assert replay(scene, *entries) == ["OK", "OK", "OK", "FULL", "FULL"]
    state = scene.state()
    assert [state[f"run:new{n}"]["status"] for n in range(3)] == ["queued", "waiting", "waiting"]
    assert set(state["dead"]) == {f"{NOW}~r3", f"{NOW}~r4"}
    assert state["task:t"]["n:runs"] == "8"


def test_with_a_space_the_messages_wait_on_the_agenda(scene):
    scene.task()
    for number in range(4):
        scene.finished(f"r{number}", status="failed")
    messages = scene.state()[QUEUE]
    first = [entry(f"r{n}", f"new{n}", expires=LATER + 1_000) for n in (0, 1)]
    assert replay(scene, *first, space=333.5) == ["OK", "OK"]
    state = scene.state()
    assert {n: state["agenda"][f"r:new{n}"] - LATER for n in (0, 1)} == {0: 0, 1: 333}
    assert {n: state["agenda"][f"x:new{n}"] - LATER for n in (0, 1)} == {0: 1_000, 1: 1_333}
    assert state["run:new1"]["at"] == str(LATER + 333)
    assert state["run:new1"]["status"] == "queued"
    assert state[QUEUE] == messages
    # the next call goes on after it
    assert replay(scene, entry("r2", "new2"), now=LATER + 100, space=1_000) == ["OK"]
    assert scene.state()["agenda"]["r:new2"] == LATER + 667
    # and much later there is nothing to wait for
    assert scene.client.pttl(scene.store.keys.replays()) > 0
    assert replay(scene, entry("r3", "new3"), now=LATER + 60_000, space=1_000) == ["OK"]
    assert scene.state()["agenda"]["r:new3"] == LATER + 60_000


def test_the_message_that_waits_is_sent_when_its_moment_comes(scene, letter):
    replay(scene, entry("r", "new"), space=1_000)
    step = {"member": "r:new", "due": LATER, "queue": QUEUE, "message": "sent", "attempt": 1}
    assert scene.call("commit", now=LATER, entries=[step]) == 1
    assert scene.state()[QUEUE][0] == "sent"
    assert scene.start("new")[0] == "OK"


def test_a_damaged_record_stops_no_other(scene):
    for task_id in ("t1", "t2", "t3"):
        scene.task(task_id)
        scene.finished(f"r-{task_id}", task_id, status="failed")
    scene.client.hset(scene.store.keys.task("t1"), "n:runs", "garbage")
    scene.client.delete(scene.store.keys.task("t2"))
    scene.client.set(scene.store.keys.task("t2"), "garbage")
    entries = [entry(f"r-{task_id}", f"new-{task_id}", task_id) for task_id in ("t1", "t2", "t3")]
    assert replay(scene, *entries) == ["DAMAGED", "DAMAGED", "OK"]
    state = scene.state()
    assert "run:new-t1" not in state
    assert set(state["dead"]) == {f"{NOW}~r-t1", f"{NOW}~r-t2"}


def test_a_letter_that_could_not_leave_the_listings_stays(scene):
    scene.task()
    for name, field, value in (("r1", "died", "soon"), ("r2", "task", None), ("r3", None, "x")):
        scene.finished(name, status="failed")
        key = scene.store.keys.run(name)
        if field is None:
            scene.client.delete(key)
            scene.client.set(key, value)
        elif value is None:
            scene.client.hdel(key, field)
        else:
            scene.client.hset(key, field, value)
    before = scene.state()
    entries = [entry(name, f"new-{name}") for name in ("r1", "r2", "r3")]
    assert replay(scene, *entries) == ["DAMAGED"] * 3
    assert scene.changes(before) == {}


def test_among_twenty_thousand_letters_a_piece_is_a_piece(scene, letter):
    letters = {f"{NOW}~r{number:05d}": 0 for number in range(20_000)}
    scene.client.zadd(scene.store.keys.dead(), letters)
    assert replay(scene, entry("r", "new"), entry("r00001", "other")) == ["OK", "GONE"]
    assert scene.store.dead_letters.count() == 20_000


def test_so_many_a_second_that_less_than_a_millisecond_lies_between_them(scene, letter):
    assert replay(scene, entry("r", "new"), space=0.5) == ["OK"]
    assert scene.state()["agenda"]["r:new"] == LATER
