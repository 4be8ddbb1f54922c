"""I3, I4 and I5 in every pool: workers that are killed, frozen or cut off while they run something.

All pools at once, a worker and a queue each: what is waited for is the same.
"""

from __future__ import annotations

import pytest

from tests.proxy import Proxy

QUICK = "tests.worker.quick_app"
POOLS = ("prefork", "threads", "gevent", "solo")
LEASE = 1_500  # three heartbeats of the tests' installation
#: ms that a scheduler may take to see that a lease has lapsed, on a machine that is busy
LOOK = 2_500


class Pools:
    """A worker of each pool, each in the midst of a run."""

    def __init__(self, installation, type: str, payload: dict, **environ: str) -> None:
        self.installation = installation
        installation.beat(wait=False)
        self.workers = {
            pool: installation.worker(
                "-P", pool, "-c", "1", "-Q", pool, app=QUICK, wait=False, **environ
            )
            for pool in POOLS
        }
        for worker in self.workers.values():
            worker.ready()
        self.tasks = {
            pool: installation.create(type, payload=payload, queue=pool) for pool in POOLS
        }
        for task_id in self.tasks.values():
            run = installation.reached(task_id, "running")
            installation.until(lambda run=run: installation.notes(run.id) == [["begins"]])

    def runs(self):
        """Pool -> its run."""
        return {pool: self.installation.latest(task_id) for pool, task_id in self.tasks.items()}

    def signal(self, name: str) -> None:
        """Send it to all processes of all workers."""
        for worker in self.workers.values():
            worker.kill_all(name)

    def missed_after(self) -> dict[str, int]:
        """Pool -> ms from now until the next attempt was in its queue."""
        began = self.installation.store.now()

        def all_queued():
            runs = self.runs()
            return runs if {run.attempt for run in runs.values()} == {2} else None

        runs = self.installation.until(all_queued, "all next attempts")
        return {pool: run.queued_at - began for pool, run in runs.items()}

    def another_worker(self):
        """Start a worker for all of their queues."""
        return self.installation.worker("-c", "4", "-Q", ",".join(POOLS), app=QUICK)

    def finished_by(self, other) -> None:
        """Wait until all runs have, by this worker, and in the attempt after the lost one."""
        for pool, task_id in self.tasks.items():
            run = self.installation.finished(task_id)
            assert [(a.outcome, a.worker.split("@")[0]) for a in run.attempts] == [
                ("lost", self.workers[pool].name),
                ("succeeded", other.name),
            ], pool
            assert (run.status, run.lost, run.failures) == ("succeeded", 1, 0)

    def refused(self) -> None:
        """Wait until each worker has said that its run is no longer its own."""
        for pool, worker in self.workers.items():
            run_id = self.runs()[pool].id
            late = (f"Run {run_id}, attempt 1: ", f"Run {run_id} was cancelled or given")
            self.installation.until(
                lambda w=worker, late=late: any(words in w.logs() for words in late),
                f"the worker of the pool {pool} to notice",
            )


@pytest.fixture
def proxy(installation):
    proxy = Proxy(installation.server.port)
    yield proxy
    proxy.close()


def test_killed(installation):
    pools = Pools(installation, "slow_at_first", {})
    pools.signal("SIGKILL")
    assert max(pools.missed_after().values()) < LEASE + LOOK
    pools.finished_by(pools.another_worker())


def test_frozen_for_longer_than_the_lease_and_continued(installation):
    pools = Pools(installation, "waiting", {"seconds": 3})
    pools.signal("SIGSTOP")
    assert max(pools.missed_after().values()) < LEASE + LOOK
    other = pools.another_worker()
    for task_id in pools.tasks.values():
        installation.reached(task_id, "running")
    pools.signal("SIGCONT")
    pools.refused()
    pools.finished_by(other)


def test_cut_off_from_redis_and_back(installation, proxy):
    pools = Pools(installation, "slow_at_first", {}, REDIS_URL=proxy.url)
    proxy.refuse = True
    proxy.cut()
    assert max(pools.missed_after().values()) < LEASE + LOOK
    pools.finished_by(pools.another_worker())
    proxy.heal()
    pools.refused()


@pytest.mark.soak
def test_with_default_settings_another_worker_finishes_in_less_than_twenty_seconds(installation):
    """Row 4."""
    installation.environ["SCHEDULER_HEARTBEAT_INTERVAL"] = "5s"
    installation.beat()
    victim = installation.worker(app=QUICK)
    task_id = installation.create("slow_at_first")
    run = installation.reached(task_id, "running")
    installation.until(lambda: installation.notes(run.id) == [["begins"]])
    installation.worker(app=QUICK)
    killed_at = installation.store.now()
    victim.kill_all("SIGKILL")
    run = installation.finished(task_id, timeout=30)
    assert [attempt.outcome for attempt in run.attempts] == ["lost", "succeeded"]
    assert run.finished_at - killed_at < 20_000
