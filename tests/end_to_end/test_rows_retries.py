"""Rows 21 and 65: retries that outlive every restart, each attempt in the history with its error,
and hooks that fail and lose nothing. With real workers and beats."""

from __future__ import annotations

import pytest

from dispatch_api import create_app
from dispatch_app.domain.retry import RetryPolicy
from tests.builtin.web import web_server
from tests.domain.moments import ms

TOO_LATE = "its deadline leaves no time for another attempt"


def steady(delay: int, **fields) -> RetryPolicy:
    """The same delay before each retry, ms."""
    return RetryPolicy(backoff="fixed", delay=delay, jitter=False, **fields)


def outcomes(run) -> list[str]:
    return [attempt.outcome for attempt in run.attempts]


# Row 21


def test_a_retry_outlives_the_end_of_everything_and_comes_on_time(new_redis, new_installation):
    server = new_redis("--appendonly", "yes", "--appendfsync", "always")
    installation = new_installation(server)
    before = [installation.worker(), installation.beat()]
    task_id = installation.create("waiting_for", payload={"seconds": 8})
    waiting = installation.reached(task_id, "retrying")
    for process in before:
        process.kill_all()
    server.kill()
    server.start()
    assert installation.latest(task_id) == waiting
    installation.beat()
    installation.worker()
    run = installation.finished(task_id, timeout=30)
    assert (run.status, run.result, outcomes(run)) == ("succeeded", 2, ["retried", "succeeded"])
    first, second = run.attempts
    assert first.delay == 8_000
    # not before its time, nor a visibility timeout (300 s) later
    assert 0 <= second.started_at - waiting.retry_at < 15_000


def test_every_attempt_is_in_the_history_with_its_error_and_its_delay(shared):
    api = create_app(shared.dispatch).test_client()
    body = {
        "type": "failing",
        "max_retries": 2,
        "retry": {"backoff": "linear", "delay": 0.1, "jitter": False},
    }
    run_id = api.post("/api/v1/tasks", json=body).json["last_run"]["id"]
    run = shared.until(
        lambda: (shown := api.get(f"/api/v1/runs/{run_id}").json)["status"] == "failed" and shown
    )
    assert [attempt["number"] for attempt in run["attempts"]] == [1, 2, 3]
    assert [attempt["outcome"] for attempt in run["attempts"]] == ["retried", "retried", "failed"]
    assert [attempt["delay"] for attempt in run["attempts"]] == [0.1, 0.2, None]
    for attempt in run["attempts"]:
        assert attempt["worker"] == "worker-1@127.0.0.1"
        assert (attempt["error"]["type"], attempt["error"]["message"]) == ("ValueError", "as ever")
        assert 'raise ValueError("as ever")' in attempt["error"]["traceback"]
    moments = [
        ms(attempt[name].replace("Z", "+00:00"))
        for attempt in run["attempts"]
        for name in ("started_at", "finished_at")
    ]
    assert moments == sorted(moments)
    assert moments[2] - moments[1] >= 100
    assert moments[4] - moments[3] >= 200
    assert (run["error"], run["reason"]) == (run["attempts"][2]["error"], "failed 3 times")


# The deadline


def test_retries_end_at_their_deadline_however_many_are_left(shared):
    run = shared.run("failing", max_retries=1_000, retry=steady(300, deadline=1_500))
    assert (run.status, run.reason) == ("failed", TOO_LATE)
    assert run.finished_at - run.first_queued_at < 15_000
    assert 1 <= len(run.attempts) <= 6
    for attempt in run.attempts:
        in_time = attempt.started_at - run.first_queued_at <= 1_500
        # one whose message came too late was not begun
        assert in_time or attempt.error.type.endswith("DeadlinePassed")
    assert run.attempts[-1].delay is None


def test_a_retry_after_beyond_the_deadline_is_no_retry(shared):
    fields = {"payload": {"seconds": 60}, "retry": steady(0, deadline=30_000)}
    run = shared.run("waiting_for", **fields)
    assert (run.status, run.reason, outcomes(run)) == ("failed", TOO_LATE, ["failed"])
    assert run.error.message == "come back later"


def test_a_killed_process_is_not_tried_again_after_the_deadline(shared):
    """A hard limit: the main process decides."""
    run = shared.run("endless", timeout=500, max_retries=5, retry=steady(60_000, deadline=30_000))
    assert (run.status, run.reason, outcomes(run)) == ("failed", TOO_LATE, ["timed_out"])


# Statuses of `http`


@pytest.fixture(scope="module")
def web():
    with web_server() as web:
        yield web


@pytest.fixture
def http(installation, web):
    """`http(503, {"Retry-After": "1"}, dont_retry_on=...)`: the run of a request that gets this
    answer, so many times, and 200 the next time."""
    installation.worker(app="dispatch_app", HTTP_ALLOW_PRIVATE="true")
    installation.beat(app="dispatch_app")

    def run(status, headers=None, max_retries=2, times=1, **policy):
        answers = iter([(status, headers or {})] * times)

        def answer(handler):
            code, more = next(answers, (200, {}))
            handler.send_response(code)
            for name, value in {"Content-Length": "0", **more}.items():
                handler.send_header(name, value)
            handler.end_headers()

        web.answers["/"] = answer
        retry = RetryPolicy(delay=0, jitter=False, **policy)
        return installation.run(
            "http", payload={"url": web.url()}, retry=retry, max_retries=max_retries
        )

    return run


def test_a_status_that_the_policy_retries_in_vain_is_why_its_run_has_failed(http):
    run = http(404, times=2, max_retries=1, retry_on=("404",))
    assert (outcomes(run), run.reason) == (["retried", "failed"], "failed 2 times")
    assert run.error.type == "dispatch_app.builtin.http.FinalStatus"
    run = http(404)
    assert (outcomes(run), run.reason) == (["failed"], "discarded by the task")
    assert run.error.type == "dispatch_app.builtin.http.FinalStatus"


def test_policies_name_statuses_and_the_servers_word_on_when_is_kept(http):
    assert outcomes(http(404)) == ["failed"]
    assert outcomes(http(404, retry_on=("404",))) == ["retried", "succeeded"]
    assert outcomes(http(502)) == ["retried", "succeeded"]
    refused = http(502, dont_retry_on=("5xx",))
    assert outcomes(refused) == ["failed"]
    assert refused.reason == "its retry policy does not retry this error"
    assert refused.error.type == "dispatch_app.builtin.http.UnexpectedStatus"
    busy = {"headers": {"Retry-After": "1"}, "max_delay": 100}
    put_off = http(503, **busy)
    assert outcomes(put_off) == ["retried", "succeeded"]
    first, second = put_off.attempts
    # longer than the policy's longest delay: the server knows better
    assert (first.delay, second.started_at - first.finished_at >= 1_000) == (1_000, True)
    assert outcomes(http(503, **busy, dont_retry_on=("503",))) == ["failed"]
    assert outcomes(http(503, **busy, max_retries=0)) == ["failed"]
    late = http(429, **busy, deadline=900)
    assert (outcomes(late), late.reason) == (["failed"], TOO_LATE)


# Row 65


@pytest.mark.parametrize(
    ("value", "status", "hooks"),
    [
        ("good", "succeeded", ["before_start", "on_success", "after_return"]),
        ("bad", "failed", ["before_start", "on_failure", "after_return"]),
        (
            "again",
            "succeeded",
            ["before_start", "on_retry", "before_start", "on_success", "after_return"],
        ),
    ],
)
def test_hooks_that_fail_change_nothing_and_are_called_once(shared, seen, value, status, hooks):
    retries = 1 if value == "again" else 0
    run = shared.run("hasty", payload={"value": value}, max_retries=retries)
    told = shared.until(lambda: seen(run.id)[len(hooks) - 1 :] and seen(run.id))
    assert [name for name, *_ in told] == hooks
    # the worker goes on, and nothing comes twice
    assert shared.run("add", payload={"x": 1}).status == "succeeded"
    after = shared.latest(run.task_id)
    assert (after.status, after.attempts) == (status, run.attempts)
    assert after.result == (value if status == "succeeded" else None)
    assert len(seen(run.id)) == len(hooks)
