"""renew.lua: prolong many leases at once, and name those that are lost."""

from __future__ import annotations

import pytest

from tests.store.scene import NOW, Scene


@pytest.fixture(autouse=True)
def task(scene):
    return scene.task()


def renew(scene: Scene, *pairs, now: int = NOW + 5_000):
    lost, asked = scene.call("renew", now=now, lease=10_000, runs=[list(pair) for pair in pairs])
    assert asked == []
    return lost


def test_only_what_is_held_is_prolonged(scene):
    scene.running("r1")
    scene.running("r2")
    before = scene.state()
    assert renew(scene, ("r1", "token"), ("r2", "other")) == ["r2"]
    assert scene.changes(before) == {"leases": {"r1": NOW + 15_000}}


def test_what_has_not_started_yet_is_no_loss(scene):
    scene.queued()
    before = scene.state()
    assert renew(scene, ("r", "token")) == []
    assert scene.changes(before) == {}


@pytest.mark.parametrize("seed", ["retrying", "finished"])
def test_what_its_holder_has_ended_is_lost_to_others_only(scene, seed):
    getattr(scene, seed)()
    before = scene.state()
    assert renew(scene, ("r", "token")) == []
    assert renew(scene, ("r", "other"), ("unknown", "token")) == ["r", "unknown"]
    assert scene.changes(before) == {}


def test_what_was_cancelled_is_lost(scene):
    scene.running()
    scene.call("cancel_run", id="r", reason="by hand", keep=100)
    assert renew(scene, ("r", "token")) == ["r"]


def test_one_that_is_asked_to_end_is_named_and_prolonged(scene):
    scene.running("r1")
    scene.running("r2")
    scene.call("cancel_run", id="r2", reason="by hand", grace=60_000, keep=100)
    pairs = [["r1", "token"], ["r2", "token"]]
    assert scene.call("renew", lease=20_000, runs=pairs) == [[], ["r2"]]
    assert scene.state()["leases"] == {"r1": NOW + 20_000, "r2": NOW + 20_000}


def test_a_look_names_the_same_and_prolongs_nothing(scene):
    for run_id in ("r1", "r2", "r3"):
        scene.running(run_id)
    scene.call("cancel_run", id="r2", reason="by hand", grace=60_000, keep=100)
    scene.call("cancel_run", id="r3", reason="by hand", keep=100)
    before = scene.state()
    pairs = [[run_id, "token"] for run_id in ("r1", "r2", "r3")]
    assert scene.call("renew", now=NOW + 5_000, runs=pairs) == [["r3"], ["r2"]]
    assert scene.changes(before) == {}


def test_a_lease_that_lapsed_but_was_not_reaped_is_still_the_holders(scene):
    scene.running()
    assert renew(scene, ("r", "token"), now=NOW + 60_000) == []
    assert scene.state()["leases"] == {"r": NOW + 70_000}


def test_twenty_thousand_at_once(scene):
    runs = [f"r{n:05d}" for n in range(20_000)]
    scene.many_running(runs)
    assert renew(scene, *((run_id, "token") for run_id in runs)) == []
    assert renew(scene, *((run_id, "other") for run_id in runs)) == runs
    assert scene.client.zcount(scene.store.keys.leases(), NOW + 15_000, NOW + 15_000) == 20_000
