"""The rules of the books see what is wrong in a store, each by its own name."""

from __future__ import annotations

import pytest

from tests.store.books import disagreements
from tests.store.scene import KEEP, NOW, Scene

FAULTS = {
    "a task that is not on the agenda": (
        ("zrem", "agenda", "t:t"),
        [f"moments of tasks: is missing: ('t', {NOW + 60_000})"],
    ),
    "a task with another moment": (
        ("hset", "task:t", "next", NOW),
        [
            f"moments of tasks: does not belong there: ('t', {NOW + 60_000})",
            f"moments of tasks: is missing: ('t', {NOW})",
        ],
    ),
    "a running run without lease": (("zrem", "leases", "b"), ["leases: is missing: b"]),
    "a retry without moment": (
        ("zrem", "agenda", "r:a"),
        ["retries without a moment: does not belong there: a"],
    ),
    "a run in no listing of its status": (
        ("zrem", "runs:status:succeeded", "c"),
        ["listing runs:status:succeeded: is missing: c"],
    ),
    "a run that is gone": (
        ("delete", "run:d"),
        [
            *(
                f"listing {name}: does not belong there: d"
                for name in ("runs", "runs:status:queued", "runs:task:t", "runs:type:echo")
            ),
            "t made 4 runs: 1 have ended, 2 have not",
        ],
    ),
    "a run that finished twice": (("lpush", "done:t", "c"), ["done:t has a run twice"]),
    "a counter that is too high": (
        ("hincrby", "task:t", "n:runs", 1),
        ["t made 5 runs: 1 have ended, 3 have not"],
    ),
    "a task that no pause holds": (
        ("hset", "task:t", "held", "all"),
        ["held by a pause: is missing: t:t"],
    ),
    "a definition that cannot be read": (
        ("hset", "task:t", "def", ""),
        [
            "task t: It has no definition.",
            *(
                f"listing {name}: does not belong there: {NOW}~t"
                for name in ("tasks", "tasks:queue:default", "tasks:status:scheduled")
            ),
            f"listing tasks:type:echo: does not belong there: {NOW}~t",
        ],
    ),
}


@pytest.fixture
def scene(redis_url):
    scene = Scene(redis_url)
    scene.task()
    scene.retrying("a")
    scene.running("b")
    scene.finished("c")
    scene.queued("d")
    yield scene
    scene.close()


def test_the_books_of_what_scripts_have_done_agree(scene):
    assert disagreements(scene.store, KEEP) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_is_named(scene, fault):
    (command, key, *arguments), expected = FAULTS[fault]
    getattr(scene.client, command)(f"{scene.prefix}{key}", *arguments)
    assert disagreements(scene.store, KEEP) == expected
