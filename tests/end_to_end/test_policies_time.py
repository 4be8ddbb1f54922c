"""Expiry, jitter, lists of schedules and calendars, with a real beat and a real worker."""

from __future__ import annotations

import pytest

from tests.end_to_end.policies import Policies, shown

EVERY = {"type": "interval", "every": 0.2}


def occurrences(policies: Policies, task_id: str) -> list[int]:
    return [run.scheduled_for for run in policies.runs(task_id)]


# Expiry


@pytest.mark.parametrize("overlap", ["allow_all", "skip"])
def test_what_nobody_starts_expires_by_itself_and_the_task_goes_on(policies, overlap):
    task_id = policies.create(
        "silent", queue="nobodys", schedule=EVERY, expires=0.5, overlap=overlap
    )
    runs = policies.until_runs(task_id, 2, "expired")
    assert {run.reason for run in runs} == {"it was not started in time"}
    for run in runs:
        assert 500 <= run.finished_at - run.scheduled_for < 3_000
        assert run.attempts == ()
    policies.until_runs(task_id, 1, "queued")
    task = policies.task(task_id)
    assert (task["status"], task["counts"]["expired"] >= 2) == ("scheduled", True)


def test_what_waits_for_another_run_expires_as_well(policies):
    task_id = policies.create(
        "waiting", schedule={**EVERY, "every": 3600}, expires=1, overlap="buffer_one"
    )
    policies.trigger(task_id)
    policies.until_runs(task_id, 1, "running")
    waits = policies.trigger(task_id)
    assert (waits["status"], waits["reason"]) == ("waiting", "overlap: buffer_one")
    (run,) = policies.until_runs(task_id, 1, "expired")
    assert (run.id, run.reason) == (waits["id"], "it was not started in time")
    # the one that has begun does not expire
    assert len(policies.runs(task_id, "running")) == 1


def test_a_one_off_that_nobody_starts_is_shown_as_expired(policies):
    task_id = policies.create("silent", queue="nobodys", expires=0.3)
    policies.installation.until(lambda: policies.task(task_id)["status"] == "expired")
    result = policies.call("GET", f"/tasks/{task_id}/result")
    assert (result["status"], result["started_at"]) == ("expired", None)


# Jitter


def test_twenty_tasks_of_one_moment_are_spread_and_none_is_early(policies):
    at, moment = policies.moment(1)
    every = {"type": "interval", "every": 3600, "start_time": moment, "jitter": 2}
    ids = [policies.create("add", payload={"x": 1}, schedule=every) for _ in range(20)]
    tasks = policies.installation.store.tasks
    planned = {task_id: tasks.get(task_id).next_run_at for task_id in ids}
    assert all(at <= due <= at + 2_000 for due in planned.values())
    assert max(planned.values()) - min(planned.values()) > 1_000
    assert len(set(planned.values())) > 15
    for task_id in ids:
        # looked at again, by a preview, it is the same
        body = {"schedule": every, "task_id": task_id, "count": 1, "after": shown(at - 1)}
        (one,) = policies.call("POST", "/schedules/preview", body)["occurrences"]
        assert (one["at"], one["dispatched_at"]) == (moment, shown(planned[task_id]))
    for task_id in ids:
        (run,) = policies.until_runs(task_id, 1, "succeeded")
        assert run.scheduled_for == at
        assert run.queued_at >= planned[task_id]


# Lists


def test_each_schedule_of_a_list_counts_on_its_own(policies):
    twice = {"type": "interval", "every": 0.3, "max_runs": 2}
    at, moment = policies.moment(1.5)
    once = {"type": "one-time", "start_time": moment}
    task_id = policies.create(
        "add", payload={"x": 1}, schedule=[twice, once], misfire={"policy": "run_all"}
    )
    policies.installation.until(lambda: policies.task(task_id)["status"] == "completed")
    first, second, third = occurrences(policies, task_id)
    stored = policies.installation.store.tasks.get(task_id)
    assert second - first == 300
    assert third == at > second
    assert (stored.done, stored.next_run_at) == ((2, 1), None)


# Calendars


def calendar_of(policies: Policies, name: str, **body) -> None:
    answer = policies.client.put(f"/api/v1/calendars/{name}", json=body)
    assert answer.status_code in (200, 201), answer.text


def test_nothing_runs_in_what_a_calendar_leaves_out(policies):
    end, thaw = policies.moment(1.2)
    calendar_of(policies, "freeze", entries=[{"start": policies.ago(60), "end": thaw}])
    task_id = policies.create(
        "add",
        payload={"x": 1},
        schedule={**EVERY, "calendars": ["freeze"]},
        misfire={"policy": "run_all"},
    )
    first = policies.until_runs(task_id, 1, "succeeded")[0]
    assert end <= first.scheduled_for < end + 200
    assert policies.task(task_id)["counts"]["skipped"] == 0


def test_a_calendar_that_changes_moves_what_is_next(policies):
    calendar_of(policies, "holidays", entries=[])
    noon = {"type": "cron", "cron": "0 12 * * *", "calendars": ["holidays"]}
    task_id = policies.create("add", payload={"x": 1}, schedule=noon)
    before = policies.task(task_id)["next_run_at"]
    day = before[:10]
    calendar_of(policies, "holidays", entries=[{"date": day}])
    policies.installation.until(
        lambda: policies.task(task_id)["next_run_at"][:10] > day, "another moment", timeout=5
    )
    # while a task names it, it stays
    refusal = policies.call("DELETE", "/calendars/holidays", status=409)
    assert "task" in refusal["detail"]
    calendar_of(policies, "holidays", entries=[])
    policies.installation.until(
        lambda: policies.task(task_id)["next_run_at"] == before, "the first one again", timeout=5
    )
    policies.call("DELETE", f"/tasks/{task_id}?purge=true", status=204)
    policies.call("DELETE", "/calendars/holidays", status=204)


def test_a_calendar_that_is_not_there_is_refused_by_name(policies):
    schedule = {**EVERY, "calendars": ["nobodys"]}
    body = {"type": "add", "payload": {"x": 1}, "schedule": schedule}
    refusal = policies.call("POST", "/tasks", body, 422)
    assert refusal["errors"] == {"schedule.calendars": ["There is no calendar 'nobodys'."]}
