"""I6: no task is forgotten: an active task with a next moment is on the agenda or held by a pause,
exactly once, at that moment, whatever was done to it in whatever order, and whoever is killed."""

from __future__ import annotations

import random
import signal
import time
from contextlib import suppress

import msgspec
import pytest
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
from dispatch_app.store import pauses
from dispatch_app.store.tasks import TaskFilter
from tests.invariants.broker import messages_of, queued_runs
from tests.invariants.test_i01_exactly_one_run import check, every
from tests.scheduler.faults import tick_that_dies

HOUR = 3_600_000
SCOPES = ["all", "queue:default", "type:add"]

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


def none_is_forgotten(installation) -> None:
    """Each scheduled task stands where it is found again, once, with its next moment."""
    store = installation.store
    with installation.server.client() as client:
        found = client.zrange(store.keys.agenda(), 0, -1, withscores=True)
        for scope in SCOPES:
            held = client.zrange(store.keys.held(scope), 0, -1, withscores=True)
            # somebody has to end that pause, or a scheduler has to release this
            waits = client.zscore(store.keys.agenda(), f"h:{scope}") is not None
            assert not held or waits is not client.hexists(store.keys.paused(), scope)
            found += held
    stored = {task.id: task for task in store.tasks.list(TaskFilter(), 500).items}
    scheduled = {f"t:{i}": t.next_run_at for i, t in stored.items() if t.status == "scheduled"}
    assert sorted(one for one in found if one[0].startswith("t:")) == sorted(scheduled.items())
    assert {t.status for t in stored.values()} <= {"scheduled", "paused", "queued", *ENDED}


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

    @rule(scope=st.sampled_from(SCOPES))
    def pause_a_scope(self, scope):
        self.dispatch.store.pauses.pause(scope, "ci")

    @rule(scope=st.sampled_from(SCOPES))
    def resume_a_scope(self, scope):
        self.dispatch.store.pauses.resume(scope)

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
    def active_tasks_are_on_the_agenda_or_held(self):
        none_is_forgotten(self.installation)

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


def due_while_all_is_paused(installation) -> tuple[dict[str, list[int]], str]:
    """A one-off and a recurring task, both due by now, and a run that is held, on an empty server.

    Returns:
        The tasks -> the moments for which they have to run; the run.
    """
    store = installation.store
    with installation.server.client() as client:
        client.flushall()
        later = Once(start_time=store.now() + 60_000)
        ids = [installation.create("add", schedule=s) for s in (later, Interval(every=HOUR))]
        run_id = installation.latest(installation.create("add")).id
        store.pauses.pause("all", "ci")
        assert store.runs.start(run_id, 1, token="t", worker="w", lease=60_000) == "PAUSED"
        client.delete("default\x06\x166")  # a worker has had its message
        moment = store.now()
        client.zadd(store.keys.agenda(), {f"t:{task_id}": moment for task_id in ids})
        for task_id in ids:
            client.hset(store.keys.task(task_id), "next", moment)
    return {task_id: [moment] for task_id in ids}, run_id


def go_on(installation) -> None:
    """As a scheduler that lives does, until it has nothing to do."""
    while advance(installation.dispatch, installation.store.agenda.due()):
        pass


def hold(installation, tick) -> None:
    tick()
    none_is_forgotten(installation)
    go_on(installation)
    assert [one.held for one in installation.store.pauses.list()] == [3]
    installation.store.pauses.resume("all")


def release(installation, tick) -> None:
    go_on(installation)
    installation.store.pauses.resume("all")
    for _ in range(3):
        tick()
        none_is_forgotten(installation)


@pytest.mark.parametrize("phase", [hold, release])
def test_a_beat_is_killed_at_any_line_while_it_holds_or_releases(
    installation, tmp_path, monkeypatch, phase
):
    # so small that all is released in several pieces, by the one that is killed too
    monkeypatch.setattr(pauses, "PIECE", 1)
    line, ended = 0, -signal.SIGKILL
    while ended == -signal.SIGKILL:
        line += 1
        wanted, run_id = due_while_all_is_paused(installation)

        def tick(line=line):
            nonlocal ended
            ended = tick_that_dies(installation.server, tmp_path, line)

        phase(installation, tick)
        go_on(installation)
        none_is_forgotten(installation)
        for task_id, moments in wanted.items():
            assert [run.scheduled_for for run in installation.runs_of(task_id)] == moments, line
        runs = queued_runs(installation)
        assert messages_of(installation) == runs, line
        assert len(runs) == 3
        assert (run_id, 1) in runs
    assert ended == 0
    assert line > 30, "the tick has more lines than this"


def test_beats_are_killed_while_everything_is_paused_and_resumed(installation):
    dice = random.Random()
    beats = [installation.beat(wait=False) for _ in range(2)]
    installation.until(lambda: len(installation.beats()) == 2)
    wanted = every(installation, interval=100, times=30, count=20)
    end, held = time.monotonic() + 4, 0
    while time.monotonic() < end:
        scope = dice.choice(SCOPES)
        installation.store.pauses.pause(scope, "ci")
        time.sleep(dice.uniform(0, 0.3))
        victim = dice.choice(beats)
        if victim.pid in installation.beats():
            victim.kill("SIGKILL")
            beats[beats.index(victim)] = installation.beat(wait=False)
        held += sum(one.held for one in installation.store.pauses.list())
        if dice.random() < 0.8:
            installation.store.pauses.resume(scope)
    for scope in SCOPES:
        installation.store.pauses.resume(scope)
    check(installation, wanted)
    assert held > 20, "too few were held for this to say anything"
