"""Tasks through the API: checked, planned, stored and answered for.

Yardstick: a Flask app of one route that writes one hash, under the same gunicorn.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.place import Place, in_turns
from tests.bench.rows import Row
from tests.bench.seeding import EXAMPLE_BODY
from tests.bench.web import Site, post


def measure(place: Place) -> Iterator[Row]:
    """The original's example, four callers at a time."""
    installation, number = place.installation(), place.size(2_000)
    ours = Site(place, installation, "dispatch_api.wsgi:app")
    bare = Site(place, installation, "tests.bench.bare_web:app")
    value, yardstick = in_turns(
        place.rounds(5),
        lambda: ours.requests_per_second(post("/api/v1/tasks", EXAMPLE_BODY), number),
        lambda: bare.requests_per_second(post("/", EXAMPLE_BODY), number),
    )
    for site in (ours, bare):
        site.process.remove()
    yield Row(
        name="creation through the API",
        value=value,
        unit="/s",
        against="a Flask route that writes one hash",
        yardstick=yardstick,
    )
