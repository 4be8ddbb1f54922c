"""The result of a task: not yet, here it is, it failed; and waiting for it."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from dispatch_app.dispatch import Dispatch
from dispatch_app.domain.run import Failure
from tests.api.calls import DAILY, TASKS, create, ended, finish, problem, refused, start
from tests.waiting import wait_for


def result(client: FlaskClient, task_id: str, query: str = "") -> Any:
    return client.get(f"{TASKS}/{task_id}/result{query}")


def not_yet(answer: Any, status: str) -> dict[str, Any]:
    """What is known of a result that is still to come."""
    assert answer.status_code == 202
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.json["status"] == status
    assert (answer.json["result"], answer.json["error"]) == (None, None)
    return answer.json


def test_it_is_202_until_the_run_has_finished(client: FlaskClient, dispatch: Dispatch) -> None:
    task = create(client)
    run_id = task["last_run"]["id"]
    queued = not_yet(result(client, task["id"]), "queued")
    assert (queued["task_id"], queued["run_id"]) == (task["id"], run_id)
    assert (queued["started_at"], queued["finished_at"], queued["duration"]) == (None, None, None)
    start(dispatch, run_id)
    running = not_yet(result(client, task["id"]), "running")
    assert running["started_at"]
    assert (running["finished_at"], running["duration"]) == (None, None)
    finish(dispatch, run_id, result='{"sent": true}')
    assert result(client, task["id"]).status_code == 200


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        (None, None),
        ("null", None),
        ('{"a": [1, 2.5, "\\u00e9", null]}', {"a": [1, 2.5, "é", None]}),
        ("[]", []),
        ("false", False),
        ('"text"', "text"),
        ("12345678901234567890", 12345678901234567890),
    ],
)
def test_a_value_is_shown_as_it_was_returned(client, dispatch, stored: Any, shown: Any) -> None:
    task = create(client)
    run_id = task["last_run"]["id"]
    start(dispatch, run_id)
    finish(dispatch, run_id, result=stored)
    answer = result(client, task["id"])
    assert answer.status_code == 200
    assert "Retry-After" not in answer.headers
    run = dispatch.store.runs.get(run_id)
    assert answer.json == {
        "task_id": task["id"],
        "run_id": run_id,
        "status": "succeeded",
        "result": shown,
        "error": None,
        "started_at": answer.json["started_at"],
        "finished_at": answer.json["finished_at"],
        "duration": pytest.approx((run.finished_at - run.started_at) / 1000),
    }
    assert answer.json["started_at"]
    assert answer.json["finished_at"]


def test_an_error_says_type_message_and_traceback(client, dispatch: Dispatch) -> None:
    task = create(client)
    start(dispatch, task["last_run"]["id"])
    failure = Failure(type="app.NoSuchUser", message="nobody", traceback="Traceback ...\n")
    finish(dispatch, task["last_run"]["id"], "failed", error=failure)
    answer = result(client, task["id"])
    assert (answer.status_code, answer.json["status"]) == (200, "failed")
    assert answer.json["error"] == {
        "type": "app.NoSuchUser",
        "message": "nobody",
        "traceback": "Traceback ...\n",
    }
    assert answer.json["result"] is None


def test_a_cancelled_run_has_a_final_result(client: FlaskClient) -> None:
    task = create(client)
    client.delete(f"{TASKS}/{task['id']}")
    answer = result(client, task["id"])
    assert (answer.status_code, answer.json["status"]) == (200, "cancelled")


def test_a_task_that_never_ran_has_none_yet_or_none_for_good(client: FlaskClient) -> None:
    task_id = create(client, schedule=DAILY)["id"]
    assert not_yet(result(client, task_id), "scheduled")["run_id"] is None
    client.delete(f"{TASKS}/{task_id}")
    answer = result(client, task_id)
    assert (answer.status_code, answer.json["status"]) == (200, "cancelled")
    assert answer.json["run_id"] is None


def test_it_is_that_of_the_latest_run(client: FlaskClient, dispatch: Dispatch) -> None:
    task_id = ended(client, dispatch)
    again = client.post(f"{TASKS}/{task_id}/trigger").json["id"]
    assert not_yet(result(client, task_id), "queued")["run_id"] == again


def test_what_nobody_made_has_no_result(client: FlaskClient) -> None:
    for query in ("", "?wait=5"):
        problem(result(client, "nothing", query), 404, "not-found")


# Waiting


def test_waiting_ends_with_the_run(client: FlaskClient, app: Flask, dispatch: Dispatch) -> None:
    task = create(client)
    answers: list[Any] = []

    def wait() -> None:
        answers.append(result(app.test_client(), task["id"], "?wait=30"))

    waiter = threading.Thread(target=wait)
    waiter.start()
    start(dispatch, task["last_run"]["id"])
    finish(dispatch, task["last_run"]["id"], result="1")
    waiter.join(20)
    assert not waiter.is_alive(), "the answer comes with the end, not after 30 s"
    assert (answers[0].status_code, answers[0].json["result"]) == (200, 1)


def test_waiting_gives_up_in_its_time(client: FlaskClient) -> None:
    task = create(client)
    begin = time.monotonic()
    not_yet(result(client, task["id"], "?wait=0.3"), "queued")
    assert time.monotonic() - begin >= 0.3


def test_a_finished_run_is_not_waited_for(client: FlaskClient, dispatch: Dispatch) -> None:
    task_id = ended(client, dispatch)
    begin = time.monotonic()
    assert result(client, task_id, "?wait=60").status_code == 200
    assert time.monotonic() - begin < 30


def test_those_who_wait_leave_room_for_those_who_do_not(client, app: Flask, dispatch) -> None:
    """More than so many are answered at once, or waiting would take every thread of a server."""
    task = create(client)
    codes: list[int] = []

    def wait() -> None:
        codes.append(result(app.test_client(), task["id"], "?wait=60").status_code)

    waiters = [threading.Thread(target=wait) for _ in range(12)]
    for waiter in waiters:
        waiter.start()
    wait_for(lambda: len(codes) >= 4, 20, "four answers")
    assert codes == [202] * 4
    start(dispatch, task["last_run"]["id"])
    finish(dispatch, task["last_run"]["id"])
    for waiter in waiters:
        waiter.join(20)
    assert codes == [202] * 4 + [200] * 8


@pytest.mark.parametrize(
    "wait", ["-1", "61", "nan", "inf", "1e1", "ten", "", "0x1", "1.", "%D9%A3"]
)
def test_a_wait_is_a_number_of_seconds(client: FlaskClient, wait: str) -> None:
    task = create(client)
    assert "0 to 60" in refused(result(client, task["id"], f"?wait={wait}"), "wait")["wait"][0]
