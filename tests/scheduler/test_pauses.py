"""What comes due while it is paused runs afterwards, as its misfire policy says."""

from __future__ import annotations

import msgspec
import pytest

from dispatch_app.domain.schedule import Interval, Once
from dispatch_app.domain.task import Misfire
from dispatch_app.operations import tasks
from dispatch_app.scheduler.dispatching import advance
from dispatch_app.store import pauses
from dispatch_app.store.pauses import ALL, queue_scope, type_scope

MINUTE = 60_000


@pytest.fixture
def later(installation):
    """Looks at the agenda so many ms after now (and a little), until nothing is left to do."""
    began = installation.store.now() + 10_000

    def look(after: int) -> None:
        while advance(installation.dispatch, installation.store.agenda.due(began + after)):
            pass

    return look


def moments(installation, task_id: str) -> list[int]:
    return [run.scheduled_for for run in installation.runs_of(task_id) if run.status == "queued"]


@pytest.mark.parametrize(
    ("policy", "kept"), [("run_all", [0, 1, 2]), ("run_last", [2]), ("skip", [])]
)
def test_what_was_missed_follows_the_misfire_policy(installation, later, policy, kept):
    every = Interval(every=10 * MINUTE)
    task_id = installation.create("add", schedule=every, misfire=Misfire(policy=policy))
    first = installation.store.tasks.get(task_id).next_run_at
    installation.store.pauses.pause(ALL, "ci")
    later(10 * MINUTE)
    assert installation.runs_of(task_id) == []
    assert [one.held for one in installation.store.pauses.list()] == [1]
    installation.store.pauses.resume(ALL)
    later(35 * MINUTE)
    assert moments(installation, task_id) == [first + n * 10 * MINUTE for n in kept]
    assert installation.store.tasks.get(task_id).next_run_at == first + 30 * MINUTE


def test_a_one_off_that_came_due_runs_when_it_goes_on(installation, later):
    moment = installation.store.now() + MINUTE
    task_id = installation.create("add", schedule=Once(start_time=moment))
    installation.store.pauses.pause(type_scope("add"), "ci")
    later(MINUTE)
    task = installation.store.tasks.get(task_id)
    assert (task.status, task.next_run_at) == ("scheduled", moment)
    assert task.notes == ("The type add is paused by ci",)
    installation.store.pauses.resume(type_scope("add"))
    later(2 * MINUTE)
    assert moments(installation, task_id) == [moment]


def test_only_what_is_in_the_scope_is_held(installation, later):
    held = installation.create("add", queue="slow", schedule=Interval(every=MINUTE))
    other = installation.create("add", queue="fast", schedule=Interval(every=MINUTE))
    installation.store.pauses.pause(queue_scope("slow"), "ci")
    later(MINUTE)
    assert moments(installation, held) == []
    assert len(moments(installation, other)) == 1


def test_a_task_that_moves_to_another_queue_is_held_no_longer(installation, later):
    task_id = installation.create("add", queue="slow", schedule=Interval(every=MINUTE))
    installation.store.pauses.pause(queue_scope("slow"), "ci")
    later(MINUTE)
    tasks.change(installation.dispatch, task_id, _to_queue("fast"))
    later(MINUTE)
    assert len(moments(installation, task_id)) == 1


def test_what_two_pauses_stand_in_the_way_of_waits_for_both(installation, later):
    task_id = installation.create("add", queue="slow", schedule=Interval(every=MINUTE))
    for scope in (ALL, queue_scope("slow")):
        installation.store.pauses.pause(scope, "ci")
    later(MINUTE)
    installation.store.pauses.resume(ALL)
    later(MINUTE)
    assert moments(installation, task_id) == []
    assert [(p.scope, p.held) for p in installation.store.pauses.list()] == [("queue:slow", 1)]
    installation.store.pauses.resume(queue_scope("slow"))
    later(MINUTE)
    assert len(moments(installation, task_id)) == 1


def test_thousands_go_on_in_pieces(installation, later, monkeypatch):
    monkeypatch.setattr(pauses, "PIECE", 100)
    count = 250
    ids = [installation.create("add", schedule=Interval(every=MINUTE)) for _ in range(count)]
    installation.store.pauses.pause(ALL, "ci")
    later(2 * MINUTE)
    assert installation.store.pauses.resume(ALL).held == count
    later(2 * MINUTE)
    assert all(len(moments(installation, task_id)) == 1 for task_id in ids)


def test_a_queue_is_paused_for_real_workers_and_goes_on(installation):
    installation.worker("-Q", "slow,fast")
    installation.beat()
    installation.store.pauses.pause(queue_scope("slow"), "ci", "the disk is full")
    held = installation.create("add", queue="slow", payload={"x": 1})
    recurring = installation.create(
        "add", queue="slow", payload={"x": 1}, schedule=Interval(every=200, max_runs=3)
    )

    def is_held() -> bool:
        return [one.held for one in installation.store.pauses.list()] == [2]

    installation.until(is_held, "the run and the occurrence to be held")
    assert installation.run("add", queue="fast", payload={"x": 1}).status == "succeeded"
    run = installation.latest(held)
    assert (run.status, run.reason) == ("queued", "the queue slow is paused: the disk is full")
    assert installation.runs_of(recurring) == []
    # its message was taken from the queue: it goes on although nobody delivers it again
    with installation.server.client() as client:
        assert client.exists("unacked", "slow", "slow\x06\x166") == 0
    installation.store.pauses.resume(queue_scope("slow"))
    run = installation.finished(held)
    assert (run.status, run.reason, run.attempt) == ("succeeded", None, 1)
    assert installation.finished(recurring).status == "succeeded"


def _to_queue(name: str):
    return lambda task: msgspec.structs.replace(task, queue=name)
