"""A scheduler's eye on the clock of Redis."""

from __future__ import annotations

import logging
import re

import pytest

from dispatch_app.scheduler.clock import TOLERANCE, ServerClock
from dispatch_app.scheduler.recovery import reap
from tests.waiting import wait_for

LEASE = 15.0
HOUR, DAY = 3_600.0, 86_400.0


class Looks:
    """A `ServerClock` whose two clocks are moved by hand."""

    def __init__(self) -> None:
        self.host, self.server = 500.0, 1_700_000_000.0
        self.clock = ServerClock(int(LEASE * 1000), here=lambda: self.host)

    def wait(self, seconds: float, rate: float = 1.0) -> None:
        """Time goes by; the server's clock may run faster or slower than it."""
        self.host += seconds
        self.server += seconds * rate

    def look(self, there: float = 0.001, back: float = 0.001) -> None:
        """Ask what the time is; question and answer are under way for so many seconds."""
        asked = self.host
        self.wait(there)
        answer = int(self.server * 1000)
        self.wait(back)
        self.clock.read(answer, asked)

    def watch(self, seconds: float, rate: float = 1.0) -> None:
        """Look about once a second, for a while."""
        for _ in range(int(seconds)):
            self.wait(1, rate)
            self.look()


@pytest.fixture
def looks() -> Looks:
    """One that has been watching for longer than a lease."""
    looks = Looks()
    looks.look()
    looks.watch(LEASE + 1)
    assert looks.clock.tells_lapsed_leases
    return looks


@pytest.fixture
def logged(caplog):
    """The messages so far."""
    caplog.set_level(logging.INFO)
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("seconds", [HOUR, DAY, 2, 1.5, -2, -HOUR, -DAY])
def test_a_jump_is_logged_once_with_its_size(looks, logged, seconds):
    looks.server += seconds
    looks.watch(3)
    (message,) = logged()
    assert f"jumped by {seconds:+.1f} s" in message
    assert ("misfire" in message) is (seconds > 0)
    assert ("does not run again" in message) is (seconds < 0)


def test_two_jumps_are_two_messages(looks, logged):
    for seconds in (HOUR, -HOUR):
        looks.server += seconds
        looks.watch(2)
    assert len(logged()) == 2


@pytest.mark.parametrize("seconds", [HOUR, 2, -2, -DAY])
def test_after_a_jump_no_lease_is_judged_for_as_long_as_one_lives(looks, seconds):
    looks.server += seconds
    looks.look()
    assert not looks.clock.tells_lapsed_leases
    looks.watch(LEASE - 1)
    assert not looks.clock.tells_lapsed_leases
    looks.watch(2)
    assert looks.clock.tells_lapsed_leases


def test_nor_after_an_outage_of_redis(looks, logged):
    looks.clock.interrupted()
    looks.watch(LEASE - 1)
    assert not looks.clock.tells_lapsed_leases
    looks.watch(2)
    assert looks.clock.tells_lapsed_leases
    assert logged() == []


def test_nor_after_the_scheduler_itself_stood_still_for_a_lease(looks, logged):
    """Its host may have slept, and the workers on it."""
    looks.wait(LEASE + 1)
    looks.look()
    assert not looks.clock.tells_lapsed_leases
    assert logged() == []


def test_nor_by_a_scheduler_that_has_only_begun():
    looks = Looks()
    looks.look()
    assert not looks.clock.tells_lapsed_leases


@pytest.mark.parametrize(("there", "back"), [(8, 0), (0, 8), (4, 4)])
def test_an_answer_that_takes_long_is_no_jump(looks, logged, there, back):
    for _ in range(3):
        looks.wait(1)
        looks.look(there, back)
        looks.wait(1)
        looks.look()
    assert logged() == []
    assert looks.clock.tells_lapsed_leases


def test_behind_an_answer_that_takes_long_a_jump_is_still_seen(looks, logged):
    looks.server += HOUR
    looks.wait(1)
    looks.look(there=4, back=4)
    assert len(logged()) == 1


@pytest.mark.parametrize("rate", [0.99, 1.01])
def test_a_smear_is_no_jump_however_far_it_goes(looks, logged, rate):
    """A leap second, smeared over hours, and far worse."""
    looks.watch(10 * TOLERANCE / 1000 * 100, rate)
    assert logged() == []
    assert looks.clock.tells_lapsed_leases


@pytest.fixture
def lapsed(installation):
    """A run whose lease has run out, by what the server's clock says."""
    run = installation.latest(installation.create("add", payload={"x": 1}))
    installation.store.runs.start(run.id, 1, token="t", worker="w@host", lease=60_000)
    with installation.server.client() as client:
        client.zadd(installation.store.keys.leases(), {run.id: installation.store.now() - 1})
    return run


def test_a_lapsed_run_is_taken_care_of_by_a_clock_that_is_right(installation, lapsed):
    clock = ServerClock(0)
    clock.read(installation.store.now(), clock.here())
    assert reap(installation.dispatch, clock) == 1
    assert installation.latest(lapsed.task_id).attempt == 2


def test_a_jump_since_the_last_look_is_found_before_a_run_is_taken_from_its_worker(
    installation, lapsed, logged
):
    """The look at the leases and the look at the agenda are two: the jump may come between them."""
    host = [1_000.0]
    clock = ServerClock(int(LEASE * 1000), here=lambda: host[0])
    clock.read(installation.store.now() - int(HOUR * 1000), host[0])
    host[0] += LEASE
    assert clock.tells_lapsed_leases
    assert reap(installation.dispatch, clock) == 0
    assert installation.latest(lapsed.task_id).status == "running"
    size = re.search(r"jumped by (\S+) s", logged()[0])
    assert float(size[1]) == pytest.approx(HOUR - LEASE, abs=1)


def test_its_lease_is_judged_again_when_one_lease_has_been_watched(installation, lapsed):
    clock = ServerClock(500)
    begin = clock.here()
    clock.interrupted()
    wait_for(lambda: reap(installation.dispatch, clock) == 1)
    assert clock.here() - begin >= 0.5


def test_a_lease_from_before_a_jump_back_lapses_too(installation):
    """Its worker is dead: it would have renewed it by the new clock."""
    run = installation.latest(installation.create("add", payload={"x": 1}))
    installation.store.runs.start(run.id, 1, token="t", worker="w@host", lease=60_000)
    with installation.server.client() as client:
        leases = {run.id: installation.store.now() + int(HOUR * 1000)}
        client.zadd(installation.store.keys.leases(), leases)
    clock = ServerClock(0)
    assert reap(installation.dispatch, clock) == 1
    assert installation.latest(run.task_id).attempt == 2
