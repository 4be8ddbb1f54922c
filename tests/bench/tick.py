"""A tick with a hundred due tasks among many, and among few: what it costs is for what is due.

Yardstick: the same among a thousand.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.bench.dispatch import dispatch_all
from tests.bench.place import Place, in_turns, seconds
from tests.bench.rows import Goal, Row
from tests.bench.seeding import EXAMPLE, store_tasks
from tests.installation import Installation

DUE = 100


def measure(place: Place) -> Iterator[Row]:
    """Among a million."""
    many, few = place.stock(1_000_000), place.stock(1_000)
    value, yardstick = in_turns(
        place.rounds(21), partial(_tick, many.installation), partial(_tick, few.installation)
    )
    yield Row(
        name=f"tick with {DUE} due among {many.tasks:,} tasks",
        value=value,
        unit="ms",
        against=f"the same among {few.tasks:,}",
        yardstick=yardstick,
        goal=Goal("ratio", "<", 2),
    )


def _tick(installation: Installation) -> float:
    """Milliseconds."""
    past = installation.store.now() - 1
    store_tasks(installation, EXAMPLE, [past] * DUE)
    return 1000 * seconds(lambda: dispatch_all(installation))
