"""Beats that sleep for half a minute between looks, and what wakes them."""

from __future__ import annotations

import time

import msgspec
import pytest

from dispatch_app.domain.schedule import Cron, Interval, Once
from dispatch_app.operations import runs, tasks
from dispatch_app.scheduler.wakeup import WakeUp
from dispatch_app.store.runs import Outcome

SLEEPY = {"WORKER_POLL_INTERVAL": "30s", "SCHEDULER_HEARTBEAT_INTERVAL": "30s"}


@pytest.fixture
def sleepy(redis_server, redis_url, new_installation):
    """An installation with one beat, asleep."""
    installation = new_installation(redis_server, **SLEEPY)
    installation.beat()
    return installation


def dispatched(installation, task_id, timeout=3.0):
    """The first run of a task, and ms from its moment to its message."""
    run = installation.until(lambda: installation.latest(task_id), "a run", timeout)
    return run, run.queued_at - run.scheduled_for


def test_a_task_that_is_due_earlier_than_all_others_comes_in_time(sleepy):
    sleepy.create("add", schedule=Once(start_time=sleepy.store.now() + 60_000))
    task_id = sleepy.create("add", schedule=Once(start_time=sleepy.store.now() + 300))
    _, late = dispatched(sleepy, task_id)
    assert 0 <= late < 1_000


def test_an_edit_takes_effect_at_once(sleepy):
    tomorrow = sleepy.store.now() + 86_400_000
    task_id = sleepy.create("add", schedule=Once(start_time=tomorrow))
    soon = sleepy.store.now() + 1_000
    tasks.change(
        sleepy.dispatch,
        task_id,
        lambda task: msgspec.structs.replace(task, schedule=Once(start_time=soon)),
    )
    run, late = dispatched(sleepy, task_id)
    assert run.scheduled_for == soon
    assert 0 <= late < 1_000


def test_a_resumed_task_comes_at_once(sleepy):
    task_id = sleepy.create("add", schedule=Interval(every=200))
    tasks.pause(sleepy.dispatch, task_id)
    before = len(sleepy.runs_of(task_id))
    tasks.resume(sleepy.dispatch, task_id)
    sleepy.until(lambda: len(sleepy.runs_of(task_id)) > before + 2, "more runs", 3)


def test_a_retry_wakes_it(sleepy):
    run = sleepy.latest(sleepy.create("add"))
    sleepy.store.runs.start(run.id, 1, token="t", worker="w", lease=60_000)
    outcome = Outcome(status="retrying", outcome="retried", failures=1, delay=300)
    sleepy.store.runs.finish(run.id, "t", outcome)
    retried = sleepy.reached(run.task_id, "queued", timeout=3)
    assert retried.attempt == 2
    assert 0 <= retried.queued_at - sleepy.latest(run.task_id).attempts[0].finished_at - 300 < 1_000


def test_what_is_created_while_beat_starts_is_not_missed(redis_server, redis_url, new_installation):
    installation = new_installation(redis_server, **SLEEPY)
    installation.beat(wait=False)
    created = []
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        # each one is due earlier than all that beat knows
        schedule = Once(start_time=installation.store.now() + 400)
        created.append(installation.create("add", schedule=schedule))
        time.sleep(0.05)
    for task_id in created:
        dispatched(installation, task_id)


def test_an_idle_beat_sleeps(sleepy):
    sleepy.create("add", schedule=Cron(cron="0 0 1 1 *"))

    def looks() -> int:
        return client.info("commandstats")["cmdstat_evalsha"]["calls"]

    with sleepy.server.client() as client:
        before = looks()
        time.sleep(1.5)
        # at most the one that follows from what was created just before
        assert looks() - before <= 1


def test_a_server_that_is_frozen_for_longer_than_any_timeout(new_redis, new_installation):
    server = new_redis()
    installation = new_installation(server, **SLEEPY)
    beat = installation.beat()
    task_id = installation.create("add", schedule=Once(start_time=installation.store.now() + 1_500))
    with server.frozen():
        time.sleep(3)
    run, _ = dispatched(installation, task_id, timeout=5)
    assert run.status == "queued"
    later = installation.create("add", schedule=Once(start_time=installation.store.now() + 300))
    assert 0 <= dispatched(installation, later)[1] < 1_000
    assert beat.status == "running"


def test_a_restart_of_the_server_costs_a_sleeping_beat_a_second(new_redis, new_installation):
    server = new_redis("--appendonly", "yes", "--appendfsync", "always")
    installation = new_installation(server, **SLEEPY)
    beat = installation.beat()
    server.kill()
    server.start()
    task_id = installation.create("add", schedule=Once(start_time=installation.store.now() + 1_500))
    assert 0 <= dispatched(installation, task_id, timeout=5)[1] < 1_000
    assert beat.status == "running"


def test_a_sleep_longer_than_the_timeout_of_commands_is_one_wait(installation):
    wakeup = WakeUp(installation.store)
    wakeup.listen()
    with installation.server.client() as client:
        client.config_resetstat()
        began = time.monotonic()
        wakeup.sleep(2.5)  # a command is given 2 s
        assert time.monotonic() - began >= 2.5
        assert set(client.info("commandstats")) <= {"cmdstat_config|resetstat", "cmdstat_config"}
    installation.create("add", schedule=Once(start_time=installation.store.now() + 60_000))
    began = time.monotonic()
    wakeup.sleep(20)
    assert time.monotonic() - began < 1
    wakeup.close()


def test_a_call_before_the_sleep_ends_it_at_once(installation):
    wakeup = WakeUp(installation.store)
    wakeup.listen()
    installation.create("add", schedule=Once(start_time=installation.store.now() + 60_000))
    began = time.monotonic()
    wakeup.sleep(20)
    assert time.monotonic() - began < 1
    wakeup.close()


def test_a_burst_of_calls_ends_one_sleep(installation):
    wakeup = WakeUp(installation.store)
    wakeup.listen()
    for earlier in range(20):
        moment = installation.store.now() + 90_000 - 1_000 * earlier
        installation.create("add", schedule=Once(start_time=moment))
    wakeup.sleep(20)
    began = time.monotonic()
    wakeup.sleep(0.3)
    assert time.monotonic() - began >= 0.3
    wakeup.close()


def test_later_tasks_do_not_wake(installation):
    installation.create("add", schedule=Once(start_time=installation.store.now() + 60_000))
    wakeup = WakeUp(installation.store)
    wakeup.listen()
    installation.create("add", schedule=Once(start_time=installation.store.now() + 90_000))
    run = installation.latest(installation.create("add"))
    runs.cancel(installation.dispatch, run.id)
    began = time.monotonic()
    wakeup.sleep(0.3)
    assert time.monotonic() - began >= 0.3
    wakeup.close()
