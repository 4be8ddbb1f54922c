"""What a listing and a tick cost: a number of commands that does not grow with what is stored, and
none that walks through all keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from dispatch_app.store.codec import encode_task
from dispatch_app.store.runs import RunFilter
from dispatch_app.store.tasks import TaskFilter
from tests.store.scene import HOURLY, NOW, Scene

FEW, MANY = 20, 3_000
#: Commands whose time grows with the whole database.
WALKS = {"keys", "scan", "sort", "flushdb", "flushall", "dbsize", "randomkey"}


@contextmanager
def counted(scene: Scene) -> Iterator[dict[str, int]]:
    """Commands that the server carried out while the block ran, scripts' own included."""
    calls: dict[str, int] = {}
    scene.client.config_resetstat()
    yield calls
    for name, figures in scene.client.info("commandstats").items():
        calls[name.removeprefix("cmdstat_").split("|")[0]] = figures["calls"]
    for own in ("config", "info"):
        calls.pop(own, None)


LOOKS: dict[str, Callable[[Scene], object]] = {
    "tasks": lambda s: s.store.tasks.list(TaskFilter(), 10),
    "tasks of a status": lambda s: s.store.tasks.list(TaskFilter(status="scheduled"), 10),
    "tasks of a type and a queue": lambda s: s.store.tasks.list(
        TaskFilter(type="echo", queue="default"), 10
    ),
    "tasks of a time": lambda s: s.store.tasks.list(TaskFilter(created_after=NOW), 10),
    "a task": lambda s: s.store.tasks.get("t00010"),
    "runs": lambda s: s.store.runs.list(RunFilter(), 10),
    "runs of a task": lambda s: s.store.runs.list(RunFilter(task_id="t00010"), 10),
    "runs of a status": lambda s: s.store.runs.list(RunFilter(status="queued"), 10),
    "latest run": lambda s: s.store.runs.latest("t00010"),
    "a tick with nothing due": lambda s: s.store.agenda.due(NOW),
    "a tick with ten due": lambda s: s.store.agenda.due(NOW + 10),
    "lapsed leases": lambda s: s.store.agenda.lapsed(),
    "alive": lambda s: s.store.workers.alive("worker"),
    "events": lambda s: s.store.events.after(count=10),
    "create": lambda s: s.task("new", now=NOW + 1, next=NOW + 10**9),
    "change": lambda s: s.call(
        "update",
        id="t00013",
        rev=1,
        was="scheduled",
        **{"def": encode_task(HOURLY)},
        type="echo",
        once=False,
        status="scheduled",
        next=NOW + 5,
        keep=False,
        restart=False,
        leave=[],
        enter=[],
    ),
    "pause": lambda s: s.call("pause", id="t00010", pause=True, note=""),
    "cancel": lambda s: s.call("cancel", id="t00011", keep=100),
    "purge": lambda s: s.store.tasks.purge("t00012"),
}


def seed(scene: Scene, count: int) -> None:
    """Tasks with a run each, due one millisecond after another."""
    for number in range(count):
        scene.task(f"t{number:05d}", HOURLY, next=NOW + 1 + number)
        scene.queued(f"r{number:05d}", f"t{number:05d}")


@pytest.fixture(scope="module")
def costs(redis_server) -> dict[int, dict[str, dict[str, int]]]:
    """What each look costs with few and with many tasks and runs stored."""
    found: dict[int, dict[str, dict[str, int]]] = {}
    for count in (FEW, MANY):
        with redis_server.client() as client:
            client.flushall()
        scene = Scene(redis_server.url)
        seed(scene, count)
        found[count] = {}
        for name, look in LOOKS.items():
            look_once_for_the_scripts(scene)
            with counted(scene) as calls:
                look(scene)
            found[count][name] = calls
        scene.close()
    return found


def look_once_for_the_scripts(scene: Scene) -> None:
    """So that loading a script is not counted with what is measured."""
    scene.store.agenda.due(0)
    scene.store.agenda.lapsed()
    for script, arguments in (
        ("update", {"id": "unknown"}),
        ("pause", {"id": "unknown", "pause": True, "note": ""}),
        ("cancel", {"id": "unknown", "keep": 1}),
        ("purge", {"id": "unknown", "rev": "", "leave": []}),
    ):
        scene.call(script, **arguments)


@pytest.mark.parametrize("look", LOOKS)
def test_it_costs_the_same_whatever_is_stored(costs, look):
    assert costs[MANY][look] == costs[FEW][look]


@pytest.mark.parametrize("look", LOOKS)
def test_it_walks_through_nothing(costs, look):
    assert not WALKS & costs[MANY][look].keys()


def test_a_tick_with_nothing_due_is_one_call(costs):
    assert costs[MANY]["a tick with nothing due"] == {"evalsha": 1, "zrangebyscore": 2}


def test_a_page_reads_one_record_an_item_and_all_pauses_once(costs):
    assert costs[MANY]["tasks"]["hgetall"] == 10 + 1
    assert costs[MANY]["a tick with ten due"]["hmget"] == 10
