"""Time limits, and processes that die under a run."""

from __future__ import annotations

import pytest

from dispatch_app.domain.task import MAX_LOST


def outcomes(run) -> list[str]:
    return [attempt.outcome for attempt in run.attempts]


def test_the_soft_limit_lets_a_task_tidy_up(shared):
    run = shared.run("tidy", timeout=2_000)
    assert (run.status, run.result) == ("succeeded", "tidied up")
    assert run.finished_at - run.started_at < 2_000


def test_the_soft_limit_ends_a_task_that_does_not_care(shared):
    run = shared.run("waiting", timeout=2_000, max_retries=0)
    assert (run.status, outcomes(run)) == ("failed", ["timed_out"])
    assert run.error.type.endswith("SoftTimeLimitExceeded")


def test_the_hard_limit_is_written_down_at_once_by_the_main_process(shared):
    run = shared.run("endless", timeout=1_000, max_retries=0)
    assert (run.status, outcomes(run)) == ("failed", ["timed_out"])
    assert run.error.type.endswith("TimeLimitExceeded")
    assert run.lost == 0  # not by the lease that lapsed
    assert 1_000 <= run.finished_at - run.started_at < 2_500


def test_a_timeout_is_retried_like_any_failure(shared):
    run = shared.run("endless", timeout=500, max_retries=1)
    assert (run.status, outcomes(run)) == ("failed", ["timed_out", "timed_out"])
    assert (run.failures, run.lost) == (2, 0)


@pytest.mark.parametrize("type", ["waiting", "endless"])
def test_so_many_attempts_time_out_as_the_task_may_have_and_one_event_says_that_it_failed(
    shared, type
):
    """Row 19, for the soft limit and for the hard one."""
    run = shared.run(type, timeout=2_000, max_retries=2)
    assert (run.status, run.reason) == ("failed", "failed 3 times")
    assert (outcomes(run), run.failures, run.lost) == (["timed_out"] * 3, 3, 0)
    once = ["run.queued", "run.running", "run.retrying"]
    assert events(shared, run) == [*once, *once, *once[:2], "run.failed"]


def events(shared, run) -> list[str]:
    """What the stream says of a run, oldest first."""
    with shared.server.client() as client:
        entries = client.xrange(shared.store.keys.events())
    return [fields["event"] for _, fields in entries if fields["run"] == run.id]


def test_a_lost_process_does_not_eat_the_retries(shared):
    run = shared.run("dying", payload={"times": 1}, max_retries=0)
    assert (run.status, run.result, outcomes(run)) == ("succeeded", 2, ["lost", "succeeded"])
    assert (run.failures, run.lost) == (0, 1)


def test_a_run_that_kills_its_processes_ends_and_the_worker_lives(shared, celery_setup):
    """Row 12."""
    task_id = shared.create("dying", max_retries=1_000)
    run = shared.finished(task_id, timeout=40)
    assert (run.status, outcomes(run)) == ("failed", ["lost"] * (MAX_LOST + 1))
    assert run.reason == "its worker's process vanished 4 times"
    assert shared.store.dead_letters.get(run.id) == run
    assert celery_setup.worker.container.status == "running"
    assert shared.run("add", payload={"x": 1}).status == "succeeded"
