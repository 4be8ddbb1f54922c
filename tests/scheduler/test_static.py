"""Entries of the app's own beat_schedule."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone

import pytest
from celery import Celery
from celery.schedules import crontab, schedule

from dispatch_app.config import load
from dispatch_app.dispatch import Dispatch
from dispatch_app.domain.errors import NotFound
from dispatch_app.domain.schedule import Cron, Interval
from dispatch_app.scheduler import static
from dispatch_app.scheduler.dispatching import advance
from dispatch_app.store.tasks import TaskFilter
from dispatch_app.store.types import TaskType


@pytest.fixture
def synced(redis_url):
    """Stores the entries of a beat_schedule, and gives back the tasks by name."""
    app = Celery("theirs", set_as_current=False)
    dispatch = Dispatch(app, load(environ={"REDIS_URL": redis_url}), default_queue="default")

    def sync(entries, **settings):
        app.conf.update(beat_schedule=entries, **settings)
        static.sync(app)
        return {
            task.definition.name: task
            for task in dispatch.store.tasks.list(TaskFilter(), 100).items
        }

    sync.dispatch = dispatch
    yield sync
    dispatch.store.close()
    app.close()


class Sunset(schedule):
    """A schedule of the user's own, as Celery's `solar` is one."""


def entry(schedule, **more):
    return {"task": "add", "schedule": schedule, **more}


def test_an_entry_becomes_a_task_with_what_it_says(synced):
    stored = synced(
        {
            "every half minute": entry(
                30.0, args=(1,), kwargs={"y": 2}, options={"queue": "reports", "priority": 3}
            )
        }
    )["every half minute"]
    task = stored.definition
    assert stored.id == "beat:theirs:every-half-minute"
    assert (task.type, task.args, task.payload) == ("add", (1,), {"y": 2})
    assert (task.queue, task.priority, task.tags) == ("reports", "high", ("beat_schedule",))
    assert (stored.status, task.schedule.every) == ("scheduled", 30_000)


@pytest.mark.parametrize("given", [60, 60.0, timedelta(minutes=1), schedule(60.0)])
def test_seconds_and_timedeltas_are_intervals(synced, given):
    stored = synced({"a": entry(given)})["a"]
    anchor = stored.definition.schedule.anchor
    assert stored.definition.schedule == Interval(every=60_000, anchor=anchor)
    assert stored.next_run_at == anchor + 60_000


@pytest.mark.parametrize(
    ("given", "cron"),
    [
        (crontab(), "* * * * *"),
        (crontab(minute=0, hour="*/3"), "0 */3 * * *"),
        (crontab(minute="0,30", hour=[7, 19]), "0,30 7,19 * * *"),
        (crontab(minute=0, hour=0, day_of_month="2-31/2", month_of_year="jan"), "0 0 2-31/2 jan *"),
        (crontab(minute=5, hour=4, day_of_week="mon-fri"), "5 4 * * mon-fri"),
        (crontab(minute=5, hour=4, day_of_week="Sunday"), "5 4 * * Sun"),
    ],
)
def test_a_crontab_is_cron_in_the_apps_zone(synced, given, cron):
    given.app = synced.dispatch.app
    stored = synced({"a": entry(given)}, timezone="Europe/Paris")["a"]
    assert stored.definition.schedule == Cron(cron=cron, timezone="Europe/Paris")
    assert stored.next_run_at > stored.created_at


@pytest.mark.parametrize("hours", [1, 7, 30, 80])
def test_a_crontab_means_what_it_means_to_celery(synced, hours):
    now = datetime.fromtimestamp(1_790_000_000 + hours * 3_600, timezone.utc)
    given = crontab(
        *("*/20", "8-17", "mon-fri"), app=synced.dispatch.app, nowfun=lambda: now
    )  # fmt: skip
    ours = synced({"a": entry(given)})["a"].definition.schedule
    theirs = now + given.remaining_estimate(now)
    assert ours.next_after(int(now.timestamp() * 1000)) == int(theirs.timestamp() * 1000)


def test_an_entry_keeps_its_moment_over_restarts(synced):
    before = synced({"a": entry(3600)})["a"]
    after = synced({"a": entry(3600)})["a"]
    assert after == before


def test_an_entry_that_was_changed_is_planned_anew(synced):
    before = synced({"a": entry(3600)})["a"]
    after = synced({"a": entry(60)})["a"]
    assert after.revision == before.revision + 1
    assert after.next_run_at < before.next_run_at


def test_an_entry_that_was_taken_out_is_purged_and_others_stay(synced):
    synced({"a": entry(60), "b": entry(60)})
    assert set(synced({"b": entry(60)})) == {"b"}
    with pytest.raises(NotFound):
        synced.dispatch.store.tasks.get("beat:theirs:a")
    assert synced({}) == {}


def test_apps_that_share_an_installation_keep_their_entries(synced, redis_url):
    synced({"a": entry(60)})
    other = Celery("another", set_as_current=False)
    Dispatch(other, load(environ={"REDIS_URL": redis_url}), default_queue="default")
    for entries in ({"a": entry(90)}, {}):
        other.conf.beat_schedule = entries
        static.sync(other)
        stored = {task.id for task in synced.dispatch.store.tasks.list(TaskFilter(), 100).items}
        assert stored == {"beat:theirs:a", *(f"beat:another:{name}" for name in entries)}
    other.dispatch.store.close()
    other.close()


def test_of_two_entries_with_one_id_the_first_stays(synced, caplog):
    with caplog.at_level(logging.ERROR):
        tasks = synced({"a b": entry(60), "a-b": entry(90)})
    assert set(tasks) == {"a b"}
    assert "Another entry has the id" in caplog.text


class _NotJson:
    def __repr__(self) -> str:
        return "something that is no JSON"


NOT_JSON = _NotJson()


@pytest.mark.parametrize(
    "wrong",
    [
        {"task": "add"},
        {"schedule": 10},
        entry("every day"),
        entry(Sunset(60)),
        entry(0.01),
        entry(-5),
        entry(crontab(minute=0, hour=0, day_of_month=13, day_of_week=5)),
        entry(60, options={"expires": "soon"}),
        entry(60, args=5),
        entry(60, kwargs=[1]),
        entry(60, kwargs={"x": NOT_JSON}),
        entry(60, options={"priority": "high"}),
        "not an entry",
        None,
    ],
    ids=str,
)
def test_an_entry_that_makes_no_sense_is_left_out_and_the_rest_runs(synced, caplog, wrong):
    with caplog.at_level(logging.ERROR):
        tasks = synced({"before": entry(60), "wrong": wrong, "after": entry(60)})
    assert set(tasks) == {"before", "after"}
    assert "The entry 'wrong' of beat_schedule is left out" in caplog.text


def test_a_wrong_change_of_an_entry_keeps_none_of_it_running(synced):
    synced({"a": entry(60)})
    assert synced({"a": entry("nonsense")}) == {}


def test_positional_arguments_count_for_the_payloads_schema(synced):
    schema = {"type": "object", "properties": {"x": {}, "y": {}}, "required": ["x", "y"]}
    synced.dispatch.store.types.announce([TaskType(name="add", schema=schema)])
    assert set(
        synced({"a": entry(60, args=(1, 2)), "b": entry(60, args=(1,), kwargs={"y": 1})})
    ) == {
        "a",
        "b",
    }


def test_a_static_entry_is_dispatched_with_its_arguments(synced):
    synced({"a": entry(60, args=(1,), kwargs={"y": 2})})
    dispatch = synced.dispatch
    stored = dispatch.store.tasks.get("beat:theirs:a")
    assert advance(dispatch, dispatch.store.agenda.due(stored.next_run_at)) == 1
    run = dispatch.store.runs.latest("beat:theirs:a")
    lease = dispatch.store.runs.start(run.id, 1, token="t", worker="w", lease=1_000)
    assert (lease.definition.args, lease.definition.payload) == ((1,), {"y": 2})
