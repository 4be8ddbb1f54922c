"""finish.lua: the end of an attempt, by its token only."""

from __future__ import annotations

import pytest

from dispatch_app.domain.task import Task
from dispatch_app.store.codec import encode_task
from tests.store.scene import ERROR, MINUTE, NOW, ONE_OFF

ATTEMPT = '{"number":1,"worker":"w@host","started_at":%d,"finished_at":%d,"outcome":"%s"%s}'


def attempt(ended: int, outcome: str, error: str | None = None, delay: int | None = None) -> str:
    more = (f',"error":{error}' if error else "") + (f',"delay":{delay}' if delay else "")
    return ATTEMPT % (NOW, ended, outcome, more)


@pytest.fixture(autouse=True)
def task(scene):
    return scene.task()


def test_success(scene):
    scene.running()
    before = scene.state()
    assert scene.finish(now=NOW + 1_500, result='{"sent":1}') == ["OK", "succeeded"]
    assert scene.changes(before) == {
        "done:t": ["r"],
        "events": ["run.succeeded t/r succeeded"],
        "leases": None,
        "run:r": {
            "a:1": attempt(NOW + 1_500, "succeeded"),
            "closed": "token",
            "finished": str(NOW + 1_500),
            "result": '{"sent":1}',
            "status": "succeeded",
            "token": None,
        },
        "runs:status:running": None,
        "runs:status:succeeded": {"r": 0},
        f"stats:{MINUTE}": {"echo|succeeded": "1", "echo|le:2048": "1"},
        "task:t": {"lrf": str(NOW + 1_500), "lrs": "succeeded", "n:succeeded": "1"},
    }


def test_a_failure_is_a_dead_letter_then(scene):
    scene.running()
    before = scene.state()
    scene.finish(status="failed", error=ERROR, failures=1, reason="no attempt left")
    assert scene.changes(before) == {
        "dead": {f"{NOW}~r": 0},
        "dead:task:t": {f"{NOW}~r": 0},
        "dead:type:echo": {f"{NOW}~r": 0},
        "events": ["run.failed t/r failed"],
        "leases": None,
        "run:r": {
            "a:1": attempt(NOW, "failed", ERROR),
            "closed": "token",
            "died": str(NOW),
            "error": ERROR,
            "failures": "1",
            "finished": str(NOW),
            "reason": "no attempt left",
            "status": "failed",
            "token": None,
        },
        "runs:status:failed": {"r": 0},
        "runs:status:running": None,
        f"stats:{MINUTE}": {"echo|failed": "1", "echo|le:1": "1"},
        "task:t": {"lrf": str(NOW), "lrs": "failed", "n:failed": "1"},
    }


def test_a_retry_waits_on_the_agenda_and_wakes_the_schedulers_if_it_is_first(scene):
    scene.running()
    before = scene.state()
    with scene.client.pubsub() as listener:
        listener.subscribe(scene.store.keys.wake())
        assert listener.get_message(timeout=5)["type"] == "subscribe"
        scene.finish(status="retrying", delay=5_000, failures=1, error=ERROR)
        assert listener.get_message(timeout=5)["type"] == "message"
    assert scene.changes(before) == {
        "agenda": {"r:r": NOW + 5_000},
        "events": ["run.retrying t/r retrying"],
        "leases": None,
        "run:r": {
            "a:1": attempt(NOW, "retried", ERROR, 5_000),
            "closed": "token",
            "error": ERROR,
            "failures": "1",
            "first": str(NOW),
            "retry_at": str(NOW + 5_000),
            "status": "retrying",
            "token": None,
        },
        "runs:status:retrying": {"r": 0},
        "runs:status:running": None,
        f"stats:{MINUTE}": {"echo|retrying": "1"},
        "task:t": {"lrs": "retrying", "n:retried": "1"},
    }


def test_handed_back_it_keeps_its_attempt(scene):
    scene.running()
    before = scene.state()
    scene.finish(status="queued", delay=10_000)
    assert scene.changes(before) == {
        # another message is sent then, if this one is not taken
        "agenda": {"r:r": NOW + 10_000},
        "events": ["run.queued t/r queued"],
        "leases": None,
        "run:r": {
            "a:1:back": attempt(NOW, "handed_back"),
            "closed": "token",
            "status": "queued",
            "token": None,
        },
        "runs:status:queued": {"r": 0},
        "runs:status:running": None,
        f"stats:{MINUTE}": {"echo|queued": "2"},
        "task:t": {"lrs": "queued"},
    }
    assert scene.start(token="other")[0] == "OK"
    assert "r:r" not in scene.state()["agenda"]


def test_the_next_attempts_may_get_another_definition(scene):
    scene.running()
    changed = encode_task(Task(type="echo", queue="other"))
    before = scene.state()
    scene.finish(status="retrying", **{"def": changed})
    assert scene.changes(before)["run:r"]["def"] == changed


def test_success_after_a_failure_leaves_no_error_behind(scene):
    scene.retrying()
    entry = {
        "member": "r:r", "due": NOW + 5_000, "queue": "default", "message": "m", "attempt": 2,
    }  # fmt: skip
    scene.call("commit", entries=[entry])
    scene.start(attempt=2, token="second")
    scene.finish(token="second", result="1")
    record = scene.state()["run:r"]
    assert "error" not in record
    assert record["failures"] == "1"
    assert ERROR in record["a:1"]


def test_the_same_again_is_told_ok_and_changes_nothing(scene):
    scene.running()
    scene.finish(result="1")
    before = scene.state()
    assert scene.finish(result="2") == ["OK", "succeeded"]
    assert scene.changes(before) == {}


@pytest.mark.parametrize("status", ["succeeded", "failed", "retrying", "queued"])
def test_another_token_changes_nothing(scene, status):
    scene.running()
    before = scene.state()
    assert scene.finish(status=status, token="other") == ["LOST"]
    assert scene.changes(before) == {}


def test_a_cancelled_run_stays_cancelled(scene):
    scene.running()
    scene.call("cancel_run", id="r", reason="by hand", keep=100)
    before = scene.state()
    assert scene.finish() == ["LOST"]
    assert scene.finish("unknown") == ["LOST"]
    assert scene.changes(before) == {}


def test_a_one_off_takes_its_runs_end(scene):
    scene.task("once", ONE_OFF, next=None, status="queued")
    scene.finished("r", "once")
    state = scene.state()
    assert state["task:once"]["status"] == "succeeded"
    assert list(state["tasks:status:succeeded"]) == [f"{NOW}~once"]


def test_the_oldest_finished_runs_go(scene):
    for number in range(5):
        scene.finished(f"r{number}")
    scene.client.rpush(scene.store.keys.log("r0"), "a line")
    scene.running("r5")
    scene.finish("r5", keep=3)
    state = scene.state()
    assert state["done:t"] == ["r5", "r4", "r3"]
    for listing in ("runs", "runs:task:t", "runs:type:echo", "runs:status:succeeded"):
        assert list(state[listing]) == ["r3", "r4", "r5"]
    assert not {"run:r0", "run:r1", "run:r2", "log:r0"} & state.keys()
    # what the task counted stays counted
    assert state["task:t"]["n:succeeded"] == "6"


def test_of_twenty_thousand_too_many_only_ten_go_at_once(scene):
    runs = [f"old{n}" for n in range(20_000)]
    scene.client.lpush(scene.store.keys.done("t"), *runs)
    scene.running()
    scene.finish()
    assert scene.client.llen(scene.store.keys.done("t")) == 20_001 - 10


@pytest.mark.parametrize(("first", "second"), [("a", "b"), ("b", "a")])
def test_the_last_run_is_the_one_that_was_made_last_whatever_its_id(scene, first, second):
    """Ids are made by a clock, and that may have been set back."""
    scene.running(first)
    scene.running(second)
    scene.finish(first, "failed")
    assert [scene.state()["task:t"][field] for field in ("lr", "lrs")] == [second, "running"]
    scene.finish(second)
    assert [scene.state()["task:t"][field] for field in ("lr", "lrs")] == [second, "succeeded"]
