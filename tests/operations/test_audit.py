"""Each book broken by hand is mended by an audit; of what agrees it finds nothing."""

from __future__ import annotations

import msgspec
import pytest
from celery import Celery

from dispatch_app.config import load
from dispatch_app.dispatch import Dispatch
from dispatch_app.operations.audit import whole
from tests.store.books import disagreements
from tests.store.scene import HOURLY, NOW, ONE_OFF, Scene, member, new_run

OVERLAP = {"policy": "buffer_all", "most": 5, "grace": 10_000, "keep": 100}
#: The moments of the scene are long ago: its messages are none of these tests' business.
PATIENT = {"SCHEDULER_REDELIVER_AFTER": "1000000h"}


@pytest.fixture
def new_dispatch(redis_url):
    """Makes installations on the shared server: `new_dispatch(SCHEDULER_REDELIVER_AFTER="1ms")`."""
    made = []

    def make(**environ: str) -> Dispatch:
        app = Celery("tests", set_as_current=False)
        settings = load(environ={"REDIS_URL": redis_url, **environ})
        made.append(Dispatch(app, settings, default_queue="default"))
        return made[-1]

    yield make
    for dispatch in made:
        dispatch.store.close()
        dispatch.app.close()


@pytest.fixture
def scene(redis_url):
    """Tasks and runs in all that they can come to."""
    scene = Scene(redis_url)
    scene.task("t")
    scene.task("off", status="paused")
    scene.retrying("retrying")
    scene.running("running")
    scene.finished("done")
    scene.finished("failed", status="failed")
    scene.queued("queued", expires=9 * NOW)
    scene.task("books", msgspec.structs.replace(HOURLY, overlap="buffer_all"))
    for name in ("open", "waits", "waits too"):
        scene.queued(name, "books", overlap=OVERLAP)
    scene.task("ending", msgspec.structs.replace(HOURLY, overlap="cancel_other"))
    cancelling = {**OVERLAP, "policy": "cancel_other"}
    scene.running("asked", "ending", overlap=cancelling)
    scene.queued("follows", "ending", overlap=cancelling)
    scene.task("once", ONE_OFF, next=None, status="queued", run=new_run("only"))
    scene.call("start_backfill", id="fill", task="t", start=NOW, end=NOW + 1, overlap="", total=1)
    scene.held_task("held", scope="type:echo")
    scene.queued("stays")
    assert scene.start("stays") == ["PAUSED", "type:echo"]
    assert disagreements(scene.store) == []
    yield scene
    scene.close()


def audit(dispatch: Dispatch, *, mend: bool = True) -> list[tuple[str, str]]:
    """Kind and subject of all that a whole audit finds."""
    found = whole(dispatch, mend=mend)
    return [(each.kind, each.run_id or each.task_id) for each in found]


T, BOOKS, HELD = member("t"), member("books"), member("held")
#: What is done by hand -> what is found first.
FAULTS = {
    "a task leaves the agenda": (("zrem", "agenda", "t:t"), ("agenda", "t")),
    "a task gets another moment": (("hset", "task:t", "next", NOW), ("agenda", "t")),
    "a task loses its moment": (("hdel", "task:t", "next"), ("agenda", "t")),
    "the whole agenda is gone": (("delete", "agenda"), ("agenda", "queued")),
    "a paused task is on the agenda": (("zadd", "agenda", {"t:off": NOW}), ("agenda", "off")),
    "a task is on the agenda that is none": (("zadd", "agenda", {"t:x": 1}), ("agenda", "x")),
    "a task has no time of creation": (("hdel", "task:t", "created"), ("record", "t")),
    "a letter is none": (("zadd", "dead", {"x": 5}), ("listing", "")),
    "a retry is on the agenda of no run": (("zadd", "agenda", {"r:x": 1}), ("agenda", "x")),
    "a retry leaves the agenda": (("zrem", "agenda", "r:retrying"), ("agenda", "retrying")),
    "an end leaves the agenda": (("zrem", "agenda", "x:queued"), ("agenda", "queued")),
    "a grace leaves the agenda": (("zrem", "agenda", "k:asked"), ("agenda", "asked")),
    "a backfill leaves the agenda": (("zrem", "agenda", "b:fill"), ("agenda", "t")),
    "a message of what runs": (("zadd", "agenda", {"r:running": 1}), ("agenda", "running")),
    "an end of what runs": (("zadd", "agenda", {"x:running": 1}), ("agenda", "running")),
    "a grace of what nobody asked": (("zadd", "agenda", {"k:running": 1}), ("agenda", "running")),
    "a lease is lost": (("zrem", "leases", "running"), ("lease", "running")),
    "all leases are lost": (("delete", "leases"), ("lease", "asked")),
    "a lease of what is queued": (("zadd", "leases", {"queued": NOW}), ("lease", "queued")),
    "tasks: one is missing": (("zrem", "tasks", T), ("listing", "t")),
    "tasks: one is none": (("zadd", "tasks", {member("x"): 0}), ("record", "x")),
    "tasks: one by another time": (("zadd", "tasks", {member("t", 5): 0}), ("listing", "t")),
    "a status: one is missing": (("zrem", "tasks:status:scheduled", T), ("listing", "t")),
    "a status: one too many": (("zadd", "tasks:status:paused", {T: 0}), ("listing", "t")),
    "a queue: one is missing": (("zrem", "tasks:queue:default", T), ("listing", "t")),
    "a type of tasks is lost": (("delete", "tasks:type:echo"), ("listing", "books")),
    "all tasks are lost": (("delete", "tasks"), ("listing", "books")),
    "runs: one is missing": (("zrem", "runs", "queued"), ("listing", "queued")),
    "runs: one is none": (("zadd", "runs", {"x": 0}), ("record", "x")),
    "all runs are lost": (("delete", "runs"), ("listing", "only")),
    "queued: one is missing": (("zrem", "runs:status:queued", "queued"), ("listing", "queued")),
    "queued: one too many": (("zadd", "runs:status:queued", {"done": 0}), ("listing", "done")),
    "succeeded: one is none": (("zadd", "runs:status:succeeded", {"x": 0}), ("record", "x")),
    "done: one is missing": (("lrem", "done:t", 0, "done"), ("listing", "done")),
    "a type of runs: one is missing": (("zrem", "runs:type:echo", "open"), ("listing", "open")),
    "a type of runs: one is none": (("zadd", "runs:type:echo", {"x": 0}), ("record", "x")),
    "a dead letter is not listed": (("zrem", "dead", f"{NOW}~failed"), ("listing", "failed")),
    "a dead letter is not in its listing": (("delete", "dead:task:t"), ("listing", "failed")),
    "runs of a task: one is missing": (("zrem", "runs:task:t", "done"), ("listing", "done")),
    "runs of a task: one is another's": (
        ("zadd", "runs:task:t", {"open": 0}),
        ("listing", "open"),
    ),
    "a run is gone": (("delete", "run:done"), ("record", "done")),
    "a queued run is gone": (("delete", "run:queued"), ("record", "queued")),
    "an open run is gone": (("delete", "run:open"), ("record", "open")),
    "an open run is forgotten": (("srem", "open:books", "open"), ("overlap", "open")),
    "an open run has finished": (("sadd", "open:books", "done"), ("overlap", "done")),
    "a waiting run is forgotten": (("zrem", "waiting:books", "waits"), ("overlap", "waits")),
    "all that wait are forgotten": (("delete", "waiting:books"), ("overlap", "waits")),
    "what waits is none": (("zadd", "waiting:books", {"done": 0}), ("overlap", "done")),
    "a pause has lost a task": (("zrem", "held:type:echo", "t:held"), ("pause", "held")),
    "a pause has lost a run": (("zrem", "held:type:echo", "r:stays"), ("pause", "stays")),
    "a pause has lost all": (("delete", "held:type:echo"), ("pause", "stays")),
    "a pause that nobody remembers": (("delete", "paused"), ("pause", "stays")),
    "a pause holds what is not its": (("zadd", "held:type:echo", {"t:t": 1}), ("agenda", "t")),
}
#: What a lost record cannot say any more: how many runs there were.
COUNTED = "made"


def break_book(scene: Scene, fault: tuple) -> None:
    """Carry out the fault, where some worker knows the type of all tasks."""
    scene.client.hset(f"{scene.prefix}types", "echo", "{}")
    command, key, *arguments = fault
    assert getattr(scene.client, command)(f"{scene.prefix}{key}", *arguments) is not None


@pytest.mark.parametrize("name", FAULTS)
def test_a_book_that_is_broken_is_mended(new_dispatch, scene, name):
    dispatch = new_dispatch(**PATIENT)
    fault, first = FAULTS[name]
    break_book(scene, fault)
    assert audit(dispatch)[0] == first
    assert [line for line in disagreements(scene.store) if COUNTED not in line] == []
    assert audit(dispatch) == []


@pytest.mark.parametrize("name", FAULTS)
def test_to_look_changes_nothing(new_dispatch, scene, name):
    fault, first = FAULTS[name]
    break_book(scene, fault)
    before = scene.state()
    assert first in audit(new_dispatch(**PATIENT), mend=False)
    assert scene.changes(before) == {}


#: What is done by hand -> whose record is said to be damaged.
DAMAGES = {
    "a task has no status": (("hdel", "task:t", "status"), "t"),
    "a task has another status": (("hset", "task:t", "status", "?"), "t"),
    "a task has no definition": (("hdel", "task:t", "def"), "t"),
    "a task has another definition": (("hset", "task:t", "def", "{bad"), "t"),
    "a task has no revision": (("hdel", "task:t", "rev"), "t"),
    "a run has no definition": (("hdel", "run:done", "def"), "done"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_nobody_can_mend_is_told_each_time_with_what_helps(new_dispatch, scene, name):
    dispatch = new_dispatch(**PATIENT)
    fault, subject = DAMAGES[name]
    break_book(scene, fault)
    for _ in range(2):
        damages = [each for each in whole(dispatch, mend=True) if each.kind == "damaged"]
        assert {each.run_id or each.task_id for each in damages} == {subject}
        assert len(damages) == 1
        assert "purge" in damages[0].words


def test_of_what_agrees_it_finds_nothing(new_dispatch, scene):
    before = scene.state()
    assert audit(new_dispatch(**PATIENT)) == []
    assert scene.changes(before) == {}


def test_what_is_no_record_is_told_with_what_removes_it(scene, new_dispatch):
    dispatch, key = new_dispatch(**PATIENT), scene.store.keys.run("done")
    scene.client.delete(key)
    scene.client.set(key, "x")
    told = [str(finding) for finding in whole(dispatch, mend=True) if finding.kind == "damaged"]
    assert told
    assert all(f"DEL {key} in Redis" in words for words in told)
    scene.client.delete(key)
    assert list(whole(dispatch, mend=True))
    assert list(whole(dispatch, mend=True)) == []
