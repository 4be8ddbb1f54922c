"""Row 22: what becomes of occurrences that could not be dispatched in their time."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest

from dispatch_app.domain.planning import MOST_AT_ONCE
from tests.end_to_end.policies import Policies

MINUTE = 60


def missed(policies: Policies, since: float, every: int, misfire: dict, **body) -> tuple[str, int]:
    """A task that was paused for so many seconds and goes on now, and its first occurrence, ms."""
    schedule = {"type": "interval", "every": every, "start_time": policies.ago(since)}
    task_id = policies.create(
        "add",
        payload={"x": 1},
        schedule=schedule,
        misfire=misfire,
        enabled=False,
        **body,
    )
    policies.set_back(task_id)
    policies.call("POST", f"/tasks/{task_id}/resume")
    return task_id, policies.installation.store.tasks.get(task_id).definition.schedule.start_time


def settled(policies: Policies, task_id: str, after: int) -> dict:
    """The task, once its next occurrence lies after this moment, ms, and its runs have ended."""
    installation = policies.installation
    installation.until(
        lambda: (installation.store.tasks.get(task_id).next_run_at or 0) > after, "it to go on"
    )
    installation.until(lambda: all(run.is_finished for run in policies.runs(task_id)), "its runs")
    return policies.task(task_id)


def test_an_hour_of_a_task_of_every_second_is_one_run_under_run_last(policies):
    task_id, start = missed(policies, 3600, 1, {})
    run = policies.until_runs(task_id, 1, "succeeded")[0]
    resumed = policies.installation.store.now()
    assert resumed - 5_000 < run.scheduled_for <= resumed
    skip = policies.skips(task_id)[0]
    assert (skip.reason, skip.scheduled_for) == ("misfire: run_last", start)
    assert skip.last_scheduled_for == run.scheduled_for - 1_000
    assert skip.count == (run.scheduled_for - start) // 1_000 >= 3_599
    assert policies.task(task_id)["counts"]["skipped"] >= skip.count
    # and it goes on as ever
    assert policies.until_runs(task_id, 2)[1].scheduled_for > run.scheduled_for
    assert policies.accounted(task_id, 1_000)[0] == start


def test_the_record_of_what_was_skipped_is_shown_with_all_that_it_stands_for(policies):
    task_id, _ = missed(policies, 125 * MINUTE, 10 * MINUTE, {})
    policies.until_runs(task_id, 1, "succeeded")
    found = {run["status"]: run for run in policies.shown(task_id)}
    skip, run = found["skipped"], found["succeeded"]
    assert (skip["status"], skip["reason"], skip["origin"], skip["count"]) == (
        "skipped",
        "misfire: run_last",
        "schedule",
        12,
    )
    assert skip["scheduled_for"] < skip["last_scheduled_for"] < run["scheduled_for"]
    assert (run["status"], run["count"], run["last_scheduled_for"]) == ("succeeded", 1, None)
    listed = policies.call("GET", f"/tasks/{task_id}/runs?status=skipped")["items"]
    assert listed == [skip]
    assert policies.task(task_id)["last_run"]["id"] == run["id"]


def test_run_all_runs_what_was_missed_in_order(policies):
    task_id, start = missed(policies, 125 * MINUTE, 10 * MINUTE, {"policy": "run_all"})
    task = settled(policies, task_id, start + 125 * MINUTE * 1_000)
    moments = [run.scheduled_for for run in policies.runs(task_id, "succeeded")]
    assert moments == [start + n * 600_000 for n in range(13)]
    assert (task["counts"]["skipped"], policies.skips(task_id)) == (0, [])


@pytest.mark.parametrize(("late", "runs"), [(5 * MINUTE, 0), (10, 1)])
def test_skip_runs_none_that_is_more_than_a_minute_late(policies, late, runs):
    task_id, start = missed(policies, 120 * MINUTE + late, 10 * MINUTE, {"policy": "skip"})
    task = settled(policies, task_id, start + 120 * MINUTE * 1_000)
    last = start + 12 * 600_000
    assert [run.scheduled_for for run in policies.runs(task_id)] == [last] * runs
    (skip,) = policies.skips(task_id)
    assert (skip.reason, skip.count, skip.scheduled_for) == ("misfire: skip", 13 - runs, start)
    assert task["counts"]["skipped"] == 13 - runs
    assert len(policies.accounted(task_id, 600_000)) == 13
    assert policies.installation.store.tasks.get(task_id).next_run_at == last + 600_000


@pytest.mark.parametrize(
    ("policy", "kept", "reason"),
    [
        ("run_all", [11, 12], "misfire: later than catch_up of 1000 s"),
        ("run_last", [12], "misfire: later than catch_up of 1000 s; misfire: run_last"),
        ("skip", [], "misfire: later than catch_up of 1000 s; misfire: skip"),
    ],
)
def test_what_is_later_than_catch_up_is_skipped_under_any_policy(policies, policy, kept, reason):
    misfire = {"policy": policy, "catch_up": 1_000}
    task_id, start = missed(policies, 125 * MINUTE, 10 * MINUTE, misfire)
    task = settled(policies, task_id, start + 125 * MINUTE * 1_000)
    moments = [run.scheduled_for for run in policies.runs(task_id, "succeeded")]
    assert moments == [start + n * 600_000 for n in kept]
    (skip,) = policies.skips(task_id)
    assert (skip.reason, skip.count) == (reason, 13 - len(kept))
    assert task["counts"]["skipped"] == 13 - len(kept)


@pytest.mark.parametrize(
    ("misfire", "status", "reason"),
    [
        ({}, "succeeded", None),
        ({"catch_up": 3 * 3600}, "succeeded", None),
        ({"catch_up": 90}, "skipped", "misfire: later than catch_up of 90 s"),
        ({"policy": "skip"}, "skipped", "misfire: skip"),
    ],
)
def test_what_was_to_run_once_two_hours_ago(policies, misfire, status, reason):
    once = {"type": "one-time", "start_time": policies.ago(7200)}
    task_id = policies.create(
        "add", payload={"x": 1}, schedule=once, misfire=misfire, enabled=False
    )
    policies.call("POST", f"/tasks/{task_id}/resume")
    policies.installation.until(lambda: policies.task(task_id)["status"] == status, status)
    (run,) = policies.shown(task_id)
    assert (run["status"], run["reason"]) == (status, reason)
    task = policies.task(task_id)
    assert (task["next_run_at"], task["counts"]["skipped"]) == (None, int(status == "skipped"))


@pytest.fixture
def own(installation):
    """An installation of the test's own, whose beat comes and goes."""
    policies = Policies(installation)
    yield policies
    policies.close()


def test_a_backlog_is_run_in_pieces_and_starves_no_other_task(own):
    """The schedulers were away for an hour, in which 361 occurrences of one task were missed."""
    hour = {"type": "interval", "every": 10, "start_time": own.ago(3605)}
    backlog = own.create("add", queue="nobodys", schedule=hour, misfire={"policy": "run_all"})
    hourly = {"type": "interval", "every": 7200, "start_time": own.ago(3600)}
    other = own.create("add", payload={"x": 1}, schedule=hourly)
    own.set_back(backlog, other)
    own.installation.worker(wait=False)
    own.installation.beat(wait=False)
    runs = own.until_runs(backlog, 361)
    start = runs[0].scheduled_for
    assert [run.scheduled_for for run in runs] == [start + n * 10_000 for n in range(len(runs))]
    assert [run.queued_at for run in runs] == sorted(run.queued_at for run in runs)
    pieces = Counter(run.queued_at for run in runs)
    assert max(pieces.values()) <= MOST_AT_ONCE
    # both were due at once: the other one has its run before the second piece
    (run,) = own.until_runs(other, 1, "succeeded")
    assert runs[0].queued_at <= run.queued_at < runs[MOST_AT_ONCE].queued_at


def test_no_occurrence_is_lost_or_doubled_by_an_outage_of_the_scheduler(own):
    """Killed in the midst of its work, with tasks of every kind, and started again."""
    installation, store = own.installation, own.installation.store
    installation.worker("-c", "2", wait=False)
    beat = installation.beat()
    every = {"type": "interval", "every": 0.25}
    last, everything = (
        own.create("add", payload={"x": 1}, schedule=every, misfire={"policy": policy})
        for policy in ("run_last", "run_all")
    )
    once = own.create("add", payload={"x": 1}, schedule={"type": "one-time", "delay": 1.5})
    moment = store.tasks.get(once).next_run_at
    own.until_runs(last, 1)
    own.until_runs(everything, 1)
    beat.kill()
    installation.until(lambda: store.now() > moment + 200)
    assert own.runs(once) == []
    installation.beat()
    for task_id in (last, everything):
        wait = partial(is_up_to_date, installation, task_id)
        installation.until(wait, "it to go on")
        own.call("POST", f"/tasks/{task_id}/pause")
        assert own.accounted(task_id, 250)[-1] > moment
    assert [run.scheduled_for for run in own.until_runs(once, 1, "succeeded")] == [moment]
    assert own.skips(everything) == []
    assert sum(skip.count for skip in own.skips(last)) >= 3


def is_up_to_date(installation, task_id: str) -> bool:
    """Whether nothing of the task is due."""
    return installation.store.tasks.get(task_id).next_run_at > installation.store.now()
