"""start.lua: take the lease of an attempt, or say why not."""

from __future__ import annotations

import pytest

from dispatch_app.store.codec import encode_task
from tests.store.scene import ERROR, HOURLY, MINUTE, NOW, new_run


@pytest.fixture(autouse=True)
def task(scene):
    return scene.task()


def test_a_queued_run_is_handed_over_under_a_lease(scene):
    scene.queued(reason="retry of x")
    before = scene.state()
    reply = scene.start(now=NOW + 1_000)
    code, now, task, definition, failures, lost, at, origin, queued = reply
    assert (code, now, task, definition) == ("OK", str(NOW + 1_000), "t", encode_task(HOURLY))
    assert (int(failures), int(lost), at, origin) == (0, 0, str(NOW), "schedule")
    assert queued == str(NOW)
    assert scene.changes(before) == {
        "events": ["run.running t/r running"],
        "leases": {"r": NOW + 11_000},
        "run:r": {
            "reason": None,
            "started": str(NOW + 1_000),
            "status": "running",
            "token": "token",
            "worker": "w@host",
        },
        "runs:status:queued": None,
        "runs:status:running": {"r": 0},
        f"stats:{MINUTE}": {"echo|running": "1"},
        "task:t": {"lrs": "running"},
    }


def test_the_same_token_again_gets_the_same_answer_and_a_fresh_lease(scene):
    scene.running()
    before = scene.state()
    assert scene.start(now=NOW + 3_000)[0] == "OK"
    assert scene.changes(before) == {"leases": {"r": NOW + 13_000}}


def test_an_attempt_after_failures_is_told_of_them(scene):
    scene.retrying()
    entry = {
        "member": "r:r", "due": NOW + 5_000, "queue": "default", "message": "m", "attempt": 2,
    }  # fmt: skip
    scene.call("commit", entries=[entry])
    reply = scene.start(attempt=2, token="second")
    assert [str(part) for part in reply[4:6]] == ["1", "0"]


def test_every_attempt_is_told_when_the_run_was_queued_for_the_first_time(scene):
    """A failure and a lost worker later: a deadline counts from there."""
    scene.retrying()
    entry = {
        "member": "r:r", "due": NOW + 5_000, "queue": "default", "message": "m", "attempt": 2,
    }  # fmt: skip
    scene.call("commit", entries=[entry], now=NOW + 5_000)
    assert scene.start(attempt=2, token="second", now=NOW + 6_000)[8] == str(NOW)
    lapsed = {"id": "r", "lease": NOW + 16_000, "queue": "default", "message": "m", "error": ERROR}
    assert scene.call("reap", entries=[lapsed], keep=9, now=NOW + 17_000) == 1
    assert scene.state()["run:r"]["queued"] == str(NOW + 17_000)
    assert scene.start(attempt=3, token="third", now=NOW + 18_000)[8] == str(NOW)


def test_a_run_that_waited_for_others_is_queued_when_they_have_ended(scene):
    overlap = {"policy": "buffer_all", "most": 9, "grace": 1, "keep": 9}
    scene.running("first", overlap=overlap)
    scene.call(
        "trigger", id="t", type="echo", runs=[new_run("second", overlap=overlap)], now=NOW + 1
    )
    scene.finish("first", now=NOW + 9_000)
    assert scene.start("second", now=NOW + 9_500)[8] == str(NOW + 9_000)


def test_a_record_that_does_not_say_when_is_of_now(scene):
    scene.queued()
    scene.client.hset(scene.store.keys.run("r"), "queued", "never")
    assert scene.start(now=NOW + 7)[8] == str(NOW + 7)


@pytest.mark.parametrize(
    ("seed", "arguments", "reply"),
    [
        ("queued", {"attempt": 2}, ["STALE"]),
        ("retrying", {"token": "other"}, ["STALE"]),
        ("running", {"token": "other"}, ["HELD"]),
        ("finished", {"token": "other"}, ["FINISHED", "succeeded"]),
        ("finished", {}, ["FINISHED", "succeeded"]),
    ],
)
def test_who_has_no_right_gets_a_reason_and_changes_nothing(scene, seed, arguments, reply):
    getattr(scene, seed)()
    before = scene.state()
    assert scene.start(**arguments) == reply
    assert scene.changes(before) == {}


def test_an_unknown_run_is_not_found(scene):
    before = scene.state()
    assert scene.start("unknown") == ["NOT_FOUND"]
    assert scene.changes(before) == {}


def test_too_late_it_expires_and_never_starts(scene):
    scene.queued(expires=NOW + 1_000)
    before = scene.state()
    assert scene.start(now=NOW + 1_001) == ["EXPIRED"]
    assert scene.changes(before) == {
        "agenda": {"x:r": None},
        "done:t": ["r"],
        "events": ["run.expired t/r expired"],
        "run:r": {
            "finished": str(NOW + 1_001),
            "reason": "it was not started in time",
            "status": "expired",
        },
        "runs:status:expired": {"r": 0},
        "runs:status:queued": None,
        f"stats:{MINUTE}": {"echo|expired": "1"},
        "task:t": {"lrf": str(NOW + 1_001), "lrs": "expired", "n:expired": "1"},
    }


def test_at_its_last_moment_it_still_starts(scene):
    scene.queued(expires=NOW + 1_000)
    assert scene.start(now=NOW + 1_000)[0] == "OK"


@pytest.mark.parametrize("how", ["failed", "lost", "handed back"])
def test_once_started_it_expires_no_more(scene, how):
    """Not at its next attempt, nor in the hands of the next worker."""
    scene.running(expires=NOW + 1_000)
    late, attempt = NOW + 20_000, 2
    if how == "failed":
        scene.finish(status="retrying", delay=5_000, failures=1)
        entry = {"member": "r:r", "due": NOW + 5_000, "queue": "default", "message": "m"}
        assert scene.call("commit", entries=[{**entry, "attempt": 2}]) == 1
    elif how == "lost":
        entry = {"id": "r", "lease": NOW + 10_000, "queue": "default", "message": "m"}
        assert scene.call("reap", entries=[{**entry, "error": ERROR}], keep=9) == 1
    else:
        scene.finish(status="queued", delay=5_000)
        attempt = 1
    scene.call("postpone", id="r", attempt=attempt, delay=1, reason="unknown", keep=9, now=late)
    assert scene.start(attempt=attempt, token="second", now=late)[0] == "OK"


def test_a_run_that_waits_for_a_worker_that_knows_it_may_start_before(scene):
    scene.queued()
    scene.call("postpone", id="r", attempt=1, delay=5_000, reason="nobody knows its type")
    assert scene.state()["agenda"]["r:r"] == NOW + 5_000
    assert scene.start()[0] == "OK"
    assert "r:r" not in scene.state()["agenda"]


def test_runs_that_expire_do_not_pile_up(scene):
    for number in range(5):
        scene.queued(f"r{number}", expires=NOW)
        assert scene.start(f"r{number}", now=NOW + 1, keep=3) == ["EXPIRED"]
    assert scene.state()["done:t"] == ["r4", "r3", "r2"]


def test_a_delivery_that_another_process_has_begun_starts_nothing(scene):
    """billiard gives a message to a second process where the first one died so soon that it had not
    said that it began: the run is lost then, and has no second start in the same attempt."""
    scene.queued()
    assert scene.start(by="first")[0] == "OK"
    before = scene.state()
    assert scene.start(by="second", now=NOW + 1) == ["HELD"]
    assert scene.changes(before) == {}
    # whose answer was lost may ask again
    assert scene.start(by="first", now=NOW + 2)[0] == "OK"
