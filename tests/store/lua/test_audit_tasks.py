"""audit_tasks.lua: tasks against the books that know of them. All of the books: tests/operations/
test_audit.py; here is what one call does."""

from __future__ import annotations

from dispatch_app.store.codec import listings_of
from tests.store.scene import HOURLY, NOW, Scene, member


def audit(scene: Scene, *ids: str, mend: bool = True, **fields):
    entries = [
        {"member": member(i), "id": i, "rev": "1", "listings": listings_of(HOURLY), **fields}
        for i in ids
    ]
    return scene.call("audit_tasks", listing="tasks", entries=entries, mend=mend)


def test_a_task_comes_back_to_the_agenda_and_wakes_the_schedulers(scene):
    scene.task()
    scene.client.delete(scene.store.keys.agenda())
    before = scene.state()
    assert audit(scene, "t") == [["agenda", "t", "", "it is not on the agenda"]]
    assert scene.changes(before) == {
        "agenda": {"t:t": NOW + 60_000},
        "events": ["audit.mended t agenda"],
    }


def test_where_its_moment_is_lost_too_the_planned_one_is_taken(scene):
    scene.task()
    scene.client.delete(scene.store.keys.agenda())
    scene.client.hdel(scene.store.keys.task("t"), "next")
    before = scene.state()
    audit(scene, "t", next=NOW + 7_000, occurrence=NOW + 5_000)
    changes = scene.changes(before)
    assert changes["agenda"] == {"t:t": NOW + 7_000}
    assert changes["task:t"] == {"next": str(NOW + 7_000), "occurrence": str(NOW + 5_000)}


def test_nobody_guesses_a_moment(scene):
    scene.task()
    scene.client.delete(scene.store.keys.agenda())
    scene.client.hdel(scene.store.keys.task("t"), "next")
    before = scene.state()
    ((kind, *_),) = audit(scene, "t")
    assert kind == "damaged"
    # planned by another definition
    ((kind, *_),) = audit(scene, "t", next=NOW, rev="2")
    assert kind == "damaged"
    assert scene.changes(before) == {}


def test_listings_of_another_definition_are_left_alone(scene):
    scene.task()
    assert audit(scene, "t", rev="2", listings=["tasks:type:other"]) == []
    assert len(audit(scene, "t", listings=["tasks:type:other"])) == 1


def test_what_waits_goes_on_where_nothing_is_open(scene):
    overlap = {"policy": "buffer_all", "most": 5, "grace": 1, "keep": 9}
    scene.task()
    scene.queued("gone", overlap=overlap)
    scene.queued("waits", overlap=overlap)
    scene.client.delete(scene.store.keys.run("gone"))
    assert [each[0] for each in audit(scene, "t")] == ["overlap", "overlap"]
    assert scene.client.hget(scene.store.keys.run("waits"), "status") == "queued"


def test_what_only_looks_changes_nothing(scene):
    scene.task()
    scene.client.flushall()
    scene.task("other")
    before = scene.state()
    assert [each[:2] for each in audit(scene, "t", mend=False)] == [["record", "t"]]
    assert scene.changes(before) == {}


def test_20_000_tasks_in_pieces(scene):
    ids = [f"t{n:05d}" for n in range(20_000)]
    found = []
    for first in range(0, len(ids), 200):
        found += audit(scene, *ids[first : first + 200])
    assert {each[0] for each in found} == {"record"}
    assert len(found) == len(ids)


def test_a_task_with_20_000_open_runs_is_looked_at_in_parts(scene):
    scene.task()
    open_runs = scene.store.keys.open("t")
    scene.client.sadd(open_runs, *(f"r{n}" for n in range(20_000)))
    assert len(audit(scene, "t")) == 1_000
    assert scene.client.scard(open_runs) == 19_000
