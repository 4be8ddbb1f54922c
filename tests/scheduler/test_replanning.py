"""Tasks whose calendar or zone data has changed get other moments, in pieces; no other one does."""

from __future__ import annotations

import pytest

from dispatch_app.domain.calendar import Calendar, Weekly
from dispatch_app.domain.errors import InvalidInput, StoreUnavailable
from dispatch_app.domain.schedule import Cron, Interval
from dispatch_app.domain.schedule.zones import to_datetime
from dispatch_app.operations import tasks
from dispatch_app.scheduler import beat
from dispatch_app.scheduler.dispatching import advance
from dispatch_app.store.replans import PIECE
from tests.domain.moments import HOUR

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
AT_NOON = Cron(cron="0 * * * *", calendars=("work",))


def hours(start: str, end: str) -> Calendar:
    """One that allows only these hours of every day."""
    return Calendar(mode="include", weekly=(Weekly(days=DAYS, start=start, end=end),))


def hour_of(installation, task_id: str) -> int:
    return to_datetime(installation.store.tasks.get(task_id).next_run_at).hour


@pytest.fixture
def put(installation):
    """Stores the calendar `work`."""

    def store(calendar: Calendar) -> None:
        installation.store.calendars.put("work", calendar)

    store(hours("12:00", "13:00"))
    return store


def test_a_calendar_that_changes_moves_the_tasks_that_name_it(installation, tick, put):
    named = installation.create("add", schedule=AT_NOON)
    other = installation.create("add", schedule=Cron(cron="0 12 * * *"))
    paused = installation.create("add", schedule=AT_NOON)
    tasks.pause(installation.dispatch, paused)
    assert hour_of(installation, named) == 12
    put(hours("15:00", "16:00"))
    tick()
    assert hour_of(installation, named) == 15
    assert hour_of(installation, other) == 12
    tasks.resume(installation.dispatch, paused)
    assert hour_of(installation, paused) == 15
    # and that was all: nothing is left before the schedulers
    assert installation.store.agenda.due().others == []


def test_thousands_of_tasks_are_planned_anew_in_pieces(installation, tick, put):
    count = PIECE * 2 + 1
    created = [installation.create("add", schedule=AT_NOON) for _ in range(count)]
    put(hours("15:00", "16:00"))
    pieces = 0
    while advance(installation.dispatch, installation.store.agenda.due()):
        pieces += 1
    assert pieces == 3
    assert {hour_of(installation, task_id) for task_id in created} == {15}


def test_a_change_in_the_midst_of_it_begins_again(installation, tick, put):
    created = [installation.create("add", schedule=AT_NOON) for _ in range(PIECE + 1)]
    put(hours("15:00", "16:00"))
    advance(installation.dispatch, installation.store.agenda.due())
    put(hours("18:00", "19:00"))
    while advance(installation.dispatch, installation.store.agenda.due()):
        pass
    assert {hour_of(installation, task_id) for task_id in created} == {18}


def test_a_task_for_which_nothing_is_left_is_paused_and_says_why(installation, tick, put):
    task_id = installation.create("add", schedule=AT_NOON)
    put(Calendar(mode="include"))
    tick()
    task = installation.store.tasks.get(task_id)
    assert task.status == "paused"
    assert "no occurrence lies ahead" in task.notes[0]


def test_what_is_due_when_the_calendar_changes_does_not_run(installation, put):
    """The change is there before the scheduler has planned anew: what it left out is left out."""
    task_id = installation.create("add", schedule=AT_NOON)
    noon = installation.store.tasks.get(task_id).next_run_at
    put(hours("15:00", "16:00"))
    # as if the scheduler had slept until noon
    advance(installation.dispatch, installation.store.agenda.due(noon))
    assert installation.runs_of(task_id) == []
    assert hour_of(installation, task_id) == 15


def test_a_task_whose_calendar_cannot_be_read_now_is_not_paused(installation, put, caplog):
    task_id = installation.create("add", schedule=AT_NOON)
    noon = installation.store.tasks.get(task_id).next_run_at
    due = installation.store.agenda.due(noon)
    with installation.server.frozen(), pytest.raises(StoreUnavailable):
        advance(installation.dispatch, due)
    assert "is paused" not in caplog.text
    assert installation.store.tasks.get(task_id).status == "scheduled"


def test_a_calendar_that_is_not_there_is_refused_by_its_name(installation):
    with pytest.raises(InvalidInput) as refusal:
        installation.create("add", schedule=AT_NOON)
    assert refusal.value.fields == {"schedule.calendars": ["There is no calendar 'work'."]}


def test_newer_zone_data_has_every_task_planned_anew_at_the_start(
    installation, scheduler, tick, monkeypatch, caplog
):
    """Row of section 2: the rules of a zone have changed since a task was planned."""
    tick()
    task_id = installation.create("add", schedule=Cron(cron="0 12 * * *", timezone="Asia/Tokyo"))
    interval = installation.create("add", schedule=Interval(every=HOUR))
    before = installation.store.tasks.get(task_id).next_run_at
    untouched = installation.store.tasks.get(interval)
    # as a program with other rules for Tokyo would have planned it
    key = installation.store.keys.task(task_id)
    installation.store.client.hset(key, "next", before + HOUR)
    installation.store.client.zadd(
        installation.store.keys.agenda(), {f"t:{task_id}": before + HOUR}
    )
    scheduler.setup_schedule()
    tick()
    assert installation.store.tasks.get(task_id).next_run_at == before + HOUR
    monkeypatch.setattr(beat, "RULES", "zones 2099z")
    scheduler.setup_schedule()
    tick()
    assert installation.store.tasks.get(task_id).next_run_at == before
    assert installation.store.tasks.get(interval) == untouched
    # row 43: what moves is said
    assert f"Task {task_id}: its next moment is another one" in caplog.text
    assert interval not in caplog.text
