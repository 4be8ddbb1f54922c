"""Row 20: what becomes of occurrences that come while a run of their task is not finished."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.end_to_end.policies import Policies
from tests.worker.test_request import QUICK

EVERY = {"type": "interval", "every": 0.2}
#: A beat that is late on a busy machine skips nothing itself.
ALL = {"policy": "run_all"}
HOURLY = {"type": "interval", "every": 3600}
LEASE = 1_500  # three heartbeats of the tests' installation


def begins_and_ends(policies: Policies, about: str) -> list[object]:
    return [note for (note,) in policies.installation.notes(about)]


def is_one_at_a_time(notes: list[object]) -> bool:
    return notes[::2] == ["begins"] * len(notes[::2]) and notes[1::2] == ["ends"] * len(notes[1::2])


def at_work(policies: Policies, overlap: str, type: str = "waiting") -> tuple[str, str]:
    """A task of which one run takes a minute, and has begun; and that run."""
    task_id = policies.create(type, schedule=HOURLY, overlap=overlap)
    run_id = policies.trigger(task_id)["id"]
    begun(policies, run_id)
    return task_id, run_id


def begun(policies: Policies, run_id: str) -> None:
    policies.installation.until(lambda: policies.installation.notes(run_id), "its function")


def ended(policies: Policies, run_id: str):
    runs = policies.installation.store.runs
    return policies.installation.until(lambda: (r := runs.get(run_id)).is_finished and r, "its end")


def of(skip: dict) -> tuple[str, str]:
    return skip["status"], skip["reason"]


# skip


def test_skip_runs_one_at_a_time_and_counts_what_it_leaves_out(policies):
    about = "skip"
    task_id = policies.create(
        "waiting",
        payload={"seconds": 0.7, "about": about},
        schedule=EVERY,
        misfire=ALL,
        overlap="skip",
    )
    policies.until_runs(task_id, 2, "succeeded")
    policies.call("POST", f"/tasks/{task_id}/pause")
    policies.installation.until(lambda: not policies.runs(task_id, "queued", "running"))
    assert is_one_at_a_time(begins_and_ends(policies, about))
    # each moment has run or was skipped, and those in a row are one record
    assert policies.accounted(task_id, 200)
    skips = policies.skips(task_id)
    assert {skip.reason for skip in skips} == {"overlap: skip"}
    assert len(skips) <= len(policies.runs(task_id))
    skipped = sum(skip.count for skip in skips)
    assert policies.task(task_id)["counts"]["skipped"] == skipped > len(skips)


def test_what_is_skipped_pushes_no_run_out_of_the_history(installation):
    installation.environ["DISPATCH_KEEP_RUNS"] = "3"
    installation.worker(wait=False)
    installation.beat(wait=False)
    policies = Policies(installation)
    task_id = policies.create(
        "waiting", payload={"seconds": 0.3}, schedule={**EVERY, "every": 0.1}, overlap="skip"
    )
    runs = policies.installation.store.tasks
    installation.until(lambda: runs.get(task_id).counts.get("succeeded", 0) >= 6)
    policies.call("POST", f"/tasks/{task_id}/pause")
    installation.until(lambda: not policies.runs(task_id, "queued", "running"))
    assert len(policies.runs(task_id)) == 3
    assert len(policies.skips(task_id)) >= 5


# buffer_one, buffer_all


def test_buffer_one_has_one_wait_and_runs_it_at_once(policies):
    about = "buffer one"
    task_id = policies.create(
        "waiting",
        payload={"seconds": 0.7, "about": about},
        schedule=EVERY,
        misfire=ALL,
        overlap="buffer_one",
    )
    (waits,) = policies.until_runs(task_id, 1, "waiting")
    assert waits.reason == "overlap: buffer_one"
    policies.until_runs(task_id, 2, "succeeded")
    assert len(policies.runs(task_id, "waiting")) <= 1
    policies.call("POST", f"/tasks/{task_id}/pause")
    policies.installation.until(lambda: not policies.runs(task_id, "waiting", "queued", "running"))
    assert is_one_at_a_time(begins_and_ends(policies, about))
    # it did not wait for another occurrence: the end of the one before has sent it
    for before, after in pairwise(policies.runs(task_id)):
        assert after.queued_at == before.finished_at
    assert policies.accounted(task_id, 200)
    assert {skip.reason for skip in policies.skips(task_id)} == {"overlap: buffer_one, 1 waits"}


def test_buffer_all_runs_all_of_them_in_order_up_to_a_bound(installation):
    installation.environ["WORKER_QUEUE_SIZE"] = "3"
    installation.worker("-c", "2", wait=False)
    installation.beat(wait=False)
    policies = Policies(installation)
    about = "buffer all"
    task_id = policies.create(
        "waiting",
        payload={"seconds": 0.1, "about": about},
        schedule={"type": "interval", "every": 0.1},
        overlap="buffer_all",
        misfire=ALL,
        enabled=False,
    )
    policies.trigger(task_id, payload={"seconds": 2})
    policies.call("POST", f"/tasks/{task_id}/resume")
    installation.until(lambda: policies.skips(task_id), "more of them than may wait")
    waiting = policies.runs(task_id, "waiting")
    assert len(waiting) == 3
    policies.call("POST", f"/tasks/{task_id}/pause")
    runs = policies.until_runs(task_id, 4, "succeeded")
    assert [run.id for run in runs[1:]] == [run.id for run in waiting]
    assert [run.started_at for run in runs] == sorted(run.started_at for run in runs)
    assert is_one_at_a_time(begins_and_ends(policies, about))
    first = waiting[0].scheduled_for
    assert [run.scheduled_for for run in waiting] == [first, first + 100, first + 200]
    (skip,) = policies.skips(task_id)
    assert (skip.reason, skip.scheduled_for) == ("overlap: buffer_all, 3 wait", first + 300)


# cancel_other, terminate_other, allow_all


def test_cancel_other_lets_the_earlier_run_tidy_up(policies):
    task_id, first = at_work(policies, "cancel_other", "tidying")
    policies.make_due(task_id)
    old = ended(policies, first)
    assert (old.status, old.reason) == ("cancelled", "overlap: cancel_other")
    # it has ended by itself: of one that is fenced there is no result
    assert old.result == "tidied up"
    told = [note for note, *_ in policies.installation.notes(first)]
    assert told[-2:] == ["is told", "is tidy"]
    new = policies.runs(task_id)[1]
    assert (new.origin, new.queued_at) == ("schedule", old.finished_at)
    begun(policies, new.id)


def test_cancel_other_ends_one_that_does_not_listen_after_its_grace(policies, celery_setup):
    worker = celery_setup.worker.container
    task_id, first = at_work(policies, "cancel_other", "stubborn")
    children = set(worker.children)
    asked = policies.installation.store.now()
    second = policies.trigger(task_id)
    assert of(second) == ("waiting", "overlap: cancel_other")
    old = ended(policies, first)
    assert (old.status, old.reason) == ("cancelled", "overlap: cancel_other")
    assert LEASE <= old.finished_at - asked < LEASE + 5_000
    new = policies.until_runs(task_id, 1, "running")[0]
    assert (new.id, new.queued_at) == (second["id"], old.finished_at)
    policies.installation.until(lambda: children - set(worker.children), "its process to be ended")
    assert policies.installation.store.runs.get(first) == old


def test_cancel_other_leaves_only_the_latest_waiting(policies):
    task_id, _ = at_work(policies, "cancel_other")
    second, third = policies.trigger(task_id), policies.trigger(task_id)
    assert policies.installation.store.runs.get(second["id"]).status == "cancelled"
    assert third["status"] == "waiting"
    policies.installation.until(
        lambda: policies.installation.store.runs.get(third["id"]).status == "running"
    )


def test_terminate_other_ends_the_earlier_run_at_once(policies, celery_setup):
    worker = celery_setup.worker.container
    task_id, first = at_work(policies, "terminate_other")
    children = set(worker.children)
    new = policies.trigger(task_id)
    assert new["status"] in ("queued", "running")
    old = policies.installation.store.runs.get(first)
    assert (old.status, old.reason) == ("cancelled", "overlap: terminate_other")
    policies.installation.until(lambda: children - set(worker.children), "its process to be ended")
    assert policies.until_runs(task_id, 1, "running")[0].id == new["id"]
    assert begins_and_ends(policies, first) == ["begins"]


def test_allow_all_runs_them_beside_each_other(policies):
    task_id = policies.create("waiting", schedule=HOURLY)
    assert policies.task(task_id)["overlap"] == "allow_all"
    policies.trigger(task_id)
    policies.make_due(task_id)
    triggered, scheduled = policies.until_runs(task_id, 2, "running")
    assert (triggered.origin, scheduled.origin) == ("trigger", "schedule")


# Triggers, changes, retries


def test_a_trigger_honours_the_policy_unless_it_brings_its_own(policies):
    task_id, first = at_work(policies, "skip")
    assert of(policies.trigger(task_id)) == ("skipped", "overlap: skip")
    beside = policies.trigger(task_id, overlap="allow_all", payload={"seconds": 0})
    assert ended(policies, beside["id"]).status == "succeeded"
    waits = policies.trigger(task_id, overlap="buffer_one", payload={"seconds": 0})
    assert of(waits) == ("waiting", "overlap: buffer_one")
    policies.call("POST", f"/runs/{first}/cancel", status=202)
    assert ended(policies, waits["id"]).status == "succeeded"
    third = policies.trigger(task_id, payload={"seconds": 0})
    assert ended(policies, third["id"]).status == "succeeded"
    counts = policies.task(task_id)["counts"]
    assert (counts["skipped"], counts["cancelled"]) == (1, 1)


def test_a_change_of_the_policy_holds_for_a_run_that_is_open_by_then(policies):
    task_id, _ = at_work(policies, "allow_all")
    policies.call("PATCH", f"/tasks/{task_id}", {"overlap": "skip"})
    policies.make_due(task_id)
    (skip,) = policies.installation.until(lambda: policies.skips(task_id))
    assert (skip.reason, skip.origin) == ("overlap: skip", "schedule")
    assert len(policies.runs(task_id)) == 1


def test_a_run_that_is_to_be_tried_again_is_still_open(policies):
    later = {"backoff": "fixed", "delay": 60, "jitter": False}
    task_id = policies.create("failing", schedule=EVERY, overlap="skip", retry=later)
    (first,) = policies.until_runs(task_id, 1, "retrying")
    policies.installation.until(lambda: policies.task(task_id)["counts"]["skipped"] >= 3)
    assert [run.id for run in policies.runs(task_id)] == [first.id]
    policies.call("POST", f"/runs/{first.id}/cancel")
    policies.until_runs(task_id, 1, "retrying")


# Workers and processes that die


@pytest.mark.parametrize("policy", ["skip", "buffer_one"])
def test_a_worker_that_is_killed_leaves_no_lock(installation, policy):
    installation.beat(wait=False)
    workers = [installation.worker(app=QUICK) for _ in range(2)]
    policies = Policies(installation)
    task_id = policies.create(
        "slow_at_first", payload={"about": policy}, schedule=EVERY, overlap=policy
    )
    installation.until(lambda: installation.notes(policy), "its function to begin")
    (run,) = policies.runs(task_id, "running")
    with installation.server.client() as client:
        holder = client.hget(installation.store.keys.run(run.id), "worker")
    killed_at = installation.store.now()
    next(worker for worker in workers if f"{worker.name}@127.0.0.1" == holder).kill_all("SIGKILL")
    first, second = policies.until_runs(task_id, 2, "succeeded")[:2]
    assert [attempt.outcome for attempt in first.attempts] == ["lost", "succeeded"]
    assert second.started_at - killed_at < LEASE + 3_000
    policies.close()
