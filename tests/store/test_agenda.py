"""What is due, and its compare-and-advance, as schedulers see it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from dispatch_app.domain.run import Failure
from dispatch_app.ids import new_id
from dispatch_app.store import Store
from dispatch_app.store.agenda import BATCH, Advance, Due, DueTask, Lapsed, NextAttempt, Reaped
from dispatch_app.store.codec import encode_task
from dispatch_app.store.tasks import NewRun
from tests.store.scene import HOURLY, NOW, QUEUE, Scene

LOST = Failure(type="WorkerLost", message="gone")


def advance(due: Due, following: int | None = NOW + 60_000) -> list[Advance]:
    return [
        Advance(
            member=task.member,
            due=task.due,
            rev=task.revision,
            type="echo",
            queue="default",
            runs=[
                NewRun(id=new_id(), queue=QUEUE, message=task.id, at=task.due, origin="schedule")
            ],
            next=following,
        )
        for task in due.tasks
    ]


def test_what_is_due_with_what_planning_needs(scene):
    scene.task("t", next=NOW)
    scene.task("later", next=NOW + 7_000)
    scene.retrying("r", "later")
    due = scene.store.agenda.due(NOW + 5_000)
    assert (due.now, due.next) == (NOW + 5_000, NOW + 7_000)
    assert due.tasks == [
        DueTask(
            id="t",
            member="t:t",
            due=NOW,
            definition=encode_task(HOURLY),
            revision="1",
            occurrence=NOW,
            done=(0,),
        )
    ]
    (run,) = due.runs
    assert (run.id, run.attempt, run.failures, run.status) == ("r", 1, 1, "retrying")


def test_by_default_the_servers_clock_decides(scene):
    scene.task("past", next=scene.store.now() - 1)
    scene.task("future", next=scene.store.now() + 60_000)
    due = scene.store.agenda.due()
    assert [task.id for task in due.tasks] == ["past"]
    assert abs(due.now - scene.store.now()) < 10_000


def test_a_step_is_carried_out_once(scene):
    scene.task("t", next=NOW)
    steps = advance(scene.store.agenda.due(NOW))
    assert scene.store.agenda.commit(steps, now=NOW) == 1
    assert scene.store.agenda.commit(steps, now=NOW) == 0
    assert scene.store.agenda.due(NOW).tasks == []


def test_a_counter_that_is_garbage_is_told_and_stops_no_other(scene):
    scene.task("fine", next=NOW)
    scene.task("damaged", next=NOW)
    scene.client.hset(scene.store.keys.task("damaged"), "occ", "garbage")
    faults = {task.id: task.fault for task in scene.store.agenda.due(NOW).tasks}
    assert faults["fine"] is None
    assert "garbage" in faults["damaged"]


def test_the_next_attempt_of_a_run(scene):
    scene.task()
    scene.retrying()
    (run,) = scene.store.agenda.due(NOW + 5_000).runs
    step = NextAttempt(
        member=run.member, due=run.due, queue=QUEUE, message="again", attempt=run.attempt + 1
    )
    assert scene.store.agenda.commit([step]) == 1
    again = scene.store.runs.get("r")
    assert (again.status, again.attempt, again.retry_at) == ("queued", 2, None)


def test_eight_schedulers_at_once_make_each_run_once(redis_url, scene):
    tasks = 400
    for number in range(tasks):
        scene.task(f"t{number}", next=NOW)

    def schedule(_: int) -> int:
        store = Store(redis_url)
        done = 0
        while due := store.agenda.due(NOW).tasks:
            for first in range(0, len(due), 50):
                some = Due(now=NOW, next=None, tasks=due[first : first + 50], runs=[])
                done += store.agenda.commit(advance(some), now=NOW)
        store.close()
        return done

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(schedule, range(8))) == tasks
    assert sorted(scene.client.lrange(QUEUE, 0, -1)) == sorted(f"t{n}" for n in range(tasks))
    assert scene.client.zcard(scene.store.keys.runs()) == tasks


def test_lapsed_leases_are_read_and_reaped(scene):
    scene.task()
    scene.running("r1")
    scene.running("r2")
    # its worker lives
    scene.store.runs.renew([("r2", "token")], lease=60_000)
    lapsed = scene.store.agenda.lapsed()
    age = lapsed[0].age
    assert age >= 10_000
    assert lapsed == [
        Lapsed(
            id="r1",
            lease=float(NOW + 10_000),
            definition=encode_task(HOURLY),
            attempt=1,
            failures=0,
            lost=0,
            age=age,
        )
    ]
    reaped = Reaped(id="r1", lease=lapsed[0].lease, error=LOST, queue=QUEUE, message="again")
    assert scene.store.agenda.reap([reaped]) == 1
    assert scene.store.agenda.reap([reaped]) == 0
    run = scene.store.runs.get("r1")
    assert (run.status, run.attempt, run.lost, run.failures) == ("queued", 2, 1, 0)
    assert (run.attempts[0].outcome, run.attempts[0].error) == ("lost", LOST)
    assert scene.store.agenda.lapsed() == []


@pytest.mark.parametrize("field", ["attempt", "failures", "lost"])
def test_a_lapsed_run_with_a_garbage_counter_stops_no_other(scene, field):
    scene.task()
    scene.running("r1")
    scene.running("r2")
    scene.client.hset(scene.store.keys.run("r1"), field, "garbage")
    assert {run.id for run in scene.store.agenda.lapsed()} == {"r1", "r2"}


def test_one_look_is_bounded(scene):
    scene.client.zadd(scene.store.keys.agenda(), {f"t:{n}": n for n in range(BATCH + 1)})
    due = scene.store.agenda.due()
    assert len(due.tasks) == BATCH
    assert due.tasks[0].due == 0


def test_moments_far_away_keep_their_milliseconds(scene):
    far = 253_402_214_399_999  # 9999-12-29
    scene: Scene
    scene.task("t", next=far)
    assert scene.store.agenda.due(NOW).next == far
    assert scene.store.tasks.get("t").next_run_at == far
