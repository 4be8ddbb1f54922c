"""Row 71: every script with 20,000 of what it can meet many of. Lua's `unpack` and a command's
arguments end at about 8,000, so a script that spreads a list out works in all tests but these."""

from __future__ import annotations

from pathlib import Path

import pytest

import dispatch_app.store.scripts
from tests.store.scene import HOURLY, NOW, Scene, member, new_run

SCRIPTS = sorted(
    path.stem for path in Path(dispatch_app.store.scripts.__file__).parent.glob("lua/*.lua")
)
MANY = 20_000
KEEP = 100


@pytest.fixture(scope="module")
def crowd(redis_server):
    """A task with 20,000 runs that wait and 20,000 that ended, among 20,000 tasks."""
    with redis_server.client() as client:
        client.flushall()
    scene = Scene(redis_server.url)
    keys = scene.store.keys
    scene.task("t")
    scene.many_queued([f"r{n:05d}" for n in range(MANY)])
    others = {member(f"other{n}"): 0 for n in range(MANY)}
    with scene.client.pipeline(transaction=False) as pipe:
        for listing in (keys.tasks(), keys.tasks_by("status", "scheduled")):
            pipe.zadd(listing, others)
        pipe.zadd(keys.agenda(), {f"t:other{n}": NOW + 70_000 + n for n in range(MANY)})
        pipe.zadd(keys.leases(), {f"running{n}": NOW + n for n in range(MANY)})
        pipe.rpush(keys.done("t"), *(f"done{n}" for n in range(MANY)))
        pipe.execute()
    yield scene
    scene.close()


def listings(kind: str) -> list[str]:
    return [f"tasks:tag:{kind}{n}" for n in range(MANY)]


def stands_in(scene: Scene, kind: str) -> int:
    """In how many listings of a kind somebody stands."""
    with scene.client.pipeline(transaction=False) as pipe:
        for listing in listings(kind):
            pipe.zcard(scene.prefix + listing)
        return sum(pipe.execute())


def create(scene: Scene) -> None:
    reply = scene.call("create", id="new", **{"def": "{}"}, type="echo", once=False,
                       status="scheduled", indexes=listings("a"), next=NOW + 1)  # fmt: skip
    assert reply[:2] == ["OK", "new"]
    assert stands_in(scene, "a") == MANY


def update(scene: Scene) -> None:
    scene.task("changing", HOURLY)
    for leave, enter in (([], "b"), (listings("b"), "c")):
        reply = scene.call(
            "update", id="changing", rev=1 + bool(leave), was="scheduled", **{"def": "{}"},
            type="echo", once=False, status="scheduled", next=NOW, keep=False, restart=False,
            leave=leave, enter=listings(enter),
        )  # fmt: skip
        assert reply == ["OK"]
    assert (stands_in(scene, "b"), stands_in(scene, "c")) == (0, MANY)


def pause(scene: Scene) -> None:
    for pausing, status in ((True, "paused"), (False, "scheduled")):
        assert scene.call("pause", id="t", pause=pausing, note="") == ["OK"]
        assert scene.client.hget(scene.store.keys.task("t"), "status") == status


def trigger(scene: Scene) -> None:
    scene.task("triggered")
    runs = [new_run(f"triggered{n}", queue="another") for n in range(9_000)]
    assert scene.call("trigger", id="triggered", type="echo", runs=runs)[0] == "OK"
    assert scene.client.llen("another") == 9_000


def start(scene: Scene) -> None:
    assert scene.start("r00001")[0] == "OK"
    assert forgotten(
        scene, lambda: expired(scene, "late1", lambda: scene.start("late1", now=NOW + 9))
    )


def cancel_run(scene: Scene) -> None:
    def act() -> None:
        assert scene.call("cancel_run", id="r00002", reason="", keep=KEEP) == ["OK"]

    assert forgotten(scene, act)


def postpone(scene: Scene) -> None:
    def act() -> None:
        reply = scene.call("postpone", now=NOW + 9, id="late2", attempt=1, delay=1, reason="",
                           keep=KEEP)  # fmt: skip
        assert reply == ["OK"]

    assert forgotten(scene, lambda: expired(scene, "late2", act))


def expired(scene: Scene, run_id: str, act) -> None:
    scene.queued(run_id, expires=NOW + 1)
    act()
    assert scene.client.hget(scene.store.keys.run(run_id), "status") == "expired"


def forgotten(scene: Scene, act) -> bool:
    """Whether old runs of the task go while this is done, so many at a time."""
    before = scene.client.llen(scene.store.keys.done("t"))
    act()
    # one came, ten went
    return before - scene.client.llen(scene.store.keys.done("t")) == 9


CALLS = {
    call.__name__: call for call in (create, update, pause, trigger, start, cancel_run, postpone)
}


@pytest.mark.parametrize("script", CALLS)
def test_it_works_among_twenty_thousand(crowd, script):
    CALLS[script](crowd)


@pytest.mark.parametrize("script", sorted({*SCRIPTS} - {*CALLS}))
def test_the_others_have_such_a_test_beside_their_own(script):
    """Those that work on whole collections, in batches."""
    assert "20_000" in Path(__file__).with_name(f"test_{script}.py").read_text()
