"""answered.lua: how a request with an idempotency key was answered, whichever script did so."""

from __future__ import annotations

import pytest

from tests.store.lua.test_carry_on import start
from tests.store.lua.test_create import create
from tests.store.lua.test_replay import entry, replay
from tests.store.lua.test_trigger import trigger
from tests.store.scene import Scene, new_run

IDEM = {"key": "k", "fingerprint": "f"}
OTHER = {**IDEM, "fingerprint": "g"}


def created(scene: Scene, idem: dict[str, str]) -> list:
    return create(scene, "thing", idem=idem)


def triggered(scene: Scene, idem: dict[str, str]) -> list:
    return trigger(scene, new_run("thing"), idem=idem)


def backfilled(scene: Scene, idem: dict[str, str]) -> list:
    return start(scene, "thing", idem=idem)


def replayed(scene: Scene, idem: dict[str, str]) -> list:
    return replay(scene, entry("r", "thing"), idem=idem)


#: What makes the thing, and the key of its record.
WAYS = {
    "create": (created, "task:thing"),
    "trigger": (triggered, "run:thing"),
    "start_backfill": (backfilled, "backfill:thing"),
    "replay": (replayed, "run:thing"),
}


@pytest.fixture
def scene(scene: Scene) -> Scene:
    """A task with a dead letter."""
    scene.task()
    scene.finished("r", status="failed")
    return scene


def flat(record: dict[str, str]) -> list[tuple[str, str]]:
    return sorted(record.items())


@pytest.mark.parametrize("script", WAYS)
def test_the_same_again_makes_nothing_and_says_what_was_made(scene, script):
    make, key = WAYS[script]
    first = make(scene, IDEM)
    assert first[0] == "OK"
    before = scene.state()
    for again in (make(scene, IDEM), scene.call("answered", idem=IDEM)):
        assert again[:2] == ["SAME", "thing"]
        record = dict(zip(again[2][::2], again[2][1::2], strict=True))
        assert flat(record) == flat(before[key])
    assert scene.changes(before) == {}


@pytest.mark.parametrize("script", WAYS)
def test_it_is_told_as_it_was_then(scene, script):
    make, key = WAYS[script]
    make(scene, IDEM)
    first = make(scene, IDEM)
    scene.client.hset(scene.prefix + key, "status", "another")
    assert make(scene, IDEM) == scene.call("answered", idem=IDEM) == first
    scene.client.delete(scene.prefix + key, f"{scene.prefix}task:t")
    assert make(scene, IDEM) == first


@pytest.mark.parametrize("script", WAYS)
def test_another_request_under_the_same_key_is_refused(scene, script):
    make, _ = WAYS[script]
    make(scene, IDEM)
    before = scene.state()
    assert make(scene, OTHER) == scene.call("answered", idem=OTHER) == ["MISMATCH"]
    assert scene.changes(before) == {}


@pytest.mark.parametrize("script", WAYS)
def test_it_is_kept_for_a_day(scene, script):
    WAYS[script][0](scene, IDEM)
    assert 86_390 < scene.client.ttl(scene.store.keys.idempotency("k")) <= 86_400


def test_what_is_refused_is_no_answer(scene):
    trigger(scene, new_run("new"), task_id="unknown", idem=IDEM)
    start(scene, task="unknown", idem=IDEM)
    replay(scene, entry("unknown", "new"), idem=IDEM)
    assert scene.call("answered", idem=IDEM) == ["NONE"]


def test_among_twenty_thousand_there_is_one(scene):
    with scene.client.pipeline(transaction=False) as pipe:
        for number in range(20_000):
            pipe.hset(scene.store.keys.idempotency(f"k{number}"), "fingerprint", "f")
        pipe.execute()
    triggered(scene, IDEM)
    assert scene.call("answered", idem=IDEM)[:2] == ["SAME", "thing"]
    assert scene.call("answered", idem={**IDEM, "key": "none"}) == ["NONE"]
