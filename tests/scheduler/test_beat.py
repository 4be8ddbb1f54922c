"""Ticks: what is due is dispatched, in its time, whatever else is wrong."""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager

import pytest

from dispatch_app.domain.schedule import Cron, Interval, Once
from dispatch_app.domain.task import Misfire, Task
from dispatch_app.operations import runs, tasks
from dispatch_app.scheduler.beat import RULES, DispatchScheduler
from dispatch_app.scheduler.dispatching import advance
from dispatch_app.store.runs import Outcome, RunFilter
from dispatch_app.store.tasks import Beginning, TaskFilter

RUN_ALL = Misfire(policy="run_all")


def hourly(**more):
    return {"schedule": Interval(every=3_600_000), **more}


def queued(installation, queue="default\x06\x166") -> int:
    """Messages of normal priority in a queue of the broker."""
    with installation.server.client() as client:
        return client.llen(queue)


def make_due(installation, *task_ids: str) -> int:
    """Let the next occurrence of tasks be that of now; returns the moment."""
    now = installation.store.now()
    with installation.server.client() as client:
        keys = installation.store.keys
        client.zadd(keys.agenda(), {f"t:{task_id}": now for task_id in task_ids})
    return now


def test_a_due_task_gets_its_run_and_its_next_moment(installation, tick):
    task_id = installation.create("add", **hourly())
    due = installation.store.tasks.get(task_id).next_run_at
    assert advance(installation.dispatch, installation.store.agenda.due(due - 1)) == 0
    assert installation.latest(task_id) is None
    assert advance(installation.dispatch, installation.store.agenda.due(due)) == 1
    run = installation.latest(task_id)
    assert (run.status, run.scheduled_for, run.origin) == ("queued", due, "schedule")
    stored = installation.store.tasks.get(task_id)
    assert (stored.status, stored.next_run_at) == ("scheduled", due + 3_600_000)
    assert queued(installation) == 1


def test_two_that_read_the_same_dispatch_it_once(installation):
    created = [installation.create("add", **hourly()) for _ in range(20)]
    due = max(installation.store.tasks.get(task_id).next_run_at for task_id in created)
    first, second = (installation.store.agenda.due(due) for _ in range(2))
    assert advance(installation.dispatch, first) == 20
    assert advance(installation.dispatch, second) == 0
    assert all(len(installation.runs_of(task_id)) == 1 for task_id in created)
    assert queued(installation) == 20


def test_what_was_changed_after_it_was_read_is_not_dispatched_as_it_was(installation):
    task_id = installation.create("add", payload={"x": 1}, **hourly())
    due = installation.store.tasks.get(task_id).next_run_at
    read = installation.store.agenda.due(due)
    paused = tasks.pause(installation.dispatch, task_id)
    assert advance(installation.dispatch, read) == 0
    assert installation.latest(task_id) is None
    assert paused.status == "paused"


def scheduled(installation, count: int, moment: int) -> list[str]:
    """One-off tasks, all due at that moment; straight into the store, as they are many."""
    task = Task(type="add", payload={"x": 1}, queue="default", schedule=Once(start_time=moment))
    ids = [f"task-{number:06d}" for number in range(count)]
    for task_id in ids:
        installation.store.tasks.create(task_id, task, Beginning(next_run_at=moment))
    return ids


@contextmanager
def counted(installation):
    """Commands that the server carried out while the block ran, scripts' own included."""
    calls: dict[str, int] = {}
    with installation.server.client() as client:
        client.config_resetstat()
        yield calls
        stats = client.info("commandstats")
    calls.update({name.removeprefix("cmdstat_"): stats[name]["calls"] for name in stats})


def test_ten_thousand_due_at_once_are_in_their_queue_at_once(installation):
    """Row 16: a call a look, and one for each 100 that it finds, whatever else there is."""
    moment = installation.store.now() + 60_000
    ids = scheduled(installation, 10_000, moment)
    assert installation.store.agenda.due().tasks == []
    assert installation.store.agenda.commit([]) == 0  # both scripts are loaded
    looks = 0
    with counted(installation) as calls:
        while advance(installation.dispatch, installation.store.agenda.due(moment)):
            looks += 1
    assert looks == 20  # of 500 each, and one that finds nothing
    # a first piece of 20, four of 100, and the rest
    assert calls["evalsha"] == (1 + 6) * looks + 1
    assert queued(installation) == 10_000
    with installation.server.client() as client:
        keys = installation.store.keys
        assert client.zcard(keys.agenda()) == 0
        assert client.zcard(keys.tasks_by("status", "queued")) == len(ids)


def test_a_scheduler_reads_no_more_at_its_start_with_many_tasks_than_with_few(installation):
    """Row 15: no heap, no copy of the schedule in memory."""
    asked = []
    for count in (1, 1, 3_000):  # the first time loads the scripts
        with installation.server.client() as client:
            client.flushall()
        # another one has planned with this zone data before
        installation.store.replans.note_rules(RULES)
        scheduled(installation, count, installation.store.now() + 3_600_000)
        with counted(installation) as calls:
            scheduler = DispatchScheduler(installation.app, lazy=True)
            scheduler._wakeup.sleep = lambda seconds: None
            scheduler.setup_schedule()
            for _ in range(3):
                assert scheduler.tick() == 0.0
            scheduler.close()
        asked.append({name: calls[name] for name in calls if not name.startswith("config")})
    assert asked[1] == asked[2]
    assert "hgetall" not in asked[2]


@pytest.mark.parametrize(
    ("field", "garbage"),
    [
        ("def", "garbage"),
        ("def", ""),
        ("def", '{"v":1,"type":3}'),
        ("def", '{"v":1,"type":"add","schedule":{"type":"lunar"}}'),
        ("def", b"\xff\xfe\x00"),
        ("def", '{"v":2,"type":"add","from":"a newer program"}'),
        ("def", '{"type":"add"}'),
        ("def", None),
        ("rev", "x"),
        ("rev", None),
        ("occ", "many"),
        ("n:runs", "many"),
        ("next", "soon"),
        ("created", "long ago"),
        ("lr", "\xff"),
        ("status", None),
        (None, "a string in place of the hash"),
    ],
    ids=str,
)
def test_garbage_in_one_record_stops_no_other(installation, tick, caplog, field, garbage):
    created = [installation.create("add", payload={"x": n}, **hourly()) for n in range(10)]
    bad = created[4]
    with installation.server.client() as client:
        key = installation.store.keys.task(bad)
        if field is None:
            client.set(key, garbage)
        elif garbage is None:
            client.hdel(key, field)
        else:
            client.hset(key, field, garbage)
    make_due(installation, *created)
    with caplog.at_level(logging.CRITICAL):
        assert tick() == 0.0
        assert tick() == 0.0
    good = [task_id for task_id in created if task_id != bad]
    assert all(len(installation.runs_of(task_id)) == 1 for task_id in good)
    with installation.server.client() as client:
        if client.zscore(installation.store.keys.agenda(), f"t:{bad}") is not None:
            # what is wrong did not matter for its planning
            assert len(installation.runs_of(bad)) == 1
    shown = {task.id: task for task in installation.store.tasks.list(TaskFilter(), 100).items}
    assert set(shown) == set(created)


def test_garbage_in_one_of_a_thousand_records_stops_no_other_and_is_listed(installation, tick):
    """Row 34."""
    ids = scheduled(installation, 1_000, installation.store.now() + 60_000)
    bad = ids[500]
    with installation.server.client() as client:
        client.hset(installation.store.keys.task(bad), "def", "garbage")
    make_due(installation, *ids)
    for _ in range(3):
        tick()
    assert queued(installation) == 999
    fired = {run.task_id for run in everything(installation.store.runs.list, RunFilter())}
    assert fired == {*ids} - {bad}
    (listed,) = everything(installation.store.tasks.list, TaskFilter(status="paused"))
    assert (listed.id, listed.definition) == (bad, None)
    assert listed.notes[0].startswith("It cannot be planned: Its definition is not one")
    assert len(everything(installation.store.tasks.list, TaskFilter())) == 1_000


def everything(list_page, where):
    """All pages of a listing."""
    found, cursor = [], None
    while True:
        page = list_page(where, 500, cursor)
        found += page.items
        cursor = page.next
        if cursor is None:
            return found


@pytest.mark.parametrize(
    ("definition", "why"),
    [
        ("garbage", "garbage"),
        ('{"v":2,"type":"add"}', '{"v":2'),
        (
            '{"v":1,"type":"add","schedule":{"type":"cron","cron":"0 * * * *","timezone":"Moon"}}',
            "Moon",
        ),
        ('{"v":1,"type":"add","queue":5}', "queue"),
    ],
    ids=["garbage", "another version", "a zone that is gone", "a wrong type"],
)
def test_a_task_that_cannot_be_planned_is_paused_and_says_why(installation, tick, definition, why):
    task_id = installation.create("add", **hourly())
    with installation.server.client() as client:
        client.hset(installation.store.keys.task(task_id), "def", definition)
    make_due(installation, task_id)
    tick()
    stored = installation.store.tasks.get(task_id)
    assert (stored.status, stored.next_run_at) == ("paused", None)
    assert any(note.startswith("It cannot be planned") for note in stored.notes)
    assert why in "".join(stored.notes)
    assert [task.id for task in installation.store.tasks.list(TaskFilter(status="paused"), 9).items]
    assert queued(installation) == 0


def test_a_parked_task_is_mended_by_replacing_it(installation, tick):
    task_id = installation.create("add", **hourly())
    with installation.server.client() as client:
        client.hset(installation.store.keys.task(task_id), "def", "garbage")
    make_due(installation, task_id)
    tick()
    task = Task(type="add", schedule=Interval(every=1_000))
    mended, created = tasks.replace(installation.dispatch, task_id, task)
    assert (created, mended.status, mended.notes) == (False, "scheduled", ())
    assert mended.next_run_at is not None
    assert installation.store.agenda.due(mended.next_run_at).tasks[0].id == task_id


@pytest.mark.parametrize("member", ["t:nobody", "r:nobody", "nonsense", "t:", ""])
def test_a_member_of_the_agenda_without_a_record_is_dropped(installation, tick, member):
    task_id = installation.create("add", **hourly())
    make_due(installation, task_id)
    with installation.server.client() as client:
        client.zadd(installation.store.keys.agenda(), {member: 1})
        tick()
        assert client.zscore(installation.store.keys.agenda(), member) is None
    assert len(installation.runs_of(task_id)) == 1


def asleep(scheduler) -> float:
    """Seconds that a scheduler sleeps after its next look."""
    slept = []
    scheduler._wakeup.sleep = slept.append
    scheduler.tick()
    return slept[0]


def test_what_a_newer_version_has_put_on_the_agenda_is_left_to_it(installation, scheduler):
    """In an upgrade schedulers of both run side by side."""
    task_id = installation.create("add", **hourly())
    now = make_due(installation, task_id)
    with installation.server.client() as client:
        client.zadd(installation.store.keys.agenda(), {"q:of a newer one": now - 10})
        scheduler._wakeup.sleep = lambda seconds: None
        scheduler.tick()
        assert len(installation.runs_of(task_id)) == 1
        # nobody is busy with what it does not know, and nobody is woken while that is due
        assert 0.1 < asleep(scheduler) <= 0.25
        assert client.zscore(installation.store.keys.agenda(), "q:of a newer one") == now - 10


def test_if_no_newer_one_runs_it_is_put_off_and_stands_in_nobodys_way(
    installation, scheduler, caplog
):
    moment = installation.store.now() - 6_000
    with installation.server.client() as client:
        members = {f"q:{number}": moment for number in range(500)}
        client.zadd(installation.store.keys.agenda(), members)
        task_id = installation.create("add", **hourly())
        make_due(installation, task_id)
        asleep(scheduler)
        asleep(scheduler)
        assert len(installation.runs_of(task_id)) == 1
        put_off = client.zscore(installation.store.keys.agenda(), "q:0")
    assert moment + 65_000 <= put_off <= installation.store.now() + 60_000
    assert "q:499 is due, which this version does not know" in caplog.text


def test_a_plan_that_is_too_old_is_not_carried_out(installation):
    """A scheduler that stood still with it, when no other one ran: its task's policy decides."""
    task_id = installation.create("add", **hourly(misfire=Misfire(policy="skip")))
    an_hour_ago = installation.store.now() - 3_600_000
    with installation.server.client() as client:
        client.zadd(installation.store.keys.agenda(), {f"t:{task_id}": an_hour_ago})
    assert advance(installation.dispatch, installation.store.agenda.due(an_hour_ago)) == 0
    assert installation.runs_of(task_id) == []
    assert advance(installation.dispatch, installation.store.agenda.due()) == 1
    assert installation.latest(task_id) is None
    assert [run.status for run in installation.runs_of(task_id)] == ["skipped"]


@pytest.mark.parametrize("definition", ["garbage", '{"v":2,"type":"add"}'])
def test_a_retry_whose_record_cannot_be_read_ends_and_stops_no_other(
    installation, tick, definition
):
    created = [installation.create("add") for _ in range(3)]
    for task_id in created:
        run = installation.latest(task_id)
        installation.store.runs.start(run.id, 1, token="t", worker="w", lease=9_000)
        outcome = Outcome(status="retrying", outcome="retried", failures=1)
        installation.store.runs.finish(run.id, "t", outcome)
    bad = installation.latest(created[1])
    with installation.server.client() as client:
        client.hset(installation.store.keys.run(bad.id), "def", definition)
        tick()
        assert client.hget(installation.store.keys.run(bad.id), "status") == "cancelled"
        assert "could not be sent" in client.hget(installation.store.keys.run(bad.id), "reason")
    assert [installation.latest(created[n]).status for n in (0, 2)] == ["queued", "queued"]


def test_misfires_run_once_or_all_of_them(installation, tick):
    now = installation.store.now()
    schedule = Interval(every=1_000, start_time=now + 60_000)
    last = installation.create("add", schedule=schedule)
    every = installation.create("add", schedule=schedule, misfire=RUN_ALL)
    later = now + 60_000 + 5_500
    for _ in range(2):
        advance(installation.dispatch, installation.store.agenda.due(later))
    first = now + 60_000
    skipped, ran = installation.runs_of(last)
    assert (ran.status, ran.scheduled_for) == ("queued", first + 5_000)
    assert (skipped.status, skipped.reason, skipped.count) == ("skipped", "misfire: run_last", 5)
    assert (skipped.scheduled_for, skipped.last_scheduled_for) == (first, first + 4_000)
    assert [run.scheduled_for for run in installation.runs_of(every)] == [
        first + n * 1_000 for n in range(6)
    ]
    assert installation.store.tasks.get(last).next_run_at == first + 6_000


def test_a_long_backlog_is_worked_off_in_order_and_in_parts(installation, tick):
    now = installation.store.now()
    schedule = Interval(every=1_000, start_time=now + 60_000)
    task_id = installation.create("add", schedule=schedule, misfire=RUN_ALL)
    later = now + 60_000 + 249_500
    looks = 0
    while advance(installation.dispatch, installation.store.agenda.due(later)):
        looks += 1
    moments = [run.scheduled_for for run in installation.runs_of(task_id)]
    assert moments == [now + 60_000 + n * 1_000 for n in range(250)]
    assert looks == 3


def test_max_runs_and_end_time_complete_a_task(installation, tick):
    now = installation.store.now()
    start = now + 60_000
    bounded = Interval(every=1_000, start_time=start, max_runs=2)
    ending = Interval(every=1_000, start_time=start, end_time=start + 1_000)
    created = [
        installation.create("add", schedule=schedule, misfire=RUN_ALL)
        for schedule in (bounded, ending)
    ]
    advance(installation.dispatch, installation.store.agenda.due(start + 10_000))
    for task_id in created:
        assert [run.scheduled_for for run in installation.runs_of(task_id)] == [
            start,
            start + 1_000,
        ]
        stored = installation.store.tasks.get(task_id)
        assert (stored.status, stored.next_run_at, stored.done) == ("completed", None, (2,))


def test_a_cron_task_runs_at_its_wall_clock_time(installation, tick):
    schedule = Cron(cron="30 6 * * *", timezone="Asia/Kathmandu")
    task_id = installation.create("add", schedule=schedule)
    due = installation.store.tasks.get(task_id).next_run_at
    assert due == schedule.next_after(installation.store.now())
    advance(installation.dispatch, installation.store.agenda.due(due))
    assert [run.scheduled_for for run in installation.runs_of(task_id)] == [due]
    assert installation.store.tasks.get(task_id).next_run_at == due + 86_400_000


def test_a_retry_comes_when_its_delay_is_over_and_not_before(installation, tick):
    task_id = installation.create("add")
    run = installation.latest(task_id)
    installation.store.runs.start(run.id, 1, token="t", worker="w", lease=9_000)
    outcome = Outcome(status="retrying", outcome="retried", failures=1, delay=60_000)
    installation.store.runs.finish(run.id, "t", outcome)
    retry_at = installation.latest(task_id).retry_at
    assert advance(installation.dispatch, installation.store.agenda.due(retry_at - 1)) == 0
    assert advance(installation.dispatch, installation.store.agenda.due(retry_at)) == 1
    run = installation.latest(task_id)
    assert (run.status, run.attempt, run.retry_at) == ("queued", 2, None)
    assert queued(installation) == 2


def test_a_cancelled_retry_does_not_come(installation, tick):
    task_id = installation.create("add")
    run = installation.latest(task_id)
    installation.store.runs.start(run.id, 1, token="t", worker="w", lease=9_000)
    outcome = Outcome(status="retrying", outcome="retried", failures=1)
    installation.store.runs.finish(run.id, "t", outcome)
    runs.cancel(installation.dispatch, run.id)
    tick()
    assert installation.latest(task_id).status == "cancelled"
    assert queued(installation) == 1


def test_a_live_scheduler_is_seen_and_says_goodbye(installation, scheduler, tick):
    tick()
    assert installation.beats() == {os.getpid()}
    scheduler.close()
    assert installation.beats() == set()


def test_a_tick_while_redis_is_away_waits_and_the_next_one_goes_on(
    new_redis, new_installation, caplog
):
    server = new_redis("--appendonly", "yes", "--appendfsync", "always")
    installation = new_installation(server)
    scheduler = DispatchScheduler(installation.app, lazy=True)
    task_id = installation.create("add", **hourly())
    make_due(installation, task_id)
    server.kill()
    with caplog.at_level(logging.ERROR):
        assert scheduler.tick() == 1.0
    assert "Redis does not answer" in caplog.text
    server.start()
    assert scheduler.tick() == 0.0
    assert len(installation.runs_of(task_id)) == 1
    scheduler.close()


def test_a_run_that_was_handed_back_is_sent_again_if_nobody_takes_it(installation, tick):
    """As when its worker is killed before it has put the message back."""
    run = installation.latest(installation.create("add"))
    installation.store.runs.start(run.id, 1, token="t", worker="w", lease=9_000)
    outcome = Outcome(status="queued", outcome="handed_back", delay=10_000)
    installation.store.runs.finish(run.id, "t", outcome)
    before = queued(installation)
    later = installation.store.now() + 10_000
    assert advance(installation.dispatch, installation.store.agenda.due(later)) == 1
    assert queued(installation) == before + 1
    lease = installation.store.runs.start(run.id, 1, token="u", worker="w", lease=9_000)
    assert lease.attempt == 1


@pytest.mark.parametrize("name", ["agenda", "paused", "events", "runs", "beats:scheduler"])
def test_a_key_that_holds_something_else_is_told_and_waited_for(
    installation, scheduler, tick, caplog, name
):
    scheduler._last_beat = -1e9
    task_id = installation.create("add", **hourly())
    make_due(installation, task_id)
    key = f"{installation.store.keys.prefix}{name}"
    with installation.server.client() as client:
        client.rename(key, "aside") if client.exists(key) else None
        client.set(key, "x")
        with caplog.at_level(logging.ERROR):
            assert [tick(), tick()] == [1.0, 1.0]
        client.delete(key)
        client.rename("aside", key) if client.exists("aside") else None
    told = f"The key {key} in Redis holds a string"
    assert [told in record.getMessage() for record in caplog.records] == [True, True]
    assert tick() == 0.0
    assert len(installation.runs_of(task_id)) == 1


@pytest.mark.parametrize("name", ["agenda", "paused", "schema"])
def test_a_beat_that_begins_with_such_a_key_tries_until_it_is_gone(installation, name):
    key = f"{installation.store.keys.prefix}{name}"
    with installation.server.client() as client:
        client.delete(key)
        client.hset(key, "x", "x") if name != "paused" else client.set(key, "x")
        beat = installation.beat(wait=False)
        installation.until(lambda: f"The key {key} in Redis holds a" in beat.logs())
        client.delete(key)
    installation.until(lambda: installation.beats() != set(), "the beat to go on")
    assert beat.exit_code is None
