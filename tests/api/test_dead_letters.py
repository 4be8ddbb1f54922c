"""/dead-letters: what has failed for good."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from dispatch_app.dispatch import Dispatch
from dispatch_app.domain.run import Failure
from tests.api.calls import LATER, LETTERS, RUNS, create, finish, problem, refused, start

NO = Failure(type="builtins.ValueError", message="no", traceback="Traceback ...")


@pytest.fixture
def dead(client: FlaskClient, dispatch: Dispatch):
    """Makes a task whose only run has failed for good; returns the run's id."""

    def make(**fields) -> str:
        run_id = create(client, **fields)["last_run"]["id"]
        start(dispatch, run_id)
        finish(dispatch, run_id, "failed", error=NO)
        return run_id

    return make


def ids(client: FlaskClient, query: str = "") -> list[str]:
    return [item["id"] for item in client.get(f"{LETTERS}{query}").json["items"]]


def test_a_letter_is_the_run_with_its_attempts_and_when_it_died(client, dead) -> None:
    run_id = dead()
    letter = client.get(f"{LETTERS}/{run_id}").json
    run = client.get(f"{RUNS}/{run_id}").json
    assert letter == {**run, "died_at": run["finished_at"], "damage": {}}
    assert letter["attempts"][0]["error"]["message"] == "no"
    page = client.get(LETTERS).json
    assert ([item["id"] for item in page["items"]], page["next"], page["total"]) == (
        [run_id],
        None,
        1,
    )


def test_a_page_leads_to_the_next(client, dead) -> None:
    letters = [dead() for _ in range(5)]
    answer = client.get(f"{LETTERS}?limit=2&type=echo")
    seen = [item["id"] for item in answer.json["items"]]
    assert answer.json["total"] == 5
    while "Link" in answer.headers:
        path = answer.headers["Link"].partition(">")[0][1:]
        answer = client.get(path)
        seen += [item["id"] for item in answer.json["items"]]
    assert seen == letters[::-1]


def test_filters(client, dead) -> None:
    one, two = dead(), dead(type="other", queue="mails")
    task_id = client.get(f"{RUNS}/{one}").json["task_id"]
    died = client.get(f"{LETTERS}/{two}").json["died_at"]
    assert ids(client) == [two, one]
    assert ids(client, "?type=other") == ids(client, "?queue=mails") == [two]
    assert ids(client, f"?task_id={task_id}") == [one]
    assert ids(client, "?error=ValueError") == [two, one]
    assert ids(client, f"?failed_after={died}")[0] == two
    assert ids(client, "?error=KeyError") == []
    assert ids(client, f"?failed_after={LATER}") == []
    assert ids(client, f"?failed_before={died}") == [two, one]
    refused(client.get(f"{LETTERS}?status=failed"), "status")


def test_replay_is_a_new_run_that_names_it(client, dead) -> None:
    run_id = dead(payload={"n": 1})
    answer = client.post(f"{LETTERS}/{run_id}/replay")
    assert answer.status_code == 201, answer.text
    assert (answer.json["origin"], answer.json["retry_of"]) == ("retry", run_id)
    assert answer.headers["Location"] == f"{RUNS}/{answer.json['id']}"
    assert ids(client) == []
    for gone in (client.post(f"{LETTERS}/{run_id}/replay"), client.get(f"{LETTERS}/{run_id}")):
        assert problem(gone, 404, "not-found") == f"There is no dead letter '{run_id}'."
    assert client.get(f"{RUNS}/{run_id}").json["status"] == "failed"
    refused(client.post(f"{LETTERS}/{run_id}/replay", json={"definition": "new"}), "definition")


def test_a_letter_that_is_run_again_as_a_run_is_none_any_more(client, dead) -> None:
    run_id = dead()
    assert client.post(f"{RUNS}/{run_id}/retry").json["retry_of"] == run_id
    assert ids(client) == []


def test_one_of_a_cancelled_task_is_not_replayed(client, dead) -> None:
    every_hour = {"type": "interval", "every": 3600}
    task = create(client, schedule=every_hour)
    run_id = client.post(f"/api/v1/tasks/{task['id']}/trigger").json["id"]
    dispatch = client.application.extensions["dispatch"]
    start(dispatch, run_id)
    finish(dispatch, run_id, "failed")
    client.delete(f"/api/v1/tasks/{task['id']}")
    said = problem(client.post(f"{LETTERS}/{run_id}/replay"), 409, "conflict")
    assert said == f"The dead letter '{run_id}' cannot be replayed: its task is cancelled."
    answer = client.post(f"{LETTERS}/replay", json={}).json
    assert answer == {
        "runs": [],
        "refused": [{"id": run_id, "reason": "its task is cancelled"}],
        "next": None,
    }


def test_many_are_replayed_by_filter_and_in_pieces(client, dead) -> None:
    mails = [dead(type="mail") for _ in range(3)]
    kept = dead()
    first = client.post(f"{LETTERS}/replay", json={"type": "mail", "limit": 2, "rate": 50}).json
    assert (len(first["runs"]), first["refused"]) == (2, [])
    body = {"type": "mail", "cursor": first["next"], "rate": 0.5}
    second = client.post(f"{LETTERS}/replay", json=body).json
    assert (len(second["runs"]), second["next"]) == (1, None)
    runs = [client.get(f"{RUNS}/{run_id}").json for run_id in first["runs"] + second["runs"]]
    assert [run["retry_of"] for run in runs] == mails[::-1]
    assert ids(client) == [kept]
    for wrong in ({"rate": 0}, {"limit": 1_001}, {"cursor": "?"}, {"failed_after": "now"}):
        refused(client.post(f"{LETTERS}/replay", json=wrong), *wrong)


def test_drop_one_and_many(client, dead) -> None:
    one, *mails = dead(), dead(type="mail"), dead(type="mail"), dead(type="mail")
    assert client.delete(f"{LETTERS}/{one}").status_code == 204
    problem(client.delete(f"{LETTERS}/{one}"), 404, "not-found")
    assert client.get(f"{RUNS}/{one}").json["status"] == "failed"
    first = client.delete(f"{LETTERS}?type=mail&limit=2").json
    assert first["dropped"] == 2
    assert ids(client) == mails[:1]
    answer = client.delete(f"{LETTERS}?type=mail&cursor={first['next']}").json
    assert answer == {"dropped": 1, "next": None}
    assert client.get(LETTERS).json == {"items": [], "next": None, "total": 0}


def test_all_are_dropped_only_where_that_is_said(client, dead) -> None:
    run_id = dead()
    for query in ("", "?limit=1", "?all=false", "?all=true&type=echo"):
        refused(client.delete(f"{LETTERS}{query}"), "all")
    refused(client.delete(f"{LETTERS}?all=true", json={"type": "nonexistent"}), "body")
    refused(client.delete(f"{LETTERS}/{run_id}", json={}), "body")
    assert ids(client) == [run_id]
    assert client.delete(f"{LETTERS}?all=true").json == {"dropped": 1, "next": None}


DAMAGES = {
    "definition": lambda client, key: client.hset(key, "def", "{bad"),
    "no definition": lambda client, key: client.hdel(key, "def"),
    "error": lambda client, key: client.hset(key, "error", "{bad"),
    "attempts": lambda client, key: client.hset(key, "a:1", "{bad"),
    "a number": lambda client, key: client.hset(key, "at", "soon"),
    "its moment": lambda client, key: client.hset(key, "died", "soon"),
    "no task": lambda client, key: client.hdel(key, "task"),
    "another type of key": lambda client, key: client.delete(key) and client.set(key, "x"),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("many", [False, True])
def test_one_that_is_damaged_is_shown_as_such_and_can_be_dropped(
    client, dispatch, dead, damage, many
) -> None:
    broken = dead()
    DAMAGES[damage](dispatch.store.client, dispatch.store.keys.run(broken))
    whole = dead()
    page = client.get(LETTERS).json
    assert ([item["id"] for item in page["items"]], page["total"]) == ([whole, broken], 2)
    assert [bool(item["damage"]) for item in page["items"]] == [False, True]
    assert page["items"][1]["died_at"].startswith("20")
    if many:
        assert client.delete(f"{LETTERS}?all=true").json["dropped"] == 2
    else:
        assert client.delete(f"{LETTERS}/{broken}").status_code == 204
        problem(client.delete(f"{LETTERS}/{broken}"), 404, "not-found")
    assert ids(client) == ([] if many else [whole])
    assert client.get(RUNS).status_code == 200


def test_one_whose_definition_is_damaged_is_replayed_with_that_of_its_task(client, dispatch, dead):
    broken = dead()
    dispatch.store.client.hset(dispatch.store.keys.run(broken), "def", "{bad")
    path = f"{LETTERS}/{broken}"
    assert client.get(path).json["damage"].keys() == {"definition"}
    assert "its record is damaged" in problem(client.post(f"{path}/replay"), 409, "conflict")
    (refusal,) = client.post(f"{LETTERS}/replay").json["refused"]
    assert refusal["id"] == broken
    answer = client.post(f"{path}/replay", json={"definition": "current"})
    assert (answer.status_code, answer.json["retry_of"]) == (201, broken)
    assert ids(client) == []


def test_they_are_bounded_in_number(api) -> None:
    client = api(DISPATCH_KEEP_DEAD_LETTERS="2")
    dispatch = client.application.extensions["dispatch"]
    made = []
    for _ in range(4):
        run_id = create(client)["last_run"]["id"]
        start(dispatch, run_id)
        finish(dispatch, run_id, "failed")
        made.append(run_id)
    assert ids(client) == made[:1:-1]
    assert all(client.get(f"{RUNS}/{run_id}").status_code == 200 for run_id in made)
