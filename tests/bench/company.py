"""Due tasks to messages in their queue, by three `celery beat` processes at once.

Yardstick: one of them alone. Those that lose a race have planned in vain, and share the cores.
"""

from __future__ import annotations

from collections.abc import Iterator

from dispatch_app.domain.task import Task
from tests.bench.dispatch import KINDS, queue_of
from tests.bench.place import Place, in_turns
from tests.bench.rows import Goal, Row
from tests.bench.seeding import store_tasks
from tests.installation import Installation
from tests.waiting import wait_for

BEATS = 3
DUE = 10_000
#: ms, for which they are not due while they are stored; more than the interval of one
_LATER = 2 * 3_600_000


def measure(place: Place) -> Iterator[Row]:
    """Two kinds."""
    for kind in KINDS:
        number = place.size(DUE)
        many, one = in_turns(
            place.rounds(5),
            lambda: _rate(place, BEATS, kind, number),  # noqa: B023 - called at once
            lambda: _rate(place, 1, kind, number),  # noqa: B023
        )
        yield Row(
            name=f"{BEATS} beats dispatch {number:,} due {kind} tasks",
            value=many,
            unit="/s",
            against="one beat",
            yardstick=one,
            goal=Goal("ratio", ">=", 0.9),
        )


def _rate(place: Place, beats: int, kind: str, number: int) -> float:
    """Tasks a second."""
    installation = place.installation()
    processes = [installation.beat(app="dispatch_app", wait=False) for _ in range(beats)]
    installation.until(lambda: len(installation.beats()) == beats, "the beats to live", timeout=60)
    _dispatched(installation, KINDS[kind], 10)  # now they know who is ahead
    taken = _dispatched(installation, KINDS[kind], number)
    for process in processes:
        process.remove()
    installation.server.stop()
    return number / taken


def _dispatched(installation: Installation, task: Task, number: int) -> float:
    """Seconds from the moment at which so many are due until all of their messages are there."""
    client, keys = installation.store.client, installation.store.keys
    store_tasks(installation, task, [installation.store.now() + _LATER] * number)
    later = client.zrangebyscore(keys.agenda(), installation.store.now() + _LATER // 4 * 3, "+inf")
    before = client.llen(queue_of(task))
    moment = installation.store.now()
    with client.pipeline() as pipe:
        for member in later:
            pipe.hset(keys.task(member[2:]), "next", moment)
        pipe.zadd(keys.agenda(), dict.fromkeys(later, moment))
        pipe.publish(keys.wake(), "")
        pipe.execute()
    moment = installation.store.now()
    wait_for(lambda: client.llen(queue_of(task)) == before + number, 60, "them all", pause=0.005)
    return (installation.store.now() - moment) / 1_000
