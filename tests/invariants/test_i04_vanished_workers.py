"""I4: a run whose worker vanished gets its next attempt, or its end, within one lease time."""

from __future__ import annotations

import pytest

from dispatch_app.domain.run import MAX_LOST
from dispatch_app.scheduler.recovery import reap

LEASE = 1_500  # three heartbeats of the tests' installation


def test_the_run_of_a_killed_worker_is_finished_by_another(installation):
    installation.beat(wait=False)
    victim, other = (installation.worker("-Q", f"q{n},default") for n in (1, 2))
    task_id = installation.create("waiting", payload={"seconds": 0.5}, queue="q1")
    installation.reached(task_id, "running")
    killed_at = installation.store.now()
    victim.kill_all("SIGKILL")
    run = installation.until(
        lambda: (r := installation.latest(task_id)).attempt == 2 and r, "the next attempt", 5
    )
    # one lease, and a look of the scheduler; it looks each half second
    assert run.queued_at - killed_at < LEASE + 1_500
    assert (run.attempts[0].outcome, run.lost, run.failures) == ("lost", 1, 0)
    installation.app.control.add_consumer("q1", destination=[f"{other.name}@127.0.0.1"])
    run = installation.finished(task_id)
    assert (run.status, [a.outcome for a in run.attempts]) == ("succeeded", ["lost", "succeeded"])


@pytest.mark.parametrize("lost", range(MAX_LOST + 1))
def test_a_run_is_given_up_after_its_last_lost_attempt(installation, lost):
    run = installation.latest(installation.create("add", payload={"x": 1}))
    for attempt in range(1, lost + 2):
        installation.store.runs.start(run.id, attempt, token=f"t{attempt}", worker="w", lease=1)
        installation.until(lambda: reap(installation.dispatch) == 1)
    run = installation.store.runs.get(run.id)
    assert [attempt.outcome for attempt in run.attempts] == ["lost"] * (lost + 1)
    assert run.status == ("failed" if lost == MAX_LOST else "queued")
    assert run.failures == 0
