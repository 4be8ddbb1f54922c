"""I6: no task is forgotten: an active task with a next moment is on the agenda, exactly once, at
that moment, whatever was done to it in whatever order."""

from __future__ import annotations

from contextlib import suppress

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
    run_state_machine_as_test,
)

from dispatch_app.domain.errors import Conflict, InvalidInput, NotFound
from dispatch_app.domain.schedule import Cron, Interval, Once
from dispatch_app.domain.task import ENDED, Misfire, Task
from dispatch_app.operations import tasks
from dispatch_app.scheduler.dispatching import advance
from dispatch_app.store.tasks import TaskFilter

HOUR = 3_600_000


#: Kinds of schedules, some of which end soon; None runs at once. Moments are relative.
SCHEDULES = st.one_of(
    st.none(),
    st.builds(Once, start_time=st.integers(-HOUR, 3 * HOUR)),
    st.builds(
        Interval,
        every=st.sampled_from([60_000, HOUR]),
        max_runs=st.sampled_from([None, 1, 2]),
        end_time=st.sampled_from([None, 2 * HOUR]),
    ),
    st.builds(
        Cron,
        cron=st.sampled_from(["*/10 * * * *", "0 0 1 1 *", "0 12 * * mon"]),
        timezone=st.sampled_from(["UTC", "Europe/Paris"]),
        max_runs=st.sampled_from([None, 1]),
    ),
)


def from_now(schedule, now: int):
    """The schedule with its moments counted from `now`."""
    moments = {
        field: getattr(schedule, field) + now
        for field in ("start_time", "end_time")
        if getattr(schedule, field, None) is not None
    }
    return msgspec.structs.replace(schedule, **moments) if moments else schedule


class Agenda(RuleBasedStateMachine):
    """Operations and ticks in any order, on one server; moments of ticks are given."""

    created = Bundle("created")
    read = Bundle("read")

    def __init__(self, installation):
        super().__init__()
        self.installation, self.dispatch = installation, installation.dispatch
        with installation.server.client() as client:
            client.flushdb()
        self.start = self.now = installation.store.now()

    @rule(target=created, schedule=SCHEDULES, enabled=st.booleans(), policy=st.booleans())
    def create(self, schedule, enabled, policy):
        task = Task(
            type="add",
            schedule=from_now(schedule, self.start),
            misfire=Misfire(policy="run_all" if policy else "run_last"),
        )
        return tasks.create(self.dispatch, task, enabled=enabled).id

    @rule(task_id=created, schedule=SCHEDULES)
    def change(self, task_id, schedule):
        schedule = from_now(schedule, self.start)
        self._try(
            tasks.change,
            task_id,
            lambda task: msgspec.structs.replace(task, schedule=schedule),
        )

    @rule(task_id=created, enabled=st.sampled_from([None, True, False]))
    def rename(self, task_id, enabled):
        change = lambda task: msgspec.structs.replace(task, name=task.name + "x")  # noqa: E731
        self._try(tasks.change, task_id, change, enabled=enabled)

    @rule(task_id=created, schedule=SCHEDULES, enabled=st.booleans())
    def replace(self, task_id, schedule, enabled):
        task = Task(type="add", schedule=from_now(schedule, self.start))
        self._try(tasks.replace, task_id, task, enabled=enabled)

    @rule(task_id=created)
    def pause(self, task_id):
        self._try(tasks.pause, task_id)

    @rule(task_id=created)
    def resume(self, task_id):
        self._try(tasks.resume, task_id)

    @rule(task_id=created)
    def trigger(self, task_id):
        self._try(tasks.trigger, task_id)

    @rule(task_id=created)
    def cancel(self, task_id):
        self._try(tasks.cancel, task_id)

    @rule(task_id=consumes(created))
    def purge(self, task_id):
        self._try(tasks.purge, task_id)

    @rule(target=read, later=st.integers(0, HOUR))
    def look(self, later):
        """A scheduler reads what is due, and may be slow to act on it."""
        self.now = max(self.now, self.start) + later
        return self.installation.store.agenda.due(self.now)

    @rule(due=read)
    def commit(self, due):
        """It acts, perhaps for the second time, perhaps after others have."""
        advance(self.dispatch, due)

    @invariant()
    def active_tasks_are_on_the_agenda(self):
        store = self.installation.store
        with self.installation.server.client() as client:
            agenda = dict(client.zrange(store.keys.agenda(), 0, -1, withscores=True))
        stored = {task.id: task for task in store.tasks.list(TaskFilter(), 500).items}
        assert {f"t:{i}" for i, t in stored.items() if t.status == "scheduled"} == set(agenda)
        for task_id, task in stored.items():
            if task.status == "scheduled":
                assert agenda[f"t:{task_id}"] == task.next_run_at
            else:
                assert task.status in {"paused", "queued", *ENDED}

    def _try(self, operation, task_id, *arguments, **options):
        # it was refused: nothing is wrong with that, and nothing has changed
        with suppress(Conflict, NotFound, InvalidInput):
            operation(self.dispatch, task_id, *arguments, **options)


def test_an_active_task_is_on_the_agenda_exactly_once(installation):
    run_state_machine_as_test(
        lambda: Agenda(installation),
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


def test_a_paused_task_goes_on_with_what_its_policy_says(installation):
    every = Misfire(policy="run_all")
    task_id = installation.create("add", schedule=Interval(every=60_000), misfire=every)
    due = installation.store.tasks.get(task_id).next_run_at
    tasks.pause(installation.dispatch, task_id, "for the night")
    paused = installation.store.tasks.get(task_id)
    assert (paused.status, paused.notes) == ("paused", ("Paused: for the night",))
    assert advance(installation.dispatch, installation.store.agenda.due(due + 150_000)) == 0
    tasks.resume(installation.dispatch, task_id)
    advance(installation.dispatch, installation.store.agenda.due(due + 150_000))
    moments = [run.scheduled_for for run in installation.runs_of(task_id)]
    assert moments == [due, due + 60_000, due + 120_000]
