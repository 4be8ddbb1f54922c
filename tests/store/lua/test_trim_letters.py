"""trim_letters.lua, and the same in finish.lua and reap.lua: dead letters are bounded in age and
number."""

from __future__ import annotations

import pytest

from tests.store.scene import ERROR, KEEP, NOW, Scene

HOUR = 3_600_000


def bounds(keep: int = 1_000, age: int = HOUR) -> dict[str, int]:
    return {"keep": keep, "age": age}


def trim(scene: Scene, limit: int = 500, now: int = NOW, **fields) -> int:
    letters = bounds(**fields)
    return scene.call("trim_letters", now=now, letters=letters, keep=KEEP, limit=limit)


def letters(scene: Scene) -> list[str]:
    return [name.partition("~")[2] for name in scene.state().get("dead", ())]


@pytest.fixture
def five(scene):
    """Dead letters r0 to r4, a minute apart, the last one now."""
    scene.task()
    for number in range(5):
        scene.running(f"r{number}")
        assert scene.finish(f"r{number}", "failed", now=NOW - 60_000 * (4 - number))[0] == "OK"


@pytest.mark.parametrize(
    ("keep", "age", "left"),
    [
        (5, HOUR, ["r0", "r1", "r2", "r3", "r4"]),
        (3, HOUR, ["r2", "r3", "r4"]),
        (5, 120_000, ["r2", "r3", "r4"]),
        (5, 119_999, ["r3", "r4"]),
        (1, 120_000, ["r4"]),
        (0, HOUR, []),
    ],
)
def test_the_oldest_go_by_number_and_by_age(scene, five, keep, age, left):
    assert trim(scene, keep=keep, age=age) == 5 - len(left)
    assert letters(scene) == left
    gone = [f"r{number}" for number in range(5) if f"r{number}" not in left]
    assert scene.state().get("done:t", []) == gone[::-1]


def test_so_many_at_once(scene, five):
    assert [trim(scene, limit=2, keep=0) for _ in range(4)] == [2, 2, 1, 0]


def test_the_failure_that_is_one_too_many_drops_the_oldest(scene, five):
    scene.running("r5")
    scene.finish("r5", "failed", letters=bounds(keep=5))
    assert letters(scene) == ["r1", "r2", "r3", "r4", "r5"]
    scene.running("r6")
    lapsed = {"id": "r6", "lease": float(NOW + 10_000), "error": ERROR}
    scene.call("reap", now=NOW + HOUR, entries=[lapsed], keep=KEEP, letters=bounds(keep=5))
    # r4 and r5 died exactly an hour before
    assert letters(scene) == ["r4", "r5", "r6"]


def test_a_letter_whose_run_is_gone_goes_with_the_others(scene, five):
    scene.client.delete(scene.store.keys.run("r0"))
    scene.client.delete(scene.store.keys.run("r1"))
    scene.client.set(scene.store.keys.run("r1"), "garbage")
    assert trim(scene, keep=2) == 3
    assert letters(scene) == ["r3", "r4"]


def test_twenty_thousand_in_batches(scene):
    gone = {f"{NOW}~r{number:05d}": 0 for number in range(20_000)}
    scene.client.zadd(scene.store.keys.dead(), gone)
    calls = 0
    while trim(scene, keep=1) == 500:
        calls += 1
    assert (calls, scene.store.dead_letters.count()) == (39, 1)
