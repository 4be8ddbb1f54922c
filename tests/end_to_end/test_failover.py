"""Redis Sentinel: the primary dies, or is replaced, while tasks are created and run."""

from __future__ import annotations

import threading
import time
from itertools import count

import pytest

from dispatch_app.domain.errors import NotConfirmed, StoreUnavailable
from tests.end_to_end.test_redis_in_trouble import APP, Ledger
from tests.sentinels import Watched
from tests.waiting import wait_for


class Load:
    """Creates one task after the other; knows which of them it was told are stored, and when."""

    def __init__(self, installation) -> None:
        self._installation, self._stop = installation, threading.Event()
        self.stored: dict[str, float] = {}
        self.unconfirmed = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)

    def goes_on(self) -> None:
        """Wait until something more is stored."""
        before = len(self.stored)
        wait_for(lambda: len(self.stored) > before + 5, 30, "more to be stored")

    def _run(self) -> None:
        for number in count():
            if self._stop.wait(0.01):
                return
            label = f"task-{number}"
            try:
                self._installation.create("enter", payload={"label": label})
                self.stored[label] = time.monotonic()
            except NotConfirmed:
                self.unconfirmed += 1
            except StoreUnavailable:
                self._stop.wait(0.1)


@pytest.fixture
def watched(new_redis, tmp_path):
    watched = Watched(new_redis, tmp_path, "--appendonly", "yes")
    yield watched
    watched.close()


@pytest.fixture
def ledger(tmp_path) -> Ledger:
    return Ledger(tmp_path / "ledger")


@pytest.fixture
def started(watched, ledger, new_installation):
    """Starts an installation with worker, beat and load: `started(KEY="value")`."""
    loads = []

    def start(**environ: str):
        installation = new_installation(
            watched.primary, REDIS_URL=watched.url, LEDGER=str(ledger.path), **environ
        )
        installation.worker("-c", "2", app=APP, wait=False)
        installation.beat(app=APP)
        loads.append(Load(installation))
        loads[0].goes_on()
        return installation, loads[0]

    yield start
    for load in loads:
        load.stop()


def test_the_primary_is_killed_and_nothing_that_replicas_confirmed_is_lost(
    watched, ledger, started
):
    installation, load = started(REDIS_WAIT_REPLICAS="1")
    watched.primary.kill()
    wait_for(lambda: watched.address() == watched.replica.port, 30, "the replica to take over")
    # the new one has no replica to ask
    wait_for(lambda: load.unconfirmed, 30, "a client to be told so")
    watched.primary.start()
    wait_for(lambda: watched.is_replica(watched.primary), 30, "the old one to follow the new one")
    load.goes_on()
    load.stop()
    installation.until(
        lambda: set(load.stored) <= set(ledger.count("end")), "all to run", timeout=60
    )


def test_the_primary_is_replaced_by_hand_and_work_goes_on(watched, ledger, started):
    installation, load = started()
    replaced = time.monotonic()
    watched.fail_over()
    wait_for(lambda: watched.address() == watched.replica.port, 30, "the replica to take over")
    wait_for(lambda: watched.is_replica(watched.primary), 30, "the old one to follow the new one")
    over = time.monotonic()
    load.goes_on()
    load.stop()
    # what was stored in the last moments may not have reached the new one: nobody asked whether
    safe = {label for label, at in load.stored.items() if not replaced - 1 < at < over}
    installation.until(lambda: safe <= set(ledger.count("end")), "all to run", timeout=60)
