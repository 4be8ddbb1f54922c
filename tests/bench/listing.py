"""A page of a hundred tasks out of a million, through the API.

Yardstick: the same page out of a thousand.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tests.bench.place import Place, in_turns, seconds
from tests.bench.rows import Goal, Row
from tests.bench.web import Caller, Site, get

PAGE = "/api/v1/tasks?limit=100"
FILTERED = f"{PAGE}&status=scheduled&type=email"


def measure(place: Place) -> Iterator[Row]:
    """The first page, one in the depth, and one with two filters."""
    many, few = place.stock(1_000_000), place.stock(1_000)
    sites = [Site(place, s.installation, "dispatch_api.wsgi:app") for s in (many, few)]
    callers = [site.caller() for site in sites]
    pages = {"first page": PAGE, "later page": None, "filtered page": FILTERED}
    for name, path in pages.items():
        requests = [get(path or _third_page(caller)) for caller in callers]
        value, yardstick = in_turns(
            place.rounds(25),
            *(
                lambda caller=caller, request=request: 1000 * seconds(lambda: caller.call(request))
                for caller, request in zip(callers, requests, strict=True)
            ),
        )
        yield Row(
            name=f"{name} of 100 out of {many.tasks:,}",
            value=value,
            unit="ms",
            against=f"the same out of {few.tasks:,}",
            yardstick=yardstick,
            goal=Goal("value", "<", 20),
        )
    for caller in callers:
        caller.close()
    for site in sites:
        site.process.remove()


def _third_page(caller: Caller) -> str:
    path = PAGE
    for _ in range(2):
        cursor = msgspec.json.decode(caller.call(get(path)))["next"]
        path = f"{PAGE}&cursor={cursor}" if cursor else PAGE
    return path
