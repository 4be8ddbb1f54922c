"""I1 where several schedulers run: there is no leader, so none can be lost, and none can be two.

Rows 6, 9, 10, 70 and 72 of other schedulers' pains. The long ones: python -m pytest -m soak
tests/invariants/test_i01_several_beats.py
"""

from __future__ import annotations

import os
import random
import signal
import time
from functools import partial
from itertools import cycle

import pytest

from tests.invariants.schedules import check, each_second, every
from tests.store.books import disagreements


def for_long(seconds: int):
    """As long as the row asks, but not in each run of all tests."""
    return pytest.param(seconds, marks=pytest.mark.soak)


def started(installation, count: int):
    """So many schedulers that are up."""
    beats = [installation.beat(wait=False) for _ in range(count)]
    pids = {beat.pid for beat in beats}
    installation.until(lambda: pids <= installation.beats(), "the beats to live", timeout=30)
    return beats


def sleep_until(installation, moment: int) -> None:
    """By the server's clock."""
    installation.until(lambda: installation.store.now() >= moment, timeout=120)


def lateness(installation, wanted) -> list[int]:
    """Of each run, ms after its moment; the latest come last."""
    runs = (run for task_id in wanted for run in installation.runs_of(task_id))
    return sorted(run.queued_at - run.scheduled_for for run in runs)


@pytest.fixture
def beats(installation):
    """Starts so many schedulers of the installation, whose timeouts are all below 2 s."""
    return partial(started, installation)


def test_five_beats_one_frozen_for_longer_than_any_timeout_one_killed_one_restarted(
    installation, beats
):
    """Row 6: exactly one run for each task and moment, over a thousand."""
    five = beats(5)
    wanted = every(installation, interval=1_000, times=10, count=60)
    wanted |= each_second(installation, times=10, count=40)
    start = max(moments[0] for moments in wanted.values())
    sleep_until(installation, start + 900)
    # it may stand still in the midst of a tick that begins
    sleep_until(installation, start + 1_000 + random.randrange(8))
    os.kill(five[0].pid, signal.SIGSTOP)
    five[1].kill("SIGKILL")
    five[2].restart()
    sleep_until(installation, start + 6_000)
    assert five[0].pid not in installation.beats(), "it was to be missed by then"
    os.kill(five[0].pid, signal.SIGCONT)
    installation.until(lambda: five[0].pid in installation.beats(), "it to go on")
    check(installation, wanted)
    assert sum(map(len, wanted.values())) == 1_000
    late = lateness(installation, wanted)
    assert late[len(late) * 9 // 10] < 2_000
    assert disagreements(installation.store) == []


@pytest.mark.parametrize("seconds", [8, for_long(60)])
def test_another_beat_takes_over_every_three_seconds(installation, beats, seconds):
    """Rows 10 and 72: the one that was there is killed or told to end, and nothing of it has to
    run out."""
    alive = beats(1)[0]
    wanted = every(installation, interval=500, times=2 * seconds, count=20)
    end, ways = time.monotonic() + seconds, cycle(("SIGKILL", "SIGTERM"))
    while time.monotonic() < end:
        changed = time.monotonic()
        following = beats(1)[0]
        alive.kill(next(ways))
        alive = following
        time.sleep(max(0.0, changed + 3 - time.monotonic()))
    check(installation, wanted)
    late = lateness(installation, wanted)
    assert late[len(late) * 9 // 10] < 2_000
    assert disagreements(installation.store) == []


@pytest.mark.parametrize("seconds", [5, for_long(30)])
def test_redis_stands_still_under_three_beats(new_redis, new_installation, seconds):
    """Row 9: nobody ends, nobody waits for a lock, nobody goes on alone."""
    server = new_redis()
    installation = new_installation(server)
    three = started(installation, 3)
    wanted = every(installation, interval=250, times=4 * seconds + 12, count=10)
    sleep_until(installation, wanted[next(iter(wanted))][0] + 500)
    with server.frozen():
        time.sleep(seconds)
    check(installation, wanted)
    assert {beat.status for beat in three} == {"running"}
    installation.until(lambda: {beat.pid for beat in three} <= installation.beats())
    assert disagreements(installation.store) == []


def test_a_beat_stands_still_with_what_it_has_read(installation, beats):
    """Whatever it does when it goes on, others have done: between any two lines of its tick."""
    first, _ = beats(2)
    wanted = every(installation, interval=100, times=50, count=10)
    end = time.monotonic() + 4
    while time.monotonic() < end:
        os.kill(first.pid, signal.SIGSTOP)
        time.sleep(random.uniform(0.05, 0.35))
        os.kill(first.pid, signal.SIGCONT)
        time.sleep(random.uniform(0.0, 0.12))
    check(installation, wanted)
