"""The auditor: lost messages are sent again, walks are shared and go on in slices."""

from __future__ import annotations

import logging

import msgspec
import pytest

from dispatch_app.domain.schedule import Interval
from dispatch_app.operations import audit
from dispatch_app.scheduler import auditor as module
from dispatch_app.scheduler.auditor import Auditor
from dispatch_app.scheduler.dispatching import advance
from dispatch_app.store.audits import PIECE
from tests.installation import Installation
from tests.invariants.broker import messages_of, queued_runs
from tests.store.books import disagreements
from tests.waiting import wait_for

QUEUE = "default\x06\x166"


@pytest.fixture
def installation(redis_server, redis_url, tmp_path):
    """One whose queued runs are doubted at once."""
    installation = Installation(redis_server, tmp_path, SCHEDULER_REDELIVER_AFTER="1ms")
    yield installation
    installation.close()


@pytest.fixture
def client(installation):
    with installation.server.client() as client:
        yield client


def eager(dispatch) -> Auditor:
    """An auditor that has waited long enough for its first slice."""
    auditor = Auditor(dispatch)
    auditor._due = dict.fromkeys(auditor._due, 0.0)
    return auditor


def looked(installation) -> int:
    """What one look, as of a scheduler that does nothing else, comes upon."""
    # each is doubted a millisecond after it was queued
    a_moment_passes(installation)
    with installation.server.client() as client:
        client.hdel(installation.store.keys.audit(), "due:all", "due:unfinished")
    return eager(installation.dispatch).look()


def a_moment_passes(installation) -> None:
    now = installation.store.now()
    wait_for(lambda: installation.store.now() > now + 1)


def queued(installation, count: int) -> list[str]:
    """Tasks with a run each, oldest first."""
    return [installation.latest(installation.create("add")).id for _ in range(count)]


def test_a_message_that_was_lost_is_sent_again_for_the_same_attempt(installation, client):
    (run_id,) = queued(installation, 1)
    client.delete(QUEUE)
    assert looked(installation) == 1
    assert advance(installation.dispatch, installation.store.agenda.due()) == 1
    assert messages_of(installation) == queued_runs(installation) == {(run_id, 1): 1}
    (text,) = client.lrange(QUEUE, 0, -1)
    assert msgspec.json.decode(text)["properties"]["delivery_tag"] == f"{run_id}/1/1"
    assert disagreements(installation.store) == []


def test_of_a_backlog_nothing_is_sent_again_but_what_is_lost(installation, client):
    runs = queued(installation, 100)
    # of two of the same millisecond nobody can tell which one comes first
    a_moment_passes(installation)
    runs += queued(installation, 200)
    for _ in range(3):
        assert looked(installation) == 0
    # a worker took those before it, and died between two steps with this one
    for _ in range(100):
        lost = client.rpop(QUEUE)
    assert msgspec.json.decode(lost)["headers"]["id"] == runs[99]
    for run_id in runs[:99]:
        installation.store.runs.cancel(run_id, "they are done")
    assert looked(installation) == 1
    advance(installation.dispatch, installation.store.agenda.due())
    assert messages_of(installation) == {(run_id, 1): 1 for run_id in runs[99:]}


def test_a_message_that_a_worker_holds_is_not_lost(installation, client):
    queued(installation, 1)
    text = client.rpop(QUEUE)
    tag = msgspec.json.decode(text)["properties"]["delivery_tag"]
    client.hset("unacked", tag, "[]")
    assert looked(installation) == 0
    client.hdel("unacked", tag)
    assert looked(installation) == 1


def test_a_queued_run_that_cannot_be_sent_does_not_stay_for_ever(installation, client):
    (run_id,) = queued(installation, 1)
    client.hset(installation.store.keys.run(run_id), "def", "garbage")
    client.delete(QUEUE)
    assert looked(installation) == 1
    advance(installation.dispatch, installation.store.agenda.due())
    assert client.hget(installation.store.keys.run(run_id), "status") == "cancelled"


def test_of_two_schedulers_one_takes_the_slice(installation, client):
    queued(installation, 1)
    client.zrem(
        installation.store.keys.runs(), *client.zrange(installation.store.keys.runs(), 0, 0)
    )
    first, second = eager(installation.dispatch), eager(installation.dispatch)
    assert (first.look(), second.look()) == (1, 0)
    assert installation.store.audits.figures()["found:listing"] == 1


def test_a_long_walk_goes_on_in_slices_and_comes_to_its_end(installation, client):
    many = 3 * audit.SLICE
    for _ in range(many):
        installation.create("add", schedule=Interval(every=3_600_000))
    client.delete(installation.store.keys.agenda())
    first = looked(installation)
    assert audit.SLICE <= first <= audit.SLICE + PIECE
    found, slices = first, 1
    while "finished:all" not in installation.store.audits.figures():
        client.hdel(installation.store.keys.audit(), "due:all")
        found, slices = found + eager(installation.dispatch).look(), slices + 1
    assert found == many
    # every task stands in two listings, on the agenda, and has a listing of its own
    assert slices < 4 * many / audit.SLICE + many * audit._LEAST / audit.SLICE
    assert disagreements(installation.store) == []


def test_a_key_of_another_kind_is_told_and_stops_nothing(installation, client, caplog):
    queued(installation, 1)
    keys = installation.store.keys
    client.delete(keys.runs_by("status", "running"))
    client.set(keys.runs_by("status", "running"), "text")
    client.zrem(keys.runs_by("status", "queued"), *client.zrange(keys.runs(), 0, -1))
    with caplog.at_level(logging.WARNING):
        assert looked(installation) >= 2
    assert "runs:status:running cannot be looked through" in caplog.text
    assert client.zcard(keys.runs_by("status", "queued")) == 1


def test_what_it_logs_is_bounded(installation, client, caplog):
    queued(installation, 3 * module._LINES)
    client.delete(installation.store.keys.runs())
    with caplog.at_level(logging.WARNING):
        assert looked(installation) == 3 * module._LINES
    assert len(caplog.records) == module._LINES + 1
    assert caplog.records[-1].getMessage() == f"Audit: and {2 * module._LINES} more"
    assert "It is mended." in caplog.records[0].getMessage()


def test_at_rest_it_asks_for_nothing(redis_server, redis_url, new_installation):
    installation = new_installation(redis_server)
    auditor = eager(installation.dispatch)
    auditor.look()
    with installation.server.client() as client:
        before = client.info("stats")["total_commands_processed"]
        for _ in range(100):
            auditor.look()
        assert client.info("stats")["total_commands_processed"] - before <= 2
