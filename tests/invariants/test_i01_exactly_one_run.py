"""I1: every occurrence that its policy wants run gets exactly one run, whatever scheduler dies,
stalls or doubles, whenever. And with it I2: each of these runs has its message."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from dispatch_app.domain.schedule import Interval, Once
from dispatch_app.operations import backfills
from dispatch_app.scheduler.dispatching import advance
from dispatch_app.scheduler.recovery import reap
from dispatch_app.store.runs import Outcome
from tests.invariants.broker import messages_of, queued_runs
from tests.invariants.schedules import check, every
from tests.scheduler.faults import tick_that_dies


def test_beats_are_killed_at_random_over_thousands_of_occurrences(installation):
    dice = random.Random()
    beats = [installation.beat(wait=False) for _ in range(3)]
    wanted = every(installation, interval=100, times=75, count=40)
    killed = 0
    end = time.monotonic() + 9
    while time.monotonic() < end:
        time.sleep(dice.uniform(0.02, 0.4))
        working = installation.beats()
        victim = dice.choice(beats)
        if victim.pid not in working:
            continue  # it is only starting
        if dice.random() < 0.3:
            # stopped with what it has read, and goes on with that later
            os.kill(victim.pid, signal.SIGSTOP)
            time.sleep(dice.uniform(0.05, 0.3))
            os.kill(victim.pid, signal.SIGCONT)
        else:
            victim.kill("SIGKILL")
            killed += 1
            beats[beats.index(victim)] = installation.beat(wait=False)
    check(installation, wanted)
    assert killed >= 3, "too few were killed for this to say anything"


@pytest.mark.parametrize("fault", ["BeforeCommit", "AfterCommit", "BetweenBatches"])
def test_a_beat_dies_at_the_worst_line(installation, fault):
    moment = installation.store.now() + 3_000
    once = [
        installation.create("add", payload={"x": n}, schedule=Once(start_time=moment))
        for n in range(600)
    ]
    wanted = every(installation, interval=200, times=10, count=5)
    dying = installation.beat("-S", f"tests.scheduler.faults:{fault}", wait=False)
    assert dying.wait() == -signal.SIGKILL
    installation.beat()
    check(installation, wanted | {task_id: [moment] for task_id in once})


@pytest.mark.parametrize("fault", ["BeforeCommit", "AfterCommit"])
def test_a_beat_dies_while_it_sends_a_retry(installation, fault):
    run = installation.latest(installation.create("add"))
    installation.store.runs.start(run.id, 1, token="t", worker="w", lease=60_000)
    outcome = Outcome(status="retrying", outcome="retried", failures=1)
    installation.store.runs.finish(run.id, "t", outcome)
    dying = installation.beat("-S", f"tests.scheduler.faults:{fault}", wait=False)
    assert dying.wait() == -signal.SIGKILL
    installation.beat()
    installation.until(lambda: installation.latest(run.task_id).attempt == 2)
    assert messages_of(installation) == {(run.id, 1): 1, (run.id, 2): 1}


def due_of_every_kind(installation) -> tuple[dict[str, list[int]], list[str]]:
    """A one-off, a recurring task, a retry and a lapsed lease, all due by now, on an empty server.

    Returns:
        The tasks -> the moments for which they have to run; the runs whose second attempt is due.
    """
    store = installation.store
    with installation.server.client() as client:
        client.flushall()
        later = Once(start_time=store.now() + 60_000)
        hourly = Interval(every=3_600_000)
        tasks = [installation.create("add", schedule=kind) for kind in (later, hourly)]
        runs = [installation.latest(installation.create("add")).id for _ in range(2)]
        for run_id in runs:
            store.runs.start(run_id, 1, token="t", worker="w", lease=60_000)
        store.runs.finish(runs[0], "t", Outcome(status="retrying", outcome="retried", failures=1))
        client.zadd(store.keys.leases(), {runs[1]: 1})
        client.delete("default\x06\x166")  # a worker has had their first messages
        moment = store.now()
        client.zadd(store.keys.agenda(), {f"t:{task_id}": moment for task_id in tasks})
    return {task_id: [moment] for task_id in tasks}, runs


def test_a_beat_is_killed_at_any_line_of_its_tick(installation, tmp_path):
    line = 0
    ended = -signal.SIGKILL
    while ended == -signal.SIGKILL:
        line += 1
        wanted, retried = due_of_every_kind(installation)
        ended = tick_that_dies(installation.server, tmp_path, line)
        # the next one goes on
        advance(installation.dispatch, installation.store.agenda.due())
        reap(installation.dispatch)
        for task_id, moments in wanted.items():
            assert [run.scheduled_for for run in installation.runs_of(task_id)] == moments, line
        runs = queued_runs(installation)
        assert messages_of(installation) == runs, line
        assert len(runs) == 4
        assert {(run_id, 2) for run_id in retried} < set(runs)
    assert ended == 0
    assert line > 30, "the tick has more lines than this"


def test_a_beat_is_killed_at_any_line_while_it_carries_on_a_backfill(installation, tmp_path):
    line = 0
    ended = -signal.SIGKILL
    hourly = Interval(every=3_600_000, start_time=0)
    while ended == -signal.SIGKILL:
        line += 1
        with installation.server.client() as client:
            client.flushall()
        task_id = installation.create("add", schedule=hourly)
        backfills.start(installation.dispatch, task_id, 0, 4 * 3_600_000)
        ended = tick_that_dies(installation.server, tmp_path, line)
        # the next one goes on
        while advance(installation.dispatch, installation.store.agenda.due()):
            pass
        moments = [run.scheduled_for for run in installation.runs_of(task_id)]
        assert moments == [n * 3_600_000 for n in range(5)], line
        assert messages_of(installation) == queued_runs(installation), line
    assert ended == 0
    assert line > 20, "the tick has more lines than this"


def test_two_beats_that_read_the_same_moment(installation):
    for _ in range(2):
        installation.beat(wait=False)
    installation.until(lambda: len(installation.beats()) == 2)
    wanted = every(installation, interval=250, times=8, count=100)
    check(installation, wanted)
