"""audit_runs.lua: runs against the books that know of them. All of the books: tests/operations/
test_audit.py; here is what one call does."""

from __future__ import annotations

import pytest

from tests.store.scene import NOW, Scene

PATIENCE, LEASE = 30_000, 15_000
FOUND, DOUBTED = 0, 1


@pytest.fixture(autouse=True)
def task(scene):
    return scene.task()


def audit(scene: Scene, *ids: str, listing: str = "runs", now: int = NOW, **arguments):
    fields = {"lease": LEASE, "patience": PATIENCE, "mend": True, **arguments}
    return scene.call("audit_runs", now=now, listing=listing, ids=ids, **fields)


def test_a_run_without_a_lease_gets_one_so_that_a_worker_that_lives_keeps_it(scene):
    scene.running()
    scene.client.delete(scene.store.keys.leases())
    before = scene.state()
    found = audit(scene, "r")[FOUND]
    assert found == [["lease", "t", "r", "it is running without a lease"]]
    assert scene.changes(before) == {
        "leases": {"r": NOW + LEASE},
        "events": ["audit.mended t/r lease"],
    }
    assert scene.call("renew", lease=10, runs=[["r", "token"]]) == [[], []]


def test_what_only_looks_changes_nothing(scene):
    scene.running()
    scene.client.delete(scene.store.keys.leases())
    before = scene.state()
    assert len(audit(scene, "r", mend=False)[FOUND]) == 1
    assert scene.changes(before) == {}


def test_a_record_that_says_too_little_is_left_as_it_is(scene):
    scene.queued()
    scene.client.hdel(scene.store.keys.run("r"), "task")
    before = scene.state()
    ((kind, *_),) = audit(scene, "r")[FOUND]
    assert kind == "damaged"
    assert scene.changes(before) == {}


def test_something_that_is_no_record_leaves_the_listings_and_stays(scene):
    scene.queued()
    scene.client.set(scene.store.keys.run("x"), "text")
    scene.client.zadd(scene.store.keys.runs(), {"x": 0})
    ((kind, _, run, _),) = audit(scene, "x")[FOUND]
    assert (kind, run) == ("damaged", "x")


def test_what_waits_without_being_known_to_goes_on_when_nothing_is_open(scene):
    overlap = {"policy": "buffer_all", "most": 5, "grace": 1, "keep": 9}
    scene.running("first", overlap=overlap)
    scene.queued("second", overlap=overlap)
    scene.client.delete(scene.store.keys.waiting("t"))
    assert scene.finish("first")[0] == "OK"
    assert scene.client.hget(scene.store.keys.run("second"), "status") == "waiting"
    audit(scene, "second")
    assert scene.client.hget(scene.store.keys.run("second"), "status") == "queued"


@pytest.mark.parametrize(
    ("after", "doubted"), [(PATIENCE - 1, []), (PATIENCE, [["r", 1]]), (9 * PATIENCE, [["r", 1]])]
)
def test_a_run_that_is_queued_for_long_is_doubted(scene, after, doubted):
    scene.queued()
    found, doubts = audit(scene, "r", now=NOW + after)
    assert (found, [[each[0], each[2]] for each in doubts]) == ([], doubted)


@pytest.mark.parametrize(("resent", "patience"), [(0, 1), (1, 2), (3, 8), (7, 128), (99, 128)])
def test_one_that_was_sent_again_is_doubted_more_rarely(scene, resent, patience):
    scene.queued()
    sent = NOW + 1_000
    scene.client.hset(scene.store.keys.run("r"), mapping={"sent": sent, "resent": resent})
    assert audit(scene, "r", now=sent + patience * PATIENCE - 1)[DOUBTED] == []
    assert len(audit(scene, "r", now=sent + patience * PATIENCE)[DOUBTED]) == 1


@pytest.mark.parametrize("seed", ["running", "retrying", "finished", "held_run"])
def test_no_other_run_is_doubted(scene, seed):
    getattr(scene, seed)()
    assert audit(scene, "r", now=NOW + 9 * PATIENCE) == [[], []]


def test_nor_one_whose_message_is_on_the_agenda(scene):
    scene.queued()
    scene.call("postpone", id="r", attempt=1, delay=9 * PATIENCE, reason="", keep=9)
    assert audit(scene, "r", now=NOW + 2 * PATIENCE) == [[], []]


def test_20_000_runs_in_pieces(scene):
    runs = [f"r{n:05d}" for n in range(20_000)]
    scene.many_queued(runs)
    scene.client.delete(scene.store.keys.runs())
    found = []
    for first in range(0, len(runs), 200):
        found += audit(scene, *runs[first : first + 200])[FOUND]
    assert len(found) == len(runs)
    assert scene.client.zcard(scene.store.keys.runs()) == len(runs)
