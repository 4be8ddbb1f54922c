"""History over the API: listed, read with attempts and log, cancelled, run again."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from dispatch_app.dispatch import Dispatch
from dispatch_app.domain.errors import LeaseLost
from dispatch_app.domain.run import Failure
from dispatch_app.store.runs import Outcome
from tests.api.calls import (
    DAILY,
    LATER,
    ONCE,
    RUNS,
    TASKS,
    create,
    ended,
    finish,
    problem,
    refused,
    start,
)
from tests.domain.moments import iso, ms


def run_of(client: FlaskClient, **fields: object) -> str:
    """The id of the run of a new task."""
    return str(create(client, **fields)["last_run"]["id"])


def ids(client: FlaskClient, path: str) -> list[str]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return [run["id"] for run in answer.json["items"]]


# Read


def test_a_new_run_shows_what_it_is_for(client: FlaskClient) -> None:
    task = create(client, priority="high", queue="slow", schedule={**ONCE, "start_time": PAST})
    run = client.get(f"{RUNS}/{task['last_run']['id']}").json
    assert run == {
        "id": task["last_run"]["id"],
        "task_id": task["id"],
        "type": "echo",
        "status": "queued",
        "reason": None,
        "origin": "schedule",
        "backfill_id": None,
        "retry_of": None,
        "scheduled_for": PAST,
        "last_scheduled_for": None,
        "count": 1,
        "queued_at": task["created_at"],
        "started_at": None,
        "finished_at": None,
        "retry_at": None,
        "cancel_requested_at": None,
        "cancel_reason": None,
        "queue": "slow",
        "priority": "high",
        "progress": None,
        "result": None,
        "error": None,
        "attempts": [],
        "log": [],
    }


PAST = "2023-04-10T15:00:00Z"


def test_a_run_shows_its_attempts_its_progress_and_its_log(client, dispatch: Dispatch) -> None:
    run_id = run_of(client)
    start(dispatch, run_id)
    dispatch.store.runs.report(run_id, "t", progress='{"done": 1}', lines=["one", "two: größer"])
    running = client.get(f"{RUNS}/{run_id}").json
    assert (running["status"], running["progress"]) == ("running", {"done": 1})
    assert running["log"] == ["one", "two: größer"]
    (attempt,) = running["attempts"]
    assert (attempt["number"], attempt["worker"]) == (1, "w@host")
    assert (attempt["outcome"], attempt["finished_at"]) == ("running", None)
    assert (attempt["error"], attempt["delay"]) == (None, None)
    failure = Failure(type="OSError", message="no route", traceback="...")
    outcome = Outcome(status="retrying", outcome="retried", error=failure, delay=60_000, failures=1)
    dispatch.store.runs.finish(run_id, "t", outcome)
    retrying = client.get(f"{RUNS}/{run_id}").json
    assert retrying["status"] == "retrying"
    assert retrying["error"] == {"type": "OSError", "message": "no route", "traceback": "..."}
    (attempt,) = retrying["attempts"]
    assert (attempt["outcome"], attempt["error"]) == ("retried", retrying["error"])
    assert attempt["delay"] == 60
    wait = ms(retrying["retry_at"].replace("Z", "+00:00")) - ms(
        attempt["finished_at"].replace("Z", "+00:00")
    )
    assert wait == 60_000


def test_a_finished_run_shows_its_times_and_its_result(client, dispatch: Dispatch) -> None:
    run_id = run_of(client)
    start(dispatch, run_id)
    finish(dispatch, run_id, result='{"n": 1}')
    run = client.get(f"{RUNS}/{run_id}").json
    assert (run["status"], run["result"]) == ("succeeded", {"n": 1})
    moments = [run[name] for name in ("queued_at", "started_at", "finished_at")]
    assert moments == sorted(moments, key=lambda text: ms(text.replace("Z", "+00:00")))
    assert run["attempts"][0]["outcome"] == "succeeded"


def test_what_never_ran_is_not_there(client: FlaskClient) -> None:
    for answer in (
        client.get(f"{RUNS}/nothing"),
        client.post(f"{RUNS}/nothing/cancel"),
        client.post(f"{RUNS}/nothing/retry"),
    ):
        assert problem(answer, 404, "not-found") == "There is no run 'nothing'."
    refused(client.get(f"{RUNS}/a%20b"), "run_id")


def test_a_result_too_deep_to_be_read_stops_no_listing(client, dispatch: Dispatch) -> None:
    whole, deep = run_of(client), create(client)
    start(dispatch, deep["last_run"]["id"])
    finish(dispatch, deep["last_run"]["id"], result="[" * 5_000 + "]" * 5_000)
    for path in (f"{RUNS}/{deep['last_run']['id']}", f"{TASKS}/{deep['id']}/result"):
        problem(client.get(path), 500, "corrupt-record")
    assert ids(client, RUNS) == [whole]


def test_a_key_that_holds_no_record_stops_no_listing(client, dispatch: Dispatch) -> None:
    whole, broken = run_of(client), run_of(client)
    key = dispatch.store.keys.run(broken)
    dispatch.store.client.delete(key)
    dispatch.store.client.set(key, "x")
    assert ids(client, RUNS) == ids(client, f"{RUNS}?type=echo&status=queued") == [whole]
    for answer in (client.get(f"{RUNS}/{broken}"), client.post(f"{RUNS}/{broken}/cancel")):
        assert "holds no record of a run" in problem(answer, 500, "corrupt-record")


# Listings


def test_runs_are_listed_newest_first_without_their_logs(client, dispatch: Dispatch) -> None:
    first = run_of(client)
    start(dispatch, first)
    dispatch.store.runs.report(first, "t", progress=None, lines=["long story"])
    second = run_of(client)
    items = client.get(RUNS).json["items"]
    assert [run["id"] for run in items] == [second, first]
    assert items[1] == {**client.get(f"{RUNS}/{first}").json, "log": []}


def test_each_filter_finds_what_it_names(client: FlaskClient, dispatch: Dispatch) -> None:
    echo = run_of(client)
    sleep = run_of(client, type="sleep", queue="slow")
    over = ended(client, dispatch, type="sleep")
    (done,) = ids(client, f"{TASKS}/{over}/runs")
    for query, found in {
        "": [done, sleep, echo],
        "status=queued": [sleep, echo],
        "status=succeeded": [done],
        "status=failed": [],
        "type=sleep": [done, sleep],
        "queue=slow": [sleep],
        "queue=default": [done, echo],
        f"task_id={over}": [done],
        "task_id=nothing": [],
        "type=sleep&status=queued&queue=slow": [sleep],
        f"type=echo&task_id={over}": [],
    }.items():
        assert ids(client, f"{RUNS}?{query}") == found, query


def test_a_tasks_runs_are_its_own(client: FlaskClient, dispatch: Dispatch) -> None:
    run_of(client)
    task_id = ended(client, dispatch)
    again = client.post(f"{TASKS}/{task_id}/trigger").json["id"]
    path = f"{TASKS}/{task_id}/runs"
    assert ids(client, path)[0] == again
    assert len(ids(client, path)) == 2
    assert ids(client, f"{path}?status=queued") == [again]


def test_pages_show_each_run_once(client: FlaskClient) -> None:
    task_id = create(client, schedule=DAILY)["id"]
    made = [client.post(f"{TASKS}/{task_id}/trigger").json["id"] for _ in range(5)]
    for path in (RUNS, f"{TASKS}/{task_id}/runs"):
        seen: list[str] = []
        answer = client.get(f"{path}?limit=2")
        while True:
            seen += [run["id"] for run in answer.json["items"]]
            if answer.json["next"] is None:
                break
            link = answer.headers["Link"]
            assert link == f'<{path}?limit=2&cursor={quote(answer.json["next"])}>; rel="next"'
            answer = client.get(link[1 : link.index(">")])
        assert seen == made[::-1]
        assert "Link" not in answer.headers


def test_moments_bound_a_listing_both_ends_included(client: FlaskClient) -> None:
    run_of(client)
    made = client.get(RUNS).json["items"][0]["queued_at"]
    moment = ms(made.replace("Z", "+00:00"))
    # an id begins with its host's millisecond, which is that of the server or the one before
    early, late = quote(iso(moment - 1_000)), quote(iso(moment + 1_000))
    assert len(ids(client, f"{RUNS}?after={early}&before={late}")) == 1
    assert ids(client, f"{RUNS}?after={late}") == []
    assert ids(client, f"{RUNS}?before={early}") == []
    assert ids(client, f"{RUNS}?before=1970-01-01T00:00:00Z") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("task=x", "task"),
        ("status=scheduled", "status"),
        ("task_id=a%20b", "task_id"),
        ("after=now", "after"),
        ("limit=1000", "limit"),
        ("tag=a", "tag"),
        ("status=queued&status=failed", "status"),
    ],
)
def test_a_wrong_query_is_refused_by_name(client, query: str, field: str) -> None:
    refused(client.get(f"{RUNS}?{query}"), field)
    task_id = create(client)["id"]
    refused(client.get(f"{TASKS}/{task_id}/runs?{query}"), field)


# Cancel


def test_a_queued_run_that_is_cancelled_never_starts(client, dispatch: Dispatch) -> None:
    run_id = run_of(client)
    answer = client.post(f"{RUNS}/{run_id}/cancel")
    assert answer.status_code == 200
    assert (answer.json["status"], answer.json["reason"]) == ("cancelled", "cancelled by request")
    assert answer.json["finished_at"]
    assert dispatch.store.runs.start(run_id, 1, token="t", worker="w", lease=60_000) == "FINISHED"
    assert client.post(f"{RUNS}/{run_id}/cancel").json == answer.json, "once more does no harm"


def test_a_running_run_is_asked_to_end_and_cancelled_when_it_has(client, dispatch) -> None:
    run_id = run_of(client)
    start(dispatch, run_id)
    answer = client.post(f"{RUNS}/{run_id}/cancel", json={"reason": "too dear"})
    asked = answer.json
    assert (answer.status_code, answer.headers["Retry-After"]) == (202, "1")
    assert (asked["status"], asked["cancel_reason"], asked["reason"]) == (
        "running",
        "too dear",
        None,
    )
    assert asked["started_at"] <= asked["cancel_requested_at"]
    assert client.get(f"{RUNS}/{run_id}").json == asked
    again = client.post(f"{RUNS}/{run_id}/cancel")
    assert (again.status_code, again.json) == (202, asked)
    result = client.get(f"{TASKS}/{asked['task_id']}/result")
    assert (result.status_code, result.json["status"]) == (202, "running")
    finish(dispatch, run_id, result='"tidy"')
    ended = client.get(f"{RUNS}/{run_id}").json
    assert (ended["status"], ended["reason"]) == ("cancelled", "too dear")
    assert client.post(f"{RUNS}/{run_id}/cancel").status_code == 200
    assert client.get(f"{TASKS}/{asked['task_id']}").json["status"] == "cancelled"


def test_a_run_that_is_terminated_can_no_more_be_finished(client, dispatch) -> None:
    run_id = run_of(client)
    start(dispatch, run_id)
    assert client.post(f"{RUNS}/{run_id}/cancel", json={"grace": 60}).status_code == 202
    # whatever `grace` says
    answer = client.post(f"{RUNS}/{run_id}/cancel", json={"terminate": True, "grace": 5})
    assert (answer.status_code, answer.json["status"]) == (200, "cancelled")
    with pytest.raises(LeaseLost):
        finish(dispatch, run_id, result='"late"')
    assert client.get(f"{RUNS}/{run_id}").json == answer.json


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("grace", -1),
        ("grace", 86_401),
        ("grace", "1"),
        ("terminate", "true"),
        ("reason", "x" * 501),
        ("scheduled_for", LATER),
    ],
)
def test_how_to_cancel_is_refused_by_name(client, dispatch, field: str, value: object) -> None:
    run_id = run_of(client)
    refused(client.post(f"{RUNS}/{run_id}/cancel", json={field: value}), field)
    assert client.get(f"{RUNS}/{run_id}").json["status"] == "queued"


def test_the_schedule_goes_on_when_a_run_is_cancelled(client: FlaskClient) -> None:
    task_id = create(client, schedule=DAILY)["id"]
    run_id = client.post(f"{TASKS}/{task_id}/trigger").json["id"]
    client.post(f"{RUNS}/{run_id}/cancel")
    task = client.get(f"{TASKS}/{task_id}").json
    assert (task["status"], task["counts"]["cancelled"]) == ("scheduled", 1)


@pytest.mark.parametrize("status", ["succeeded", "failed"])
def test_a_finished_run_cannot_be_cancelled(client, dispatch, status: str) -> None:
    (run_id,) = ids(client, f"{TASKS}/{ended(client, dispatch, status)}/runs")
    said = problem(client.post(f"{RUNS}/{run_id}/cancel"), 409, "conflict")
    assert said == f"The run {run_id!r} has already ended: it {status}."


# Run again


def test_a_failed_run_is_run_again_as_another_run_that_names_it(client, dispatch) -> None:
    task_id = ended(client, dispatch, "failed", payload={"n": 1})
    (before,) = ids(client, f"{TASKS}/{task_id}/runs")
    history = client.get(f"{RUNS}/{before}").json
    answer = client.post(f"{RUNS}/{before}/retry")
    assert answer.status_code == 201
    run = answer.json
    assert answer.headers["Location"] == f"{RUNS}/{run['id']}"
    assert client.get(answer.headers["Location"]).json == run
    assert (run["status"], run["origin"], run["task_id"]) == ("queued", "retry", task_id)
    assert (run["retry_of"], run["reason"]) == (before, None)
    assert dispatch.store.runs.get(run["id"]).definition.payload == {"n": 1}
    assert client.get(f"{RUNS}/{before}").json == history
    assert client.get(f"{TASKS}/{task_id}").json["last_run"]["id"] == run["id"]


def test_it_does_what_it_did_whatever_the_task_says_by_now(client, dispatch: Dispatch) -> None:
    task_id = create(client, schedule=DAILY, payload={"n": 1})["id"]
    before = client.post(f"{TASKS}/{task_id}/trigger", json={"payload": {"n": 2}}).json["id"]
    start(dispatch, before)
    finish(dispatch, before, "failed")
    client.patch(f"{TASKS}/{task_id}", json={"payload": {"n": 3}})
    again = client.post(f"{RUNS}/{before}/retry").json["id"]
    assert dispatch.store.runs.get(again).definition.payload == {"n": 2}


def test_what_has_not_finished_is_not_run_again(client, dispatch: Dispatch) -> None:
    run_id = run_of(client)
    for status in ("queued", "running"):
        said = problem(client.post(f"{RUNS}/{run_id}/retry"), 409, "conflict")
        assert said == f"The run {run_id!r} has not finished: it is {status}."
        if status == "queued":
            start(dispatch, run_id)
    assert ids(client, RUNS) == [run_id]


def test_a_cancelled_task_runs_nothing_again(client: FlaskClient) -> None:
    run_id = run_of(client)
    task_id = client.get(f"{RUNS}/{run_id}").json["task_id"]
    client.delete(f"{TASKS}/{task_id}")
    problem(client.post(f"{RUNS}/{run_id}/retry"), 409, "conflict")
    assert ids(client, RUNS) == [run_id]


def test_to_run_one_again_takes_no_fields(client: FlaskClient) -> None:
    run_id = run_of(client)
    answer = client.post(f"{RUNS}/{run_id}/retry", json={"scheduled_for": LATER})
    assert refused(answer, "scheduled_for") == {"scheduled_for": ["Unknown. There are none."]}
    assert client.get(f"{RUNS}/{run_id}").json["status"] == "queued"
