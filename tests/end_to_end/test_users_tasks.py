"""Tasks written with plain Celery run unchanged, as runs of ours, in real processes."""

from __future__ import annotations

import pytest
from celery.exceptions import TaskRevokedError, TimeoutError

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.retry import RetryPolicy
from dispatch_app.operations import runs
from tests.installation import USERS_APP


def outcomes(run) -> list[str]:
    return [attempt.outcome for attempt in run.attempts]


def test_the_nodes_are_up(celery_setup):
    assert len(celery_setup) == 2
    assert celery_setup.worker.hostname() in celery_setup.installation.store.workers.alive("worker")
    celery_setup.worker.assert_log_exists("ready.", timeout=1)
    celery_setup.beat.assert_log_exists("beat: Starting...", timeout=1)


def test_a_shared_task_gets_its_payload_as_keyword_arguments(shared):
    run = shared.run("add", payload={"x": 4})
    assert (run.status, run.result, outcomes(run)) == ("succeeded", 5, ["succeeded"])


def test_a_bound_task_knows_its_run(shared):
    task_id = shared.create("whoami", payload={"greeting": "hello"})
    run = shared.finished(task_id)
    assert run.result == {
        "request": run.id,
        "kwargs": {"greeting": "hello"},
        "retries": 0,
        "run": run.id,
        "task": task_id,
        "attempt": 1,
        "origin": "schedule",
        "scheduled_for": run.result["scheduled_for"],
    }
    assert run.progress == {"done": 1, "of": 2}
    assert run.log == ("hello", "second line")
    assert run.attempts[0].worker == "worker-1@127.0.0.1"


def test_hooks_of_a_base_class_see_the_payload(shared, seen):
    run = shared.run("noting", payload={"value": "good"})
    kwargs = {"value": "good"}
    assert shared.until(lambda: seen(run.id)[2:] and seen(run.id)) == [
        ["before_start", kwargs],
        ["on_success", "good", kwargs],
        ["after_return", "SUCCESS", kwargs],
    ]


def test_hooks_of_a_failure_see_the_payload(shared, seen):
    run = shared.run("noting", payload={"value": "bad"}, max_retries=0)
    assert (run.status, run.error.type, run.error.message) == ("failed", "ValueError", "bad")
    kwargs = {"value": "bad"}
    assert shared.until(lambda: seen(run.id)[2:] and seen(run.id)) == [
        ["before_start", kwargs],
        ["on_failure", "ValueError('bad')", kwargs],
        ["after_return", "FAILURE", kwargs],
    ]


def test_hooks_are_told_of_a_retry(shared, seen):
    run = shared.run("noting", payload={"value": "again"})
    assert (run.status, run.result, outcomes(run)) == (
        "succeeded",
        "again",
        ["retried", "succeeded"],
    )
    kwargs = {"value": "again"}
    assert shared.until(lambda: seen(run.id)[4:] and seen(run.id)) == [
        ["before_start", kwargs],
        ["on_retry", "KeyError('again')", kwargs],
        ["before_start", kwargs],
        ["on_success", "again", kwargs],
        ["after_return", "SUCCESS", kwargs],
    ]


def test_signals_see_the_payload(shared, seen):
    run = shared.run("signalled", payload={"value": "good"})
    kwargs = {"value": "good"}
    assert shared.until(lambda: seen(run.id)[2:] and seen(run.id)) == [
        ["task_prerun", kwargs],
        ["task_success", "good", kwargs],
        ["task_postrun", "SUCCESS", kwargs],
    ]


def test_the_signal_of_a_failure_sees_the_payload(shared, seen):
    run = shared.run("signalled", payload={"value": "bad"}, max_retries=0)
    kwargs = {"value": "bad"}
    assert shared.until(lambda: seen(run.id)[2:] and seen(run.id)) == [
        ["task_prerun", kwargs],
        ["task_failure", "ValueError('bad')", kwargs],
        ["task_postrun", "FAILURE", kwargs],
    ]


def test_autoretry_for_retries_what_it_names(shared):
    run = shared.run("autoretrying", payload={"failures": 2}, max_retries=0)
    assert (run.status, run.result) == ("succeeded", 2)
    assert outcomes(run) == ["retried", "retried", "succeeded"]


def test_countdown_of_a_retry_is_kept_to_on_the_agenda(shared):
    run = shared.run("counting_down", payload={"countdown": 0.6})
    first, second = run.attempts
    assert (run.result, outcomes(run)) == (1, ["retried", "succeeded"])
    assert second.started_at - first.finished_at >= 600


def test_a_retry_that_is_not_raised_counts_as_well(shared):
    run = shared.run("retrying_quietly")
    assert (run.result, outcomes(run)) == ("this is", ["retried", "succeeded"])


def test_a_retry_with_other_arguments_gets_them(shared):
    run = shared.run("retrying_with", payload={"value": 1})
    assert (run.status, run.result) == ("succeeded", 2)


def test_a_task_that_retries_too_often_fails_with_its_own_error(shared):
    run = shared.run("retrying_for_good")
    assert (run.status, run.error.type, run.error.message) == ("failed", "LookupError", "the cause")
    assert outcomes(run) == ["retried", "failed"]


def test_discard_is_never_retried_even_under_autoretry_for_everything(shared):
    run = shared.run("discarding", max_retries=5)
    assert (run.status, outcomes(run)) == ("failed", ["failed"])
    assert run.error.type.endswith("Discard")
    assert run.reason == "discarded by the task"


def test_retry_after_replaces_the_delay_of_the_policy(shared):
    slow = RetryPolicy(delay=3_600_000, jitter=False)
    run = shared.run("waiting_for", payload={"seconds": 0.3}, retry=slow)
    first, second = run.attempts
    assert run.result == 2
    assert 300 <= second.started_at - first.finished_at < 5_000


def test_an_error_is_kept_with_type_message_and_traceback(shared):
    run = shared.run("failing", max_retries=1)
    assert outcomes(run) == ["retried", "failed"]
    assert (run.error.type, run.error.message) == ("ValueError", "as ever")
    assert 'raise ValueError("as ever")' in run.error.traceback
    assert run.reason == "failed 2 times"


def test_a_result_that_nobody_wants_is_not_kept(shared):
    run = shared.run("silent")
    assert (run.status, run.result) == ("succeeded", None)


def test_ignore_ends_the_run_and_reject_fails_it(shared):
    ignored, rejected = shared.create("ignoring"), shared.create("rejecting")
    assert shared.finished(ignored).status == "succeeded"
    run = shared.finished(rejected)
    assert (run.status, run.reason, outcomes(run)) == ("failed", "rejected", ["failed"])


def test_chains_groups_and_delay_inside_a_task_are_stock_celery(shared, seen):
    run = shared.run("composing")
    assert run.result == "sent"
    results = shared.until(lambda: seen(run.id)[4:] and seen(run.id))
    assert sorted(result for _, result in results) == [3, 7, 11, 21, 101]


def test_a_task_that_calls_itself_as_a_function_has_one_result(shared):
    run = shared.run("factorial", payload={"n": 5})
    assert (run.status, run.result) == ("succeeded", 120)


def test_stock_messages_run_beside_ours_and_are_no_runs(shared, seen):
    sent = shared.app.send_task("noted_add", (1, 2), {"about": "stock"})
    assert shared.until(lambda: seen("stock")) == [["noted_add", 3]]
    with pytest.raises(NotImplementedError, match="No result backend"):
        shared.app.AsyncResult(sent.id).state  # noqa: B018


def test_a_payload_that_does_not_fit_is_a_failed_run_and_not_retried(shared):
    # written to the store as it might have been before the type was known
    run = shared.run("added_later", payload={"x": 1, "why": 2}, max_retries=5)
    assert (run.status, outcomes(run)) == ("failed", ["failed"])
    assert "does not fit the function" in run.error.message
    assert "why" in run.error.message
    assert shared.run("add", payload={"x": 1}).status == "succeeded"


def test_a_payload_that_does_not_fit_is_refused_where_the_type_is_known(shared):
    with pytest.raises(InvalidInput) as refused:
        shared.create("add", payload={"y": 1, "why": 2})
    assert set(refused.value.fields) == {"payload.x", "payload"}


def test_an_error_that_cannot_be_pickled_is_kept_as_text(shared):
    run = shared.run("unpicklable", max_retries=1)
    assert (run.status, outcomes(run)) == ("failed", ["retried", "failed"])
    assert (run.error.type, run.error.message) == (f"{USERS_APP}.Unpicklable", "1 and 2")


def test_a_result_that_json_does_not_know_is_kept_as_text(shared):
    run = shared.run("unserializable")
    assert run.status == "succeeded"


def test_a_result_that_is_too_long_is_cut_and_says_so(shared):
    run = shared.run("verbose", payload={"size": 100_000})
    assert len(run.result) <= 65_536
    assert run.reason == "its result of 100002 bytes was cut to 65536"


def test_async_result_answers_for_a_run(shared):
    done = shared.app.AsyncResult(shared.run("add", payload={"x": 1}).id)
    assert (done.state, done.result, done.get(timeout=1)) == ("SUCCESS", 2, 2)
    assert done.successful()
    failed = shared.app.AsyncResult(shared.run("failing", max_retries=0).id)
    assert (failed.state, repr(failed.result)) == ("FAILURE", "ValueError('as ever')")
    assert 'raise ValueError("as ever")' in failed.traceback
    with pytest.raises(ValueError, match="as ever"):
        failed.get(timeout=1)


def test_async_result_waits_for_a_run(shared):
    task_id = shared.create("waiting", payload={"seconds": 0.5})
    result = shared.app.AsyncResult(shared.latest(task_id).id)
    assert result.get(timeout=10, interval=0.05) == "done"


def test_async_result_of_a_run_that_waits(shared):
    task_id = shared.create("counting_down", payload={"countdown": 60})
    run = shared.reached(task_id, "retrying")
    result = shared.app.AsyncResult(run.id)
    assert result.state == "RETRY"
    with pytest.raises(TimeoutError):
        result.get(timeout=0.2, interval=0.05)
    runs.cancel(shared.dispatch, run.id)
    assert result.state == "REVOKED"
    with pytest.raises(TaskRevokedError, match="cancelled by request"):
        result.get(timeout=1)


def test_an_exit_fails_the_attempt_and_not_its_process(shared):
    run = shared.run("exiting", payload={"code": 3}, max_retries=1)
    assert (run.status, outcomes(run)) == ("failed", ["retried", "failed"])
    assert "SystemExit(3)" in run.error.message
    assert "sys.exit(code)" in run.error.traceback


@pytest.mark.parametrize("seconds", ["1e300", "inf", "nan"])
def test_a_retry_after_more_than_all_time_fails_with_an_error_that_says_so(shared, seconds):
    run = shared.run("putting_off", payload={"seconds": seconds}, max_retries=1)
    assert (run.status, outcomes(run), run.error.type) == (
        "failed",
        ["retried", "failed"],
        "ValueError",
    )
    assert run.error.message == f"seconds must be 0 to 3153600000, got {float(seconds)!r}"
