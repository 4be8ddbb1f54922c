"""reap.lua: a run whose lease ran out gets its next attempt at once, or ends."""

from __future__ import annotations

import pytest

from tests.store.scene import ERROR, KEEP, MINUTE, NOW, QUEUE, Scene

LAPSED = NOW + 10_000


@pytest.fixture(autouse=True)
def task(scene):
    return scene.task()


def reap(scene: Scene, *entries, keep: int = KEEP, now: int = LAPSED) -> int:
    defaults = {"lease": float(LAPSED), "error": ERROR}
    return scene.call("reap", now=now, entries=[{**defaults, **e} for e in entries], keep=keep)


def again(run_id: str = "r", **fields):
    return {"id": run_id, "queue": QUEUE, "message": "again", **fields}


def test_the_next_attempt_and_its_message_at_once(scene):
    scene.running()
    before = scene.state()
    assert reap(scene, again()) == 1
    assert scene.changes(before) == {
        QUEUE: ["again", "message of r"],
        "events": ["run.queued t/r queued"],
        "leases": None,
        "run:r": {
            "a:1": f'{{"number":1,"worker":"w@host","started_at":{NOW},"finished_at":{LAPSED},'
            f'"outcome":"lost","error":{ERROR}}}',
            "attempt": "2",
            "closed": "",
            "error": ERROR,
            "first": str(NOW),
            "lost": "1",
            "queued": str(LAPSED),
            "started": None,
            "status": "queued",
            "token": None,
            "worker": None,
        },
        "runs:status:queued": {"r": 0},
        "runs:status:running": None,
        f"stats:{MINUTE}": {"echo|queued": "2"},
        "task:t": {"lrs": "queued"},
    }
    # whoever still holds the old token has lost the run
    assert scene.start() == ["STALE"]
    assert scene.start(attempt=2, token="second")[0] == "OK"


def test_without_a_message_it_has_failed(scene):
    scene.running()
    before = scene.state()
    assert reap(scene, {"id": "r"}) == 1
    changes = scene.changes(before)
    assert changes["run:r"]["status"] == "failed"
    assert changes["run:r"]["error"] == ERROR
    assert changes["run:r"]["finished"] == str(LAPSED)
    assert changes["dead:task:t"] == {f"{LAPSED}~r": 0}
    assert changes["events"] == ["run.failed t/r failed"]
    assert QUEUE not in changes


def test_a_lease_that_was_renewed_is_left_alone(scene):
    scene.running()
    scene.start(now=NOW + 1)
    before = scene.state()
    assert reap(scene, again()) == 0
    assert scene.changes(before) == {}


def test_a_run_that_finished_meanwhile_is_left_alone(scene):
    scene.finished()
    before = scene.state()
    assert reap(scene, again()) == 0
    assert scene.changes(before) == {}


def test_the_second_of_two_that_read_the_same_finds_nothing_to_do(scene):
    scene.running()
    assert reap(scene, again()) == 1
    before = scene.state()
    assert reap(scene, again()) == 0
    assert scene.changes(before) == {}


def test_a_lease_of_nothing_goes_and_stops_no_other(scene):
    scene.running()
    scene.client.zadd(scene.store.keys.leases(), {"gone": LAPSED, "string": LAPSED})
    scene.client.set(scene.store.keys.run("string"), "garbage")
    assert reap(scene, again("gone"), again("string"), again()) == 1
    assert "leases" not in scene.state()
    assert scene.state()["run:r"]["attempt"] == "2"


@pytest.mark.parametrize(
    ("key", "field"),
    [("run:r1", "attempt"), ("run:r1", "lost"), ("run:r1", "started"), ("task:t", "n:failed")],
)
def test_a_damaged_number_stops_no_other(scene, key, field):
    scene.running("r1")
    scene.running("r2")
    scene.client.hset(scene.prefix + key, field, "garbage")
    assert reap(scene, {"id": "r1"}, again("r2")) == 2
    state = scene.state()
    assert (state["run:r1"]["status"], state["run:r2"]["status"]) == ("failed", "queued")


def test_a_task_that_is_no_record_stops_no_run(scene):
    scene.running()
    scene.client.set(scene.store.keys.task("t"), "garbage")
    assert reap(scene, {"id": "r"}) == 1
    assert scene.state()["run:r"]["status"] == "failed"


def test_the_oldest_finished_runs_go(scene):
    for number in range(5):
        scene.running(f"r{number}")
        scene.client.hset(scene.store.keys.run(f"r{number}"), "cancel", "asked to")
    reap(scene, *({"id": f"r{number}"} for number in range(5)), keep=3)
    assert scene.state()["done:t"] == ["r4", "r3", "r2"]


def test_twenty_thousand_are_taken_care_of_in_batches(scene):
    scene.many_running([f"r{n:05d}" for n in range(20_000)])
    reaped = 0
    while entries := scene.call("lapsed", now=LAPSED, limit=500):
        reaped += reap(scene, *(again(run_id, lease=float(at)) for run_id, at, *_ in entries))
    assert reaped == 20_000
    assert scene.client.zcard(scene.store.keys.runs_by("status", "queued")) == 20_000
    assert scene.client.exists(scene.store.keys.leases()) == 0


def test_with_a_delay_the_next_attempt_waits_on_the_agenda(scene):
    scene.running()
    before = scene.state()
    assert reap(scene, {"id": "r", "delay": 5_000}) == 1
    changes = scene.changes(before)
    assert changes["agenda"] == {"r:r": LAPSED + 5_000}
    run = changes["run:r"]
    assert (run["status"], run["retry_at"], run["lost"]) == ("retrying", str(LAPSED + 5_000), "1")
    assert '"outcome":"lost"' in run["a:1"]
    assert changes["leases"] is None
    assert QUEUE not in changes
    assert scene.start() == ["STALE"]


def test_what_is_given_up_says_why(scene):
    scene.running()
    assert reap(scene, {"id": "r", "reason": "lost too often"}) == 1
    assert scene.state()["run:r"]["reason"] == "lost too often"
