"""What fails for good with a real worker and a beat, and what a person does about it."""

from __future__ import annotations

import pytest

from dispatch_api import create_app
from dispatch_app.domain.retry import RetryPolicy
from tests.api.calls import LETTERS, RUNS

#: Retries that a beat has to send.
SOON = RetryPolicy(backoff="fixed", delay=50, jitter=False)


@pytest.fixture
def client(installation):
    """A caller of the API."""
    return create_app(installation.dispatch).test_client()


def failed(installation, path, **fields):
    """A run that has failed for good, since there is no such file."""
    task_id = installation.create(
        "reading", payload={"path": str(path)}, retry=SOON, max_retries=2, **fields
    )
    run = installation.finished(task_id)
    assert run.status == "failed"
    return run


def test_it_is_looked_at_and_run_again_when_its_cause_is_gone_or_dropped(
    installation, client, tmp_path
):
    installation.worker()
    installation.beat()
    run, other = (failed(installation, tmp_path / name) for name in ("text", "other"))
    assert [letter["id"] for letter in client.get(LETTERS).json["items"]] == [other.id, run.id]
    letter = client.get(f"{LETTERS}/{run.id}").json
    assert [attempt["outcome"] for attempt in letter["attempts"]] == [
        "retried",
        "retried",
        "failed",
    ]
    assert {attempt["error"]["type"] for attempt in letter["attempts"]} == {"FileNotFoundError"}
    assert all("reading" in attempt["error"]["traceback"] for attempt in letter["attempts"])
    # what was wrong is put right
    (tmp_path / "text").write_text("here it is")
    again = client.post(f"{LETTERS}/{run.id}/replay").json
    done = installation.finished(run.task_id)
    assert (done.id, done.status, done.result) == (again["id"], "succeeded", "here it is")
    assert done.retry_of == run.id
    # the other one is not worth it
    assert client.delete(f"{LETTERS}/{other.id}").status_code == 204
    assert client.get(LETTERS).json["total"] == 0
    assert client.get(f"{RUNS}/{other.id}").json["status"] == "failed"


def test_a_scheduler_drops_what_is_too_old_where_nothing_fails_any_more(
    installation, client, tmp_path
):
    age = {"DISPATCH_DEAD_LETTERS_AGE": "3s"}
    installation.worker(**age)
    installation.beat(**age)
    run = failed(installation, tmp_path / "never")
    assert client.get(LETTERS).json["total"] == 1
    installation.until(lambda: client.get(LETTERS).json["total"] == 0, "the letter to go")
    assert installation.store.now() - run.finished_at >= 3_000
    assert client.get(f"{RUNS}/{run.id}").json["status"] == "failed"


def test_many_are_replayed_at_a_rate_and_a_beat_that_is_killed_doubles_none(
    installation, client, tmp_path
):
    installation.worker("-c", "2")
    first = installation.beat()
    runs = [failed(installation, tmp_path / "text") for _ in range(10)]
    (tmp_path / "text").write_text("here it is")
    answer = client.post(f"{LETTERS}/replay", json={"type": "reading", "rate": 4}).json
    assert (len(answer["runs"]), answer["refused"], answer["next"]) == (10, [], None)

    def over():
        return [
            run
            for run in map(installation.store.runs.get, answer["runs"])
            if run.status == "succeeded"
        ]

    installation.until(lambda: len(over()) >= 2, "the first ones to run")
    first.kill_all("SIGKILL")
    installation.beat()
    installation.until(lambda: len(over()) == 10, "all to run", timeout=30)
    assert {run.retry_of for run in over()} == {run.id for run in runs}
    assert all(len(run.attempts) == 1 for run in over())
    # none began before its moment, and they are a quarter of a second apart
    moments = sorted(run.scheduled_for for run in over())
    assert [moment - moments[0] for moment in moments] == [250 * n for n in range(10)]
    assert all(run.started_at >= run.scheduled_for for run in over())
