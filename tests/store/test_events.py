"""The stream of changes."""

from __future__ import annotations


def test_one_entry_a_change_in_order_and_resumed_anywhere(scene):
    scene.task()
    scene.finished()
    everything = scene.store.events.after()
    assert [fields for _, fields in everything] == [
        {"event": "task.created", "task": "t", "run": "", "status": "scheduled"},
        {"event": "run.queued", "task": "t", "run": "r", "status": "queued"},
        {"event": "run.running", "task": "t", "run": "r", "status": "running"},
        {"event": "run.succeeded", "task": "t", "run": "r", "status": "succeeded"},
    ]
    middle = everything[1][0]
    assert scene.store.events.after(middle) == everything[2:]
    assert scene.store.events.after(count=1) == everything[:1]
    assert scene.store.events.after(everything[-1][0]) == []


def test_the_stream_is_capped(scene):
    scene.task()
    scene.many_queued([f"r{n:05d}" for n in range(15_000)])
    assert 10_000 <= scene.client.xlen(scene.store.keys.events()) < 10_500
