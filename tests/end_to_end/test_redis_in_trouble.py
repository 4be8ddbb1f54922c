"""Redis away, frozen, read-only, full or slow: all goes on by itself (rows 5 and 55 of the pains).

Nobody restarts anything. What a client was told is stored runs once, all that ran is in a ledger
outside of Redis, and a run that goes on all the while is one attempt.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from itertools import count

import pytest

from dispatch_app.domain.errors import StoreUnavailable
from dispatch_app.domain.schedule import Interval
from tests.proxy import Proxy

APP = "tests.end_to_end.ledger_app"
#: Runs that stand in the queue when the trouble begins.
WAITING = 12


@contextlib.contextmanager
def killed(server, proxy):
    server.kill()
    yield
    server.start()


@contextlib.contextmanager
def frozen(server, proxy):
    with server.frozen():
        yield


@contextlib.contextmanager
def read_only(server, proxy):
    """As after a failover that its clients have not heard of."""
    with server.client() as client:
        client.execute_command("REPLICAOF", "127.0.0.1", "1")
        yield
        client.execute_command("REPLICAOF", "NO", "ONE")


@contextlib.contextmanager
def full(server, proxy):
    with server.client() as client:
        client.config_set("maxmemory", 1)
        yield
        client.config_set("maxmemory", 0)


@contextlib.contextmanager
def slow(server, proxy):
    proxy.delay_s = 0.2
    yield
    proxy.heal()


TROUBLES = {each.__name__: each for each in (killed, frozen, read_only, full, slow)}
#: Which are seen in every test run; the others, and longer ones, by hand (-m soak).
QUICK = [
    ("killed", "prefork"), ("frozen", "threads"), ("read_only", "prefork"), ("full", "threads"),
    ("slow", "solo"),
]  # fmt: skip
POOLS = ("prefork", "threads", "solo")


class Ledger:
    """What ran, by a file outside of Redis."""

    def __init__(self, path) -> None:
        self.path = path
        path.touch()

    def count(self, what: str) -> Counter[str]:
        """How often each label has begun or ended."""
        lines = [line.split() for line in self.path.read_text().splitlines()]
        return Counter(label for word, label, _ in lines if word == what)


@pytest.fixture
def server(new_redis):
    return new_redis("--appendonly", "yes", "--appendfsync", "always")


@pytest.fixture
def proxy(server):
    proxy = Proxy(server.port)
    yield proxy
    proxy.close()


@pytest.fixture
def ledger(tmp_path) -> Ledger:
    return Ledger(tmp_path / "ledger")


@pytest.fixture
def installation(server, proxy, ledger, new_installation):
    """Its processes reach Redis through the proxy."""
    return new_installation(
        server, REDIS_URL=proxy.url, LEDGER=str(ledger.path), SCHEDULER_REDELIVER_AFTER="5s"
    )


def carries_on(installation, server, proxy, ledger, trouble: str, pool: str, seconds: float):
    """Trouble for so long in the midst of work; at the end all is done, each once."""
    known, numbers = set(), count()

    def create(label: str, **fields) -> None:
        installation.create("enter", payload={"label": label, **fields})
        known.add(label)

    worker = installation.worker("-P", pool, "-c", "2", app=APP)
    beat = installation.beat(app=APP)
    every = installation.create("enter", payload={"label": "tick"}, schedule=Interval(every=500))
    create("long", seconds=seconds + 2)
    if pool != "solo":
        installation.until(lambda: ledger.count("begin")["long"], "the long run to begin")
    for number in range(WAITING):
        create(f"waiting-{number}", seconds=0.05)
    with TROUBLES[trouble](server, proxy):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(StoreUnavailable):
                create(f"meanwhile-{next(numbers)}")
            time.sleep(0.2)
    installation.until(lambda: installation.store.check_schema() is None, "the store to be back")
    create("after")
    ticks = ledger.count("end")["tick"]
    # the time for the reserve of what kombu lost: `scheduler.redeliver_after`
    installation.until(lambda: known <= set(ledger.count("end")), "all to be done", timeout=60)
    installation.until(lambda: ledger.count("end")["tick"] > ticks + 1, "beat to go on")
    assert (worker.status, beat.status) == ("running", "running")
    begun = ledger.count("begin")
    assert {label: begun[label] for label in known} == dict.fromkeys(known, 1)
    assert len(installation.runs_of(every)) >= begun["tick"]


@pytest.mark.parametrize(("trouble", "pool"), QUICK)
def test_all_goes_on_by_itself(installation, server, proxy, ledger, trouble, pool):
    carries_on(installation, server, proxy, ledger, trouble, pool, 3)


@pytest.mark.soak
@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("trouble", TROUBLES)
def test_all_goes_on_by_itself_after_a_minute(installation, server, proxy, ledger, trouble, pool):
    carries_on(installation, server, proxy, ledger, trouble, pool, 60)
