"""cancel_run.lua: one run ends; a running one is asked to, or fenced."""

from __future__ import annotations

from typing import Any

import pytest

from tests.store.scene import ERROR, KEEP, MINUTE, NOW, ONE_OFF, Scene


@pytest.fixture(autouse=True)
def task(scene):
    return scene.task()


def cancel(scene: Scene, run_id: str = "r", keep: int = KEEP, **arguments: Any):
    return scene.call("cancel_run", **{"reason": "by hand", **arguments}, id=run_id, keep=keep)


def test_a_queued_run(scene):
    scene.queued()
    before = scene.state()
    assert cancel(scene) == ["OK"]
    assert scene.changes(before) == {
        "done:t": ["r"],
        "events": ["run.cancelled t/r cancelled"],
        "run:r": {"finished": str(NOW), "reason": "by hand", "status": "cancelled"},
        "runs:status:cancelled": {"r": 0},
        "runs:status:queued": None,
        f"stats:{MINUTE}": {"echo|cancelled": "1"},
        "task:t": {"lrf": str(NOW), "lrs": "cancelled", "n:cancelled": "1"},
    }
    # its message finds nothing to do
    assert scene.start() == ["FINISHED", "cancelled"]


def test_a_running_run_loses_its_lease(scene):
    scene.running()
    before = scene.state()
    assert cancel(scene) == ["OK"]
    changes = scene.changes(before)
    assert changes["leases"] is None
    assert changes["runs:status:running"] is None
    assert changes["run:r"]["token"] is None
    assert scene.finish() == ["LOST"]
    assert scene.call("renew", lease=10_000, runs=[["r", "token"]]) == [["r"], []]


GRACE = 10_000
ASKED = {"cancel": "by hand", "cancel_at": str(NOW)}


def test_a_running_run_that_has_a_grace_is_asked_to_end(scene):
    scene.running()
    before = scene.state()
    assert cancel(scene, grace=GRACE) == ["ASKED"]
    assert scene.changes(before) == {
        "agenda": {"k:r": NOW + GRACE},
        "events": ["run.cancelling t/r running"],
        "run:r": ASKED,
    }
    # it is its worker's until it has ended
    assert scene.call("renew", lease=GRACE, runs=[["r", "token"]]) == [[], ["r"]]


@pytest.mark.parametrize("seed", ["queued", "retrying"])
def test_what_does_not_run_needs_no_grace(scene, seed):
    getattr(scene, seed)()
    assert cancel(scene, grace=GRACE) == ["OK"]
    state = scene.state()
    assert state["run:r"]["status"] == "cancelled"
    assert "k:r" not in state["agenda"]


@pytest.mark.parametrize(
    "end",
    [
        {"status": "succeeded", "result": "1"},
        {"status": "failed", "failures": 1, "error": ERROR},
        {"status": "retrying", "failures": 1, "error": ERROR, "delay": 5_000},
        {"status": "queued", "outcome": "handed_back", "delay": 5_000},
    ],
    ids=lambda end: end["status"],
)
def test_one_that_was_asked_is_cancelled_whatever_it_comes_to(scene, end):
    scene.running()
    cancel(scene, grace=GRACE)
    before = scene.state()
    assert scene.finish(**end) == ["OK", "cancelled"]
    changes = scene.changes(before)
    assert (changes["run:r"]["status"], changes["run:r"]["reason"]) == ("cancelled", "by hand")
    assert changes["agenda"] == {"k:r": None}
    assert changes["events"] == ["run.cancelled t/r cancelled"]


@pytest.mark.parametrize(
    ("grace", "now", "ends"),
    [
        (GRACE, NOW, NOW + GRACE),
        (GRACE, NOW + 9_000, NOW + GRACE),
        (60_000, NOW, NOW + GRACE),
        (2_000, NOW, NOW + 2_000),
        (0, NOW + 1_000, NOW + 1_000),
    ],
)
def test_once_more_may_shorten_the_grace_and_changes_nothing_else(scene, grace, now, ends):
    scene.running()
    cancel(scene, grace=GRACE)
    before = scene.state()
    assert cancel(scene, grace=grace, now=now, reason="another") == ["ASKED"]
    assert scene.changes(before) == ({} if ends == NOW + GRACE else {"agenda": {"k:r": ends}})


def test_once_more_without_grace_fences_it(scene):
    scene.running()
    cancel(scene, grace=GRACE)
    before = scene.state()
    assert cancel(scene, reason="another") == ["OK"]
    changes = scene.changes(before)
    # it says why it was asked first
    assert (changes["run:r"]["status"], changes["run:r"]["reason"]) == ("cancelled", "by hand")
    assert (changes["agenda"], changes["leases"]) == ({"k:r": None}, None)
    assert scene.finish() == ["LOST"]


def test_a_grace_that_the_agenda_has_lost_is_put_there_again(scene):
    scene.running()
    cancel(scene, grace=GRACE)
    scene.client.zrem(scene.store.keys.agenda(), "k:r")
    assert cancel(scene, grace=60_000) == ["ASKED"]
    assert scene.state()["agenda"]["k:r"] == NOW + 60_000


def test_a_one_off_shows_that_its_run_runs_until_that_has_ended(scene):
    scene.task("once", ONE_OFF, next=None, status="queued")
    scene.running("r", "once")
    cancel(scene, grace=GRACE)
    assert scene.state()["task:once"]["status"] == "running"
    scene.finish()
    assert scene.state()["task:once"]["status"] == "cancelled"


def test_a_retrying_run_leaves_the_agenda(scene):
    scene.retrying()
    before = scene.state()
    assert cancel(scene) == ["OK"]
    changes = scene.changes(before)
    assert changes["agenda"] == {"r:r": None}
    assert changes["run:r"]["retry_at"] is None


def test_once_more_does_no_harm(scene):
    scene.queued()
    cancel(scene)
    before = scene.state()
    assert cancel(scene) == ["OK"]
    assert scene.changes(before) == {}


@pytest.mark.parametrize("status", ["succeeded", "failed"])
def test_a_finished_run_stays_as_it_is(scene, status):
    scene.finished(status=status)
    before = scene.state()
    assert cancel(scene) == ["ENDED", status]
    assert scene.changes(before) == {}


def test_an_unknown_run_is_not_found(scene):
    before = scene.state()
    assert cancel(scene) == ["NOT_FOUND"]
    assert scene.changes(before) == {}


def test_the_oldest_finished_runs_go(scene):
    for number in range(5):
        scene.queued(f"r{number}")
        cancel(scene, f"r{number}", keep=3)
    assert scene.state()["done:t"] == ["r4", "r3", "r2"]
    assert list(scene.state()["runs"]) == ["r2", "r3", "r4"]
