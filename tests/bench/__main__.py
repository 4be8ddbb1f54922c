"""The command: runs the measurements that are asked for, and shows their rows."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import celery
import click
import kombu
import msgspec

from tests.bench import (
    beat,
    bulk,
    company,
    creation,
    dispatch,
    idle,
    listing,
    memory,
    planning,
    tick,
    worker,
)
from tests.bench.place import Place
from tests.bench.rows import Row, table

#: In this order: the stock of tasks that several of them look at only grows.
MEASURES: dict[str, Callable[[Place], Iterator[Row]]] = {
    "planning": planning.measure,
    "dispatch": dispatch.measure,
    "company": company.measure,
    "worker": worker.measure,
    "creation": creation.measure,
    "bulk": bulk.measure,
    "idle": idle.measure,
    "tick": tick.measure,
    "beat": beat.measure,
    "memory": memory.measure,
    "listing": listing.measure,
}


@click.command()
@click.option("--only", type=click.Choice(list(MEASURES)), multiple=True, help="May be repeated.")
@click.option("--quick", is_flag=True, help="A hundred times smaller: does it work at all?")
@click.option("--json", "as_json", is_flag=True, help="A list of objects instead of a table.")
def main(only: tuple[str, ...], quick: bool, as_json: bool) -> None:
    """Measure dispatch on a Valkey server of its own, without persistence."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), quick=quick)
        try:
            rows = [row for name in only or MEASURES for row in _measured(name, place)]
            head = _head(place)
        finally:
            place.close()
    if as_json:
        click.echo(msgspec.json.encode([row.plain() for row in rows]))
    else:
        click.echo(f"{head}\n\n{table(rows)}")


def _measured(name: str, place: Place) -> list[Row]:
    began = time.monotonic()
    rows = list(MEASURES[name](place))
    print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    return rows


def _head(place: Place) -> str:
    """What the figures belong to."""
    with place.server().client() as client:
        info = client.info("server")
    server = (
        f"{info.get('server_name', 'redis')} {info.get('valkey_version', info['redis_version'])}"
    )
    return (
        f"{os.cpu_count()} cores, Python {platform.python_version()}, "
        f"celery {celery.__version__}, kombu {kombu.__version__}, {server} without persistence, "
        f"load {os.getloadavg()[1]:.1f}"
    )


if __name__ == "__main__":
    main()
