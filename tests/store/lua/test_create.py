"""create.lua: a definition, its listings and its first moment; due now, its run and message."""

from __future__ import annotations

from dispatch_app.domain.task import Task
from dispatch_app.store.codec import encode_task
from tests.store.scene import HOURLY, MINUTE, NOW, ONE_OFF, QUEUE, Scene, member, new_run

LATER = NOW + 60_000
T = member("t")


def create(scene: Scene, task_id: str = "t", **arguments):
    fields = {
        "def": encode_task(HOURLY),
        "type": "echo",
        "once": False,
        "status": "scheduled",
        "indexes": ["tasks:type:echo"],
        "next": LATER,
        **arguments,
    }
    return scene.call("create", id=task_id, **fields)


def test_a_scheduled_task(scene):
    code, task_id, record = create(scene)
    assert (code, task_id) == ("OK", "t")
    assert scene.state() == {
        "agenda": {"t:t": LATER},
        "events": ["task.created t scheduled"],
        "task:t": {
            "created": str(NOW),
            "def": encode_task(HOURLY),
            "next": str(LATER),
            "rev": "1",
            "status": "scheduled",
        },
        "tasks": {T: 0},
        "tasks:status:scheduled": {T: 0},
        "tasks:type:echo": {T: 0},
    }
    # the reply is the record, as a flat list
    assert dict(zip(record[::2], record[1::2], strict=True)) == scene.state()["task:t"]


def test_a_paused_task_has_a_moment_but_no_place_on_the_agenda(scene):
    create(scene, status="paused")
    state = scene.state()
    assert "agenda" not in state
    assert state["task:t"]["next"] == str(LATER)
    assert state["tasks:status:paused"] == {T: 0}


def test_a_task_that_is_due_has_its_run_and_message_in_the_same_step(scene):
    create(
        scene,
        **{"def": encode_task(ONE_OFF)},
        once=True,
        status="queued",
        next=None,
        run=new_run("r", expires=LATER),
    )
    assert scene.state() == {
        "agenda": {"x:r": LATER},
        "events": ["task.created t queued", "run.queued t/r queued"],
        QUEUE: ["message of r"],
        "run:r": {
            "at": str(NOW),
            "attempt": "1",
            "def": encode_task(ONE_OFF),
            "expires": str(LATER),
            "origin": "schedule",
            "queued": str(NOW),
            "status": "queued",
            "task": "t",
            "type": "echo",
        },
        "runs": {"r": 0},
        "runs:status:queued": {"r": 0},
        "runs:task:t": {"r": 0},
        "runs:type:echo": {"r": 0},
        f"stats:{MINUTE}": {"echo|queued": "1"},
        "task:t": {
            "created": str(NOW),
            "def": encode_task(ONE_OFF),
            "lr": "r",
            "lrs": "queued",
            "n:runs": "1",
            "once": "1",
            "rev": "1",
            "status": "queued",
        },
        "tasks": {T: 0},
        "tasks:status:queued": {T: 0},
        "tasks:type:echo": {T: 0},
    }


def test_an_id_that_is_taken_changes_nothing(scene):
    create(scene)
    before = scene.state()
    assert create(scene, next=LATER + 1) == ["EXISTS"]
    assert scene.changes(before) == {}


def test_the_same_request_again_gets_the_same_answer_and_makes_nothing(scene):
    idem = {"key": "k", "fingerprint": "f"}
    first = create(scene, idem=idem, run=new_run("r1"))
    scene.call("cancel", id="t", keep=100)
    before = scene.state()
    again = create(scene, task_id="other", idem=idem, run=new_run("r2"))
    # as it was then, although it is cancelled by now
    assert again == ["SAME", *first[1:]]
    assert scene.changes(before) == {}


def test_another_request_under_the_same_key_is_refused(scene):
    create(scene, idem={"key": "k", "fingerprint": "f"})
    before = scene.state()
    assert create(scene, task_id="u", idem={"key": "k", "fingerprint": "g"}) == ["MISMATCH"]
    assert scene.changes(before) == {}


def test_the_idempotency_key_dies_after_a_day(scene):
    create(scene, idem={"key": "k", "fingerprint": "f"})
    assert 86_390 < scene.client.ttl(scene.store.keys.idempotency("k")) <= 86_400


def test_an_earlier_moment_wakes_the_schedulers_and_a_later_one_does_not(scene):
    with scene.client.pubsub() as listener:
        listener.subscribe(scene.store.keys.wake())
        assert listener.get_message(timeout=5)["type"] == "subscribe"
        heard = []
        for task_id, moment in (("a", LATER), ("b", LATER + 1), ("c", LATER - 1)):
            create(scene, task_id, next=moment)
            heard.append(bool(listener.get_message(timeout=0.2)))
    assert heard == [True, False, True]


def test_what_it_holds_is_bytes_not_patterns(scene):
    """Names with Lua's, JSON's and glob's special characters come back as they went."""
    task = Task(type='a|b:"%s*', queue="ü {x}", tags=("[a]", "\\"))
    scene.task("t", task)
    assert scene.store.tasks.get("t").definition == task
