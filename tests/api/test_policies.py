"""What a task's body says about lists of schedules, jitter, calendars and policies, and how they
are shown; previews with their effect."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from dispatch_app.dispatch import Dispatch
from dispatch_app.domain.calendar import Calendar, Entry

TASKS = "/api/v1/tasks"
PREVIEW = "/api/v1/schedules/preview"
AFTER = "2027-01-01T00:00:00Z"
DAILY = {"type": "cron", "cron": "0 9 * * *"}
EVERY = {"type": "interval", "every": 60}


def create(client: FlaskClient, **fields: Any) -> dict[str, Any]:
    answer = client.post(TASKS, json={"type": "echo", **fields})
    assert answer.status_code == 201, answer.text
    return answer.json


def refused(client: FlaskClient, **fields: Any) -> dict[str, list[str]]:
    answer = client.post(TASKS, json={"type": "echo", **fields})
    assert answer.status_code == 422, answer.text
    return answer.json["errors"]


def preview(client: FlaskClient, schedule: Any, **more: Any) -> dict[str, Any]:
    answer = client.post(PREVIEW, json={"schedule": schedule, "after": AFTER, **more})
    assert answer.status_code == 200, answer.text
    return answer.json


# Lists of schedules


def test_a_list_of_schedules_comes_back_as_it_was_given(client: FlaskClient) -> None:
    task = create(client, schedule=[DAILY, {**EVERY, "max_runs": 2}])
    daily, every = task["schedule"]
    assert (daily["type"], daily["cron"]) == ("cron", "0 9 * * *")
    assert (every["type"], every["every"], every["max_runs"]) == ("interval", 60, 2)
    assert client.put(f"{TASKS}/{task['id']}", json={"type": "echo", "schedule": [daily, every]})
    again = client.get(f"{TASKS}/{task['id']}").json
    assert (again["revision"], again["next_run_at"]) == (1, task["next_run_at"])


def test_what_is_wrong_in_a_list_is_said_by_its_place(client: FlaskClient) -> None:
    errors = refused(client, schedule=[DAILY, {"type": "cron", "cron": "61 * * * *"}, 7])
    assert list(errors) == ["schedule.1.cron", "schedule.2"]
    assert "schedule" in refused(client, schedule=[])
    assert "schedule" in refused(client, schedule=[DAILY] * 21)
    assert list(refused(client, schedule=[[DAILY]])) == ["schedule.0"]


def test_a_list_is_previewed_as_one(client: FlaskClient) -> None:
    night = {"type": "cron", "cron": "30 3 * * *", "max_runs": 1}
    found = preview(client, [DAILY, night], count=3)
    assert [one["at"] for one in found["occurrences"]] == [
        "2027-01-01T03:30:00Z",
        "2027-01-01T09:00:00Z",
        "2027-01-02T09:00:00Z",
    ]
    assert "; " in found["description"]


# Jitter


def test_jitter_delays_an_occurrence_and_is_the_same_for_a_task(client: FlaskClient) -> None:
    schedule = {**DAILY, "jitter": 600}
    found = preview(client, schedule, task_id="nightly", count=3)
    assert found == preview(client, schedule, task_id="nightly", count=3)
    for one in found["occurrences"]:
        assert one["at"] <= one["dispatched_at"] <= one["at"].replace("09:00", "09:10")
    others = {
        preview(client, schedule, task_id=f"task-{n}", count=1)["occurrences"][0]["dispatched_at"]
        for n in range(10)
    }
    assert len(others) > 5


def test_a_task_with_jitter_is_next_run_when_it_is_dispatched(client: FlaskClient) -> None:
    schedule = {**DAILY, "jitter": 3600, "start_time": AFTER}
    client.put(f"{TASKS}/spread", json={"type": "echo", "schedule": schedule})
    (one,) = preview(client, schedule, task_id="spread", count=1)["occurrences"]
    shown = client.get(f"{TASKS}/spread").json
    assert shown["next_run_at"][:19] == one["dispatched_at"][:19] != one["at"][:19]
    assert shown["schedule"]["jitter"] == 3600


@pytest.mark.parametrize("jitter", [-1, 86_401, "5", True, None])
def test_a_jitter_that_is_none_is_refused(client: FlaskClient, jitter: object) -> None:
    assert list(refused(client, schedule={**DAILY, "jitter": jitter})) == ["schedule.jitter"]


# Calendars


@pytest.fixture
def holidays(dispatch: Dispatch) -> str:
    dispatch.store.calendars.put("holidays", Calendar(entries=(Entry(date="2027-01-02"),)))
    return "holidays"


def test_a_preview_shows_what_a_calendar_leaves_out(client: FlaskClient, holidays: str) -> None:
    found = preview(client, {**DAILY, "calendars": [holidays]}, count=2)
    assert [one["at"] for one in found["occurrences"]] == [
        "2027-01-01T09:00:00Z",
        "2027-01-03T09:00:00Z",
    ]
    assert found["left_out"] == ["2027-01-02T09:00:00Z"]


def test_a_task_names_a_calendar(client: FlaskClient, holidays: str) -> None:
    start = "2027-01-02T00:00:00Z"
    task = create(client, schedule={**DAILY, "calendars": [holidays], "start_time": start})
    assert task["next_run_at"] == "2027-01-03T09:00:00Z"
    assert task["schedule"]["calendars"] == [holidays]


def test_a_one_time_task_on_a_day_that_is_left_out_is_refused(
    client: FlaskClient, holidays: str
) -> None:
    once = {"type": "one-time", "start_time": "2027-01-02T09:00:00Z", "calendars": [holidays]}
    assert list(refused(client, schedule=once)) == ["schedule.calendars"]


def test_a_calendar_that_is_not_there_is_named(client: FlaskClient) -> None:
    schedule = {**DAILY, "calendars": ["nobodys"]}
    errors = refused(client, schedule=schedule)
    assert errors == {"schedule.calendars": ["There is no calendar 'nobodys'."]}
    answer = client.post(PREVIEW, json={"schedule": schedule})
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["schedule.calendars"])


# Misfire


@pytest.mark.parametrize(
    ("schedule", "policy"), [(None, "run"), (DAILY, "run_last"), ([DAILY, EVERY], "run_last")]
)
def test_the_policy_that_holds_is_shown(client: FlaskClient, schedule: Any, policy: str) -> None:
    task = create(client, schedule=schedule, enabled=False)
    assert task["misfire"] == {"policy": policy, "catch_up": None}
    given = create(client, schedule=schedule, enabled=False, misfire={"catch_up": 90})
    assert given["misfire"] == {"policy": policy, "catch_up": 90}


def test_run_is_for_what_runs_once(client: FlaskClient) -> None:
    errors = refused(client, schedule=DAILY, misfire={"policy": "run"})
    assert list(errors) == ["misfire.policy"]
    assert "run_last, run_all or skip" in errors["misfire.policy"][0]
    answer = client.patch(
        f"{TASKS}/{create(client, schedule=DAILY)['id']}", json={"misfire": {"policy": "run"}}
    )
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["misfire.policy"])


# Overlap


def test_a_policy_for_what_overlaps(client: FlaskClient) -> None:
    assert create(client)["overlap"] == "allow_all"
    assert create(client, overlap="buffer_one")["overlap"] == "buffer_one"
    (text,) = refused(client, overlap="queue")["overlap"]
    assert "cancel_other" in text


def test_a_trigger_honours_the_policy_and_may_bring_its_own(client: FlaskClient) -> None:
    task = create(client, overlap="skip")
    trigger = f"{TASKS}/{task['id']}/trigger"
    skipped = client.post(trigger)
    assert (skipped.status_code, skipped.json["status"]) == (201, "skipped")
    assert (skipped.json["reason"], skipped.json["count"]) == ("overlap: skip", 1)
    assert client.post(trigger).json["count"] == 2
    assert client.get(f"{TASKS}/{task['id']}").json["counts"]["skipped"] == 2
    waiting = client.post(trigger, json={"overlap": "buffer_one"})
    assert (waiting.json["status"], waiting.json["reason"]) == ("waiting", "overlap: buffer_one")
    assert client.post(trigger, json={"overlap": "allow_all"}).json["status"] == "queued"
    refusal = client.post(trigger, json={"overlap": "no"})
    assert (refusal.status_code, list(refusal.json["errors"])) == (422, ["overlap"])


def test_the_result_is_that_of_the_run_not_of_what_was_skipped(client: FlaskClient) -> None:
    task = create(client, overlap="skip")
    client.post(f"{TASKS}/{task['id']}/trigger")
    answer = client.get(f"{TASKS}/{task['id']}/result")
    assert (answer.status_code, answer.json["run_id"]) == (202, task["last_run"]["id"])
