"""The verbs on tasks, on a real server and with real messages."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from dispatch_app.domain.errors import (
    Conflict,
    IdempotencyMismatch,
    InvalidInput,
    NotFound,
    RevisionMismatch,
)
from dispatch_app.domain.schedule import Cron, Interval, Once
from dispatch_app.domain.task import Task
from dispatch_app.operations import backfills, dead_letters, tasks
from dispatch_app.store.answers import Idempotency
from dispatch_app.store.runs import Outcome
from dispatch_app.store.tasks import TaskFilter
from dispatch_app.store.types import TaskType

HOUR = 3_600_000
NOW_TASK = Task(type="echo", payload={"text": "hi"})
HOURLY = Task(type="echo", schedule=Cron(cron="0 * * * *"))
EVERY_HOUR = Task(type="echo", schedule=Interval(every=HOUR))
SOON = 10_000


def finish_latest(dispatch, task_id: str, status: str = "succeeded") -> str:
    """As a worker would."""
    run = dispatch.store.runs.latest(task_id)
    dispatch.store.runs.start(run.id, run.attempt, token="t", worker="w", lease=60_000)
    dispatch.store.runs.finish(run.id, "t", Outcome(status=status, outcome=status))
    return run.id


# Create


def test_an_immediate_task_has_its_run_and_message_at_once(dispatch, sent):
    task = tasks.create(dispatch, NOW_TASK)
    assert uuid.UUID(task.id).version == 7
    assert (task.status, task.next_run_at, task.counts) == ("queued", None, {"runs": 1})
    run = dispatch.store.runs.get(task.last_run.id)
    assert (run.task_id, run.origin, run.status) == (task.id, "schedule", "queued")
    assert run.scheduled_for == task.created_at or abs(run.scheduled_for - task.created_at) < 1_000
    assert sent() == [run.id]


def test_a_recurring_task_waits_for_its_first_occurrence(dispatch, sent):
    task = tasks.create(dispatch, HOURLY)
    assert task.status == "scheduled"
    assert task.next_run_at % HOUR == 0
    assert 0 < task.next_run_at - task.created_at <= HOUR
    assert sent() == []


def test_an_interval_counts_from_its_creation(dispatch):
    task = tasks.create(dispatch, EVERY_HOUR)
    assert 0 <= task.created_at + HOUR - task.next_run_at < 1_000
    assert task.definition.schedule.anchor == task.next_run_at - HOUR


def test_a_moment_that_has_passed_runs_now_and_a_later_one_waits(dispatch, sent):
    now = dispatch.store.now()
    past = tasks.create(dispatch, Task(type="echo", schedule=Once(start_time=now - HOUR)))
    future = tasks.create(dispatch, Task(type="echo", schedule=Once(start_time=now + HOUR)))
    assert (past.status, future.status) == ("queued", "scheduled")
    assert dispatch.store.runs.get(past.last_run.id).scheduled_for == now - HOUR
    assert (future.next_run_at, future.last_run) == (now + HOUR, None)
    assert sent() == [past.last_run.id]


def test_a_disabled_task_does_nothing_until_it_is_resumed(dispatch, sent):
    task = tasks.create(dispatch, NOW_TASK, enabled=False)
    assert (task.status, task.last_run) == ("paused", None)
    assert sent() == []
    assert tasks.resume(dispatch, task.id).status == "scheduled"
    assert [due.id for due in dispatch.store.agenda.due().tasks] == [task.id]


def test_the_queue_is_the_tasks_own_or_that_of_its_type_or_the_apps(dispatch, sent):
    dispatch.store.types.announce([TaskType(name="report", schema={}, queue="reports")])
    dispatch.app.conf.task_routes = {"mail.*": {"queue": "mail"}}
    for task, queue in (
        (Task(type="report", queue="own"), "own"),
        (Task(type="report"), "reports"),
        (Task(type="mail.send"), "mail"),
        (Task(type="unknown"), "default"),
    ):
        created = tasks.create(dispatch, task)
        assert created.definition.queue == queue
        assert sent(queue) == [created.last_run.id]


def test_a_priority_is_a_step_of_the_queue(dispatch, sent):
    ids = {
        priority: tasks.create(dispatch, Task(type="echo", priority=priority)).last_run.id
        for priority in ("critical", "high", "normal", "low")
    }
    for priority, step in (("critical", 0), ("high", 3), ("normal", 6), ("low", 9)):
        assert sent(step=step) == [ids[priority]]


def test_a_run_expires_so_long_after_its_moment(dispatch):
    past = dispatch.store.now() - HOUR
    task = tasks.create(dispatch, Task(type="echo", schedule=Once(start_time=past), expires=SOON))
    run = task.last_run.id
    assert dispatch.store.runs.start(run, 1, token="t", worker="w", lease=1) == "EXPIRED"


@pytest.mark.parametrize(
    ("task", "field"),
    [
        (Task(type="echo", schedule=Cron(cron="0 0 30 2 *")), "schedule.cron"),
        (Task(type="echo", schedule=Cron(cron="@daily", timezone="Mars")), "schedule.timezone"),
        (Task(type="echo", schedule=Interval(every=1)), "schedule.every"),
        (Task(type="echo", schedule=Cron(cron="@daily", end_time=1)), "schedule"),
        (Task(type="mail", payload={}), "payload.to"),
        (Task(type="mail", payload={"to": 7}), "payload.to"),
    ],
    ids=str,
)
def test_what_is_wrong_is_refused_by_name_and_nothing_is_stored(dispatch, task, field):
    schema = {"required": ["to"], "properties": {"to": {"type": "string"}}}
    dispatch.store.types.announce([TaskType(name="mail", schema=schema)])
    with pytest.raises(InvalidInput) as refusal:
        tasks.create(dispatch, task)
    assert list(refusal.value.fields) == [field]
    assert dispatch.store.tasks.list(TaskFilter(), 10).items == []


def test_an_id_of_the_callers_is_taken_once(dispatch):
    assert tasks.create(dispatch, HOURLY, task_id="mine").id == "mine"
    with pytest.raises(Conflict):
        tasks.create(dispatch, HOURLY, task_id="mine")


def test_the_same_request_again_gets_the_same_task_and_runs_nothing_twice(dispatch, sent):
    first = tasks.create(dispatch, NOW_TASK, idempotency=Idempotency("key", "print"))
    finish_latest(dispatch, first.id)
    again = Idempotency("key", "print")
    assert tasks.create(dispatch, NOW_TASK, idempotency=again) == first
    assert again.replayed
    with pytest.raises(IdempotencyMismatch):
        tasks.create(dispatch, NOW_TASK, idempotency=Idempotency("key", "other"))
    assert len(sent()) == 1


def test_twenty_same_requests_at_once_make_one_task_and_one_run(dispatch, sent):
    asked = [Idempotency("key", "print") for _ in range(20)]
    with ThreadPoolExecutor(20) as pool:
        made = list(pool.map(lambda key: tasks.create(dispatch, NOW_TASK, idempotency=key), asked))
    assert len({task.id for task in made}) == 1
    assert sent() == [made[0].last_run.id]
    assert [key.replayed for key in asked].count(False) == 1


# Replace


def test_replace_creates_what_is_not_there(dispatch):
    task, created = tasks.replace(dispatch, "mine", HOURLY)
    assert created
    assert task == dispatch.store.tasks.get("mine")
    with pytest.raises(RevisionMismatch):
        tasks.replace(dispatch, "other", HOURLY, revision=1)


def test_the_same_definition_again_changes_nothing(dispatch):
    for definition in (HOURLY, EVERY_HOUR):
        before, _ = tasks.replace(dispatch, "mine", definition)
        again, created = tasks.replace(dispatch, "mine", definition)
        assert not created
        assert again == before
        tasks.purge(dispatch, "mine")


def test_replace_takes_the_whole_definition(dispatch):
    before, _ = tasks.replace(
        dispatch, "mine", Task(type="echo", name="old", tags=("a",), schedule=HOURLY.schedule)
    )
    after, _ = tasks.replace(dispatch, "mine", Task(type="echo", schedule=HOURLY.schedule))
    assert (after.definition.name, after.definition.tags) == ("", ())
    assert (after.revision, after.next_run_at) == (2, before.next_run_at)
    assert dispatch.store.tasks.list(TaskFilter(tag="a"), 10).items == []


def test_replace_of_another_revision_is_refused(dispatch):
    tasks.replace(dispatch, "mine", HOURLY)
    with pytest.raises(RevisionMismatch):
        tasks.replace(dispatch, "mine", EVERY_HOUR, revision=2)
    tasks.replace(dispatch, "mine", EVERY_HOUR, revision=1)
    assert dispatch.store.tasks.get("mine").revision == 2


def test_replace_can_pause_and_resume(dispatch):
    tasks.replace(dispatch, "mine", HOURLY)
    assert tasks.replace(dispatch, "mine", HOURLY, enabled=False)[0].status == "paused"
    assert tasks.replace(dispatch, "mine", HOURLY)[0].status == "scheduled"


@pytest.mark.parametrize("end", ["cancelled", "completed"])
def test_a_task_that_has_ended_starts_anew(dispatch, end):
    tasks.replace(dispatch, "mine", HOURLY)
    if end == "cancelled":
        tasks.cancel(dispatch, "mine")
    else:
        complete(dispatch, "mine")
    assert dispatch.store.tasks.get("mine").status == end
    task, created = tasks.replace(dispatch, "mine", EVERY_HOUR)
    assert not created
    assert (task.status, task.done) == ("scheduled", (0,))
    assert dispatch.store.agenda.due(task.next_run_at).tasks[0].id == "mine"


def test_a_finished_one_off_that_is_replaced_runs_again(dispatch, sent):
    first, _ = tasks.replace(dispatch, "mine", NOW_TASK)
    finish_latest(dispatch, "mine")
    changed = msgspec.structs.replace(NOW_TASK, payload={"text": "again"})
    again, _ = tasks.replace(dispatch, "mine", changed)
    assert again.status == "queued"
    assert sent() == [first.last_run.id, again.last_run.id]


def test_a_definition_that_cannot_be_read_can_be_replaced(dispatch):
    tasks.replace(dispatch, "mine", HOURLY)
    dispatch.store.client.hset(dispatch.store.keys.task("mine"), "def", "garbage")
    for refused in (
        lambda: tasks.change(dispatch, "mine", lambda task: task),
        lambda: tasks.trigger(dispatch, "mine"),
        lambda: backfills.start(dispatch, "mine", 0, 1),
    ):
        with pytest.raises(Conflict, match="cannot be read"):
            refused()
    task, created = tasks.replace(dispatch, "mine", EVERY_HOUR)
    assert (created, task.status, task.definition.type) == (False, "scheduled", "echo")


@pytest.mark.parametrize("task", [HOURLY, NOW_TASK])
@pytest.mark.parametrize(
    "damage",
    [
        lambda client, key: client.hdel(key, "status"),
        lambda client, key: client.hset(key, "status", "?"),
        lambda client, key: client.hdel(key, "rev"),
        lambda client, key: client.hset(key, "rev", "-1"),
        lambda client, key: client.hdel(key, "rev", "status"),
        lambda client, key: client.hdel(key, "rev", "status", "def", "created"),
        lambda client, key: client.delete(key) and client.set(key, "x"),
    ],
)
def test_a_damaged_record_is_not_changed_and_what_is_put_mends_it(dispatch, task, damage):
    tasks.replace(dispatch, "mine", task)
    damage(dispatch.store.client, dispatch.store.keys.task("mine"))
    before = dispatch.store.tasks.get("mine")
    assert "damaged" in before.notes[-1] or before.definition is None
    with pytest.raises(Conflict, match="cannot be read"):
        tasks.change(dispatch, "mine", renamed("new"))
    put, created = tasks.replace(dispatch, "mine", task)
    assert (created, put.notes, put.definition.schedule) == (False, (), task.schedule)
    assert (put.status, put.revision) == (
        "queued" if task is NOW_TASK else "scheduled",
        before.revision + 1,
    )
    assert "mine" in {each.id for each in dispatch.store.tasks.list(TaskFilter(), 10).items}
    for status in ("paused", put.status):
        where = TaskFilter(status=status)
        # of another time of creation it is listed twice until the auditor comes by
        found = {each.id for each in dispatch.store.tasks.list(where, 10).items}
        assert found == ({"mine"} if status == put.status else set())
    assert tasks.change(dispatch, "mine", renamed("new")).revision == put.revision + 1


def test_a_one_off_that_is_over_and_has_lost_its_revision_does_not_run_again(dispatch, sent):
    tasks.replace(dispatch, "mine", NOW_TASK)
    finish_latest(dispatch, "mine")
    dispatch.store.client.hdel(dispatch.store.keys.task("mine"), "rev")
    put, _ = tasks.replace(dispatch, "mine", NOW_TASK)
    assert (put.status, put.revision, len(sent())) == ("succeeded", 1, 1)


def test_twenty_replacements_of_one_id_at_once_all_arrive(dispatch):
    def put(number: int) -> None:
        tasks.replace(dispatch, "mine", msgspec.structs.replace(HOURLY, name=f"{number}"))

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(put, range(20)))
    task = dispatch.store.tasks.get("mine")
    assert task.revision == 20
    assert task.definition.name in {f"{number}" for number in range(20)}


# Change


def renamed(name: str):
    return lambda task: msgspec.structs.replace(task, name=name)


def test_a_change_keeps_the_schedules_moment(dispatch):
    before = tasks.create(dispatch, EVERY_HOUR)
    after = tasks.change(dispatch, before.id, renamed("new"))
    assert (after.definition.name, after.revision) == ("new", 2)
    assert after.next_run_at == before.next_run_at
    assert after.updated_at >= before.updated_at


def test_another_schedule_begins_now(dispatch):
    before = tasks.create(dispatch, HOURLY)
    after = tasks.change(
        dispatch,
        before.id,
        lambda task: msgspec.structs.replace(task, schedule=Interval(every=5 * HOUR)),
    )
    assert 0 <= dispatch.store.now() + 5 * HOUR - after.next_run_at < 2_000


def test_a_change_can_pause_and_resume(dispatch):
    task = tasks.create(dispatch, HOURLY)
    assert tasks.change(dispatch, task.id, renamed("a"), enabled=False).status == "paused"
    assert tasks.change(dispatch, task.id, renamed("b")).status == "paused"
    resumed = tasks.change(dispatch, task.id, renamed("c"), enabled=True)
    assert (resumed.status, resumed.next_run_at) == ("scheduled", task.next_run_at)


def test_a_change_of_another_revision_is_refused(dispatch):
    task = tasks.create(dispatch, HOURLY)
    tasks.change(dispatch, task.id, renamed("a"), revision=1)
    with pytest.raises(RevisionMismatch):
        tasks.change(dispatch, task.id, renamed("b"), revision=1)
    assert dispatch.store.tasks.get(task.id).definition.name == "a"


@pytest.mark.parametrize("schedule", [Cron(cron="61 * * * *"), Cron(cron="@daily", end_time=1)])
def test_a_change_that_makes_no_sense_changes_nothing(dispatch, schedule):
    before = tasks.create(dispatch, HOURLY)
    with pytest.raises(InvalidInput):
        tasks.change(
            dispatch, before.id, lambda task: msgspec.structs.replace(task, schedule=schedule)
        )
    assert dispatch.store.tasks.get(before.id) == before


def test_what_has_ended_cannot_be_changed(dispatch):
    task = tasks.create(dispatch, NOW_TASK)
    finish_latest(dispatch, task.id, "failed")
    with pytest.raises(Conflict, match="has already ended: it is failed"):
        tasks.change(dispatch, task.id, renamed("late"))


def test_a_one_off_on_its_way_can_be_changed_for_the_record(dispatch):
    task = tasks.create(dispatch, NOW_TASK)
    changed = tasks.change(dispatch, task.id, renamed("new"))
    assert (changed.status, changed.definition.name) == ("queued", "new")


@pytest.mark.parametrize(
    ("meanwhile", "status"), [(tasks.cancel, "cancelled"), (tasks.pause, "paused")]
)
def test_a_change_undoes_nothing_that_happened_while_it_was_made(dispatch, meanwhile, status):
    """Between a change's reading and writing somebody cancels or pauses the task."""
    task = tasks.create(dispatch, HOURLY)
    calls = []

    def change(definition: Task) -> Task:
        calls.append(definition)
        if len(calls) == 1:
            meanwhile(dispatch, task.id)
        return msgspec.structs.replace(definition, name="changed")

    if status == "cancelled":
        with pytest.raises(Conflict, match="has already ended: it is cancelled"):
            tasks.change(dispatch, task.id, change)
    else:
        assert tasks.change(dispatch, task.id, change).definition.name == "changed"
        assert len(calls) == 2
    assert dispatch.store.tasks.get(task.id).status == status
    assert dispatch.store.agenda.due(2 * dispatch.store.now()).tasks == []


def test_twenty_changes_at_once_are_all_kept(dispatch):
    task = tasks.create(dispatch, HOURLY)

    def tag(number: int) -> None:
        tasks.change(
            dispatch,
            task.id,
            lambda before: msgspec.structs.replace(before, tags=(*before.tags, f"tag{number}")),
        )

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(tag, range(20)))
    after = dispatch.store.tasks.get(task.id)
    assert sorted(after.definition.tags) == sorted(f"tag{number}" for number in range(20))
    assert after.revision == 21
    for number in range(20):
        listed = dispatch.store.tasks.list(TaskFilter(tag=f"tag{number}"), 10).items
        assert [found.id for found in listed] == [task.id]


# Cancel, purge, pause, resume


def test_cancel_ends_the_task_and_its_runs(dispatch):
    task = tasks.create(dispatch, HOURLY)
    run = tasks.trigger(dispatch, task.id)
    assert tasks.cancel(dispatch, task.id).status == "cancelled"
    assert tasks.cancel(dispatch, task.id).status == "cancelled"
    assert dispatch.store.runs.get(run.id).status == "cancelled"
    assert dispatch.store.agenda.due(2 * dispatch.store.now()).tasks == []


def test_what_ended_otherwise_cannot_be_cancelled(dispatch):
    task = tasks.create(dispatch, NOW_TASK)
    finish_latest(dispatch, task.id)
    with pytest.raises(Conflict, match="has already ended: it is succeeded"):
        tasks.cancel(dispatch, task.id)


def test_a_one_off_that_was_triggered_early_still_has_its_moment(dispatch):
    moment = dispatch.store.now() + HOUR
    task = tasks.create(dispatch, Task(type="echo", schedule=Once(start_time=moment)))
    tasks.trigger(dispatch, task.id)
    finish_latest(dispatch, task.id)
    after = dispatch.store.tasks.get(task.id)
    assert (after.status, after.next_run_at) == ("scheduled", moment)
    assert (after.last_run.status, after.counts) == ("succeeded", {"runs": 1, "succeeded": 1})
    assert tasks.cancel(dispatch, task.id).status == "cancelled"


def test_purge_leaves_nothing(dispatch):
    task = tasks.create(dispatch, NOW_TASK)
    tasks.purge(dispatch, task.id)
    for gone in (
        lambda: tasks.purge(dispatch, task.id),
        lambda: dispatch.store.tasks.get(task.id),
        lambda: dispatch.store.runs.get(task.last_run.id),
    ):
        with pytest.raises(NotFound):
            gone()


def test_pause_with_a_note_and_resume(dispatch):
    task = tasks.create(dispatch, HOURLY)
    paused = tasks.pause(dispatch, task.id, "holidays")
    assert (paused.status, paused.next_run_at) == ("paused", None)
    assert paused.notes == ("Paused: holidays",)
    assert tasks.pause(dispatch, task.id).notes == ()
    assert tasks.pause(dispatch, task.id, who="ci").notes == ("Paused by ci",)
    assert tasks.pause(dispatch, task.id, "holidays", "ci").notes == ("Paused by ci: holidays",)
    resumed = tasks.resume(dispatch, task.id)
    assert (resumed.status, resumed.next_run_at) == ("scheduled", task.next_run_at)


def test_only_a_schedule_can_be_paused(dispatch):
    task = tasks.create(dispatch, NOW_TASK)
    with pytest.raises(Conflict, match="is queued"):
        tasks.pause(dispatch, task.id)
    with pytest.raises(Conflict, match="is queued"):
        tasks.resume(dispatch, task.id)


@pytest.mark.parametrize(
    "verb",
    [
        tasks.cancel,
        tasks.purge,
        tasks.pause,
        tasks.resume,
        tasks.trigger,
        lambda dispatch, task_id: tasks.change(dispatch, task_id, renamed("x")),
    ],
)
def test_what_is_not_there_is_not_found(dispatch, verb):
    with pytest.raises(NotFound, match="There is no task 'unknown'"):
        verb(dispatch, "unknown")


# Trigger


def test_trigger_runs_now_and_leaves_the_schedule_alone(dispatch, sent):
    task = tasks.create(dispatch, HOURLY)
    run = tasks.trigger(dispatch, task.id)
    assert (run.origin, run.status, run.task_id) == ("trigger", "queued", task.id)
    assert sent() == [run.id]
    after = dispatch.store.tasks.get(task.id)
    assert (after.status, after.next_run_at) == ("scheduled", task.next_run_at)
    assert after.done == (0,)


def test_trigger_with_other_fields_changes_them_for_this_run_only(dispatch):
    task = tasks.create(
        dispatch, Task(type="echo", payload={"a": 1, "b": 1}, schedule=HOURLY.schedule)
    )
    run = tasks.trigger(dispatch, task.id, {"b": 2})
    assert run.definition.payload == {"a": 1, "b": 2}
    assert dispatch.store.tasks.get(task.id).definition.payload == {"a": 1, "b": 1}
    assert tasks.trigger(dispatch, task.id).definition.payload == {"a": 1, "b": 1}


def test_trigger_with_a_payload_that_does_not_fit_runs_nothing(dispatch, sent):
    schema = {"properties": {"n": {"type": "integer"}}}
    dispatch.store.types.announce([TaskType(name="echo", schema=schema)])
    task = tasks.create(dispatch, HOURLY)
    with pytest.raises(InvalidInput) as refusal:
        tasks.trigger(dispatch, task.id, {"n": "one"})
    assert list(refusal.value.fields) == ["payload.n"]
    assert sent() == []


def test_a_cancelled_task_is_not_triggered(dispatch):
    task = tasks.create(dispatch, HOURLY)
    tasks.cancel(dispatch, task.id)
    with pytest.raises(Conflict, match="is cancelled"):
        tasks.trigger(dispatch, task.id)


def test_a_one_off_whose_run_was_cancelled_is_not_cancelled_itself(dispatch, sent):
    task = tasks.create(dispatch, NOW_TASK)
    finish_latest(dispatch, task.id, "failed")
    letter = task.last_run.id
    dispatch.store.runs.cancel(tasks.trigger(dispatch, task.id).id, "by hand")
    assert dispatch.store.tasks.get(task.id).status == "cancelled"
    tasks.trigger(dispatch, task.id)
    assert dispatch.store.tasks.get(task.id).status == "queued"
    dispatch.store.runs.cancel(dispatch.store.runs.latest(task.id).id, "by hand")
    assert dead_letters.replay(dispatch, letter).retry_of == letter
    assert finish_latest(dispatch, task.id) == sent()[-1]
    assert dispatch.store.tasks.get(task.id).status == "succeeded"


def test_a_one_off_whose_run_was_cancelled_can_be_cancelled_itself(dispatch):
    task = tasks.create(dispatch, NOW_TASK)
    finish_latest(dispatch, task.id, "failed")
    dispatch.store.runs.cancel(tasks.trigger(dispatch, task.id).id, "by hand")
    assert tasks.cancel(dispatch, task.id).status == "cancelled"
    for refused in (
        lambda: tasks.trigger(dispatch, task.id),
        lambda: dead_letters.replay(dispatch, task.last_run.id),
    ):
        with pytest.raises(Conflict, match="is cancelled"):
            refused()
    # what is put in its place begins anew
    assert tasks.replace(dispatch, task.id, NOW_TASK)[0].status == "queued"
    dispatch.store.runs.cancel(dispatch.store.runs.latest(task.id).id, "by hand")
    assert tasks.trigger(dispatch, task.id).status == "queued"


def complete(dispatch, task_id: str) -> None:
    """As a scheduler does that finds no further occurrence."""
    from dispatch_app.store.agenda import Advance

    task = dispatch.store.tasks.get(task_id)
    (due,) = dispatch.store.agenda.due(task.next_run_at).tasks
    step = Advance(
        member=due.member, due=due.due, rev=due.revision, type="echo", queue="default", runs=[]
    )
    assert dispatch.store.agenda.commit([step]) == 1


def test_a_change_that_changes_nothing_is_no_revision(dispatch):
    task = tasks.create(dispatch, HOURLY)
    assert tasks.change(dispatch, task.id, renamed(task.definition.name)).revision == 1
    assert tasks.change(dispatch, task.id, renamed("new")).revision == 2


@pytest.mark.parametrize("end", [tasks.cancel, tasks.purge])
def test_a_task_of_another_revision_is_neither_cancelled_nor_purged(dispatch, end):
    task = tasks.create(dispatch, HOURLY)
    tasks.change(dispatch, task.id, renamed("new"))
    with pytest.raises(RevisionMismatch):
        end(dispatch, task.id, 1)
    assert dispatch.store.tasks.get(task.id).status == "scheduled"
    end(dispatch, task.id, 2)
