"""Ten thousand random expressions against a clock that is looked at every minute of a year."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule import Cron
from tests.domain.schedule.drawn import draw
from tests.domain.schedule.minutes import MINUTES, START, Year

ZONES = (
    "UTC",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour
    "Africa/Casablanca",  # back, and on again
    "America/Santiago",  # the first hour of a day left out
)
EXAMPLES = 10_000 // len(ZONES)
#: Occurrences of each that are looked at.
MOST = 15


@pytest.mark.parametrize("zone", ZONES)
def test_random_expressions_match_what_is_found_minute_by_minute(zone):
    year, lot = Year(zone), Random(zone)
    fared: Counter[str] = Counter()
    for _ in range(EXAMPLES):
        drawn, dst = draw(lot), lot.choice(("run_once", "skip", "run_twice"))
        schedule = Cron(cron=drawn.text, timezone=zone, dst=dst)
        matched = year.matched(drawn, dst)
        if not _fires(schedule):
            assert "1" not in matched, drawn.text
            fared["refused"] += 1
            continue
        after = _somewhere(lot, year)
        assert _ours(schedule, after) == _theirs(matched, after), (drawn.text, dst, after)
        fared["fixed" if drawn.fixed else "wildcard"] += 1
    assert fared["fixed"] > EXAMPLES / 5
    assert fared["wildcard"] > EXAMPLES / 5
    assert fared["refused"] < EXAMPLES / 20


def _fires(schedule: Cron) -> bool:
    """Whether it is not refused, for never firing."""
    try:
        schedule.check()
    except InvalidInput as error:
        if "never fires" in str(error):
            return False
        raise
    return True


def _somewhere(lot: Random, year: Year) -> int:
    """A minute of the year, as often as not within the two days before a change of the clock."""
    changes = [*year.repeated[:1], *(at for _, at in year.missing[:1])]
    if changes and lot.random() < 0.5:
        return lot.choice(changes) - lot.randint(1, 2_880)
    return lot.randrange(MINUTES)


def _ours(schedule: Cron, after: int) -> list[int]:
    """The minutes of the next occurrences in the year."""
    found: list[int] = []
    while len(found) < MOST:
        moment = schedule.next_after((START + 60 * (found[-1] if found else after)) * 1000)
        if moment is None or moment >= (START + 60 * MINUTES) * 1000:
            break
        found.append((moment // 1000 - START) / 60)
    return found


def _theirs(matched: str, after: int) -> list[int]:
    found: list[int] = []
    while len(found) < MOST:
        after = matched.find("1", after + 1)
        if after == -1:
            break
        found.append(after)
    return found
