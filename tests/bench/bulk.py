"""Tasks through the store's script, in pipelines.

Yardstick: the same definitions as hashes and nothing else, in the same pipelines.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from dispatch_app.ids import new_id
from dispatch_app.store.codec import encode_task
from tests.bench.place import Place, in_turns, seconds
from tests.bench.rows import Row
from tests.bench.seeding import EXAMPLE, store_tasks
from tests.installation import Installation


def measure(place: Place) -> Iterator[Row]:
    """The original's example."""
    installation, number = place.installation(), place.size(20_000)
    moment = installation.store.now() + 86_400_000
    ours, bare = in_turns(
        place.rounds(5),
        lambda: seconds(partial(store_tasks, installation, EXAMPLE, [moment] * number)),
        lambda: seconds(partial(store_hashes, installation, number)),
    )
    yield Row(
        name="creation in bulk, through the store",
        value=number / ours,
        unit="/s",
        against="one HSET each",
        yardstick=number / bare,
    )


def store_hashes(installation: Installation, number: int) -> None:
    """Definitions without all that makes them tasks."""
    client, text = installation.store.client, encode_task(EXAMPLE)
    for first in range(0, number, 1_000):
        with client.pipeline(transaction=False) as pipe:
            for _ in range(min(1_000, number - first)):
                pipe.hset(f"bare:{new_id()}", mapping={"def": text, "status": "scheduled"})
            pipe.execute()
