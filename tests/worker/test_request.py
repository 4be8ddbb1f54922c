"""What only the main process can write down: how attempts end whose process does not come back."""

from __future__ import annotations

import pytest

from dispatch_app.domain.retry import TOO_LATE, RetryPolicy
from tests.waiting import wait_for

QUICK = "tests.worker.quick_app"
#: What a PaaS sends is to be a shutdown with a grace period, not one that waits for all runs.
SOFT = {"REMAP_SIGTERM": "SIGQUIT"}


def outcomes(run) -> list[tuple[int, str]]:
    return [(attempt.number, attempt.outcome) for attempt in run.attempts]


def who(run) -> list[str]:
    return [attempt.worker.split("@")[0] for attempt in run.attempts]


@pytest.fixture
def begun(installation, notes):
    """Starts a task that takes 20 s when it is called for the first time; waits until it is."""

    def begin(**fields):
        task_id = installation.create("slow_at_first", **fields)
        run = installation.reached(task_id, "running")
        installation.until(lambda: notes(run.id) == [["begins"]])
        return run

    return begin


@pytest.mark.parametrize("everybody", [True, False], ids=["all processes", "main process"])
def test_a_run_is_handed_back_at_the_end_of_grace_and_finished_elsewhere(
    installation, begun, notes, everybody
):
    # no beat is there to miss the worker: what happens is its own doing
    leaving = installation.worker(app=QUICK, **SOFT)
    run = begun(max_retries=0)
    other = installation.worker(app=QUICK)
    (leaving.kill_all if everybody else leaving.kill)("SIGTERM")
    leaving.wait()
    run = installation.finished(run.task_id, timeout=5)
    assert (run.status, run.result) == ("succeeded", "quick this time")
    assert outcomes(run) == [(1, "handed_back"), (1, "succeeded")]
    assert who(run) == [leaving.name, other.name]
    assert (run.attempt, run.failures, run.lost) == (1, 0, 0)
    assert notes(run.id) == [["begins"], ["begins"]]


def test_a_cold_shutdown_hands_back_as_well(installation, begun):
    leaving = installation.worker(app=QUICK)
    run = begun()
    leaving.kill("SIGQUIT")
    wait_for(lambda: "Initiating Soft Shutdown" in leaving.logs(), 5)
    leaving.kill("SIGQUIT")  # now, without grace
    leaving.wait()
    handed_back = installation.latest(run.task_id)
    assert (handed_back.status, outcomes(handed_back)) == ("queued", [(1, "handed_back")])
    installation.worker(app=QUICK)
    assert outcomes(installation.finished(run.task_id)) == [(1, "handed_back"), (1, "succeeded")]


def test_a_message_that_waits_in_the_worker_goes_back_too(installation, begun):
    leaving = installation.worker("--prefetch-multiplier", "2", app=QUICK, **SOFT)
    begun()
    with installation.server.client() as client:
        waiting = installation.create("add", payload={"x": 1})
        wait_for(lambda: client.hlen("unacked") == 2, 5, "the worker to fetch it")
        leaving.kill_all("SIGTERM")
        leaving.wait()
        assert client.exists("unacked") == 0
    assert installation.latest(waiting).status == "queued"
    installation.worker(app=QUICK)
    assert outcomes(installation.finished(waiting)) == [(1, "succeeded")]


def test_a_message_of_the_users_own_goes_back_and_is_no_run(installation, notes):
    leaving = installation.worker(app=QUICK, **SOFT)
    installation.app.send_task("slow_at_first", kwargs={"about": "stock"}, queue="default")
    installation.until(lambda: notes("stock") == [["begins"]])
    leaving.kill_all("SIGTERM")
    leaving.wait()
    assert "was not handed back" not in leaving.logs()
    installation.worker(app=QUICK)
    installation.until(lambda: notes("stock") == [["begins"], ["begins"]])


def test_a_run_that_was_cancelled_in_the_grace_period_stays_so(installation, begun):
    leaving = installation.worker(app=QUICK, **SOFT)
    run = begun()
    installation.store.runs.cancel(run.id, "by hand")
    before = installation.latest(run.task_id)
    leaving.kill_all("SIGTERM")
    leaving.wait()
    assert installation.latest(run.task_id) == before
    assert before.status == "cancelled"


def test_a_run_that_was_asked_to_end_is_not_handed_back(installation, begun):
    leaving = installation.worker(app=QUICK, **SOFT)
    run = begun()
    leaving.kill_all("SIGTERM")
    installation.store.runs.cancel(run.id, "by hand", 60_000)
    leaving.wait()
    run = installation.latest(run.task_id)
    assert (run.status, run.reason, outcomes(run)) == ("cancelled", "by hand", [(1, "cancelled")])


def test_a_hard_limit_is_written_down_by_the_main_process_before_any_lease_lapses(installation):
    installation.environ["SCHEDULER_HEARTBEAT_INTERVAL"] = "20s"
    installation.worker()
    run = installation.run("endless", timeout=1_000, max_retries=0)
    assert (run.status, outcomes(run), run.lost) == ("failed", [(1, "timed_out")], 0)
    assert run.error.type.endswith("TimeLimitExceeded")


def test_a_process_that_vanished_is_written_down_before_any_lease_lapses(installation):
    installation.environ["SCHEDULER_HEARTBEAT_INTERVAL"] = "20s"
    installation.worker()
    run = installation.reached(installation.create("dying", max_retries=0), "retrying")
    assert (outcomes(run), run.failures, run.lost) == ([(1, "lost")], 0, 1)
    error = run.attempts[0].error
    assert error.type.endswith("WorkerLostError")
    assert "signal 9 (SIGKILL)" in error.message
    assert error.message.endswith("the kernel does so where memory is short.")


def test_a_process_that_vanished_after_the_deadline_is_not_followed_by_another(installation):
    installation.worker()
    policy = RetryPolicy(deadline=0)
    run = installation.run("dying", payload={"times": 1}, retry=policy)
    assert (run.status, outcomes(run), run.lost) == ("failed", [(1, "lost")], 1)
    assert run.reason == TOO_LATE
