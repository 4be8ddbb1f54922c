"""For what queued runs wait, in words; all of `dispatch doctor`: tests/commands/test_doctor.py."""

from __future__ import annotations

from dispatch_app.monitor.doctor import complaints
from dispatch_app.store.types import TaskType


def test_where_a_worker_serves_the_queue_and_knows_the_type_nothing_is_wrong(installation):
    store = installation.store
    run_id = installation.latest(installation.create("echo")).id
    store.workers.beat("worker", "w", {"queues": ["default"]}, ttl=60_000)
    (line,) = complaints(store)
    assert "knows the type 'echo', of which one run is queued" in line
    store.types.announce([TaskType(name="echo", schema={})])
    assert complaints(store) == []
    store.workers.beat("worker", "w", {"queues": ["mail"]}, ttl=60_000)
    (line,) = complaints(store)
    assert "consumes the queue 'default', on which one run is queued" in line
    store.runs.cancel(run_id, "by hand")
    assert complaints(store) == []


def test_where_there_is_no_worker_at_all_no_queue_is_blamed(installation):
    installation.store.types.announce([TaskType(name="echo", schema={})])
    installation.create("echo")
    assert complaints(installation.store) == []
