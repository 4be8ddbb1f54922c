"""One moment."""

from __future__ import annotations

import pytest

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule import Once, occurrences
from tests.domain.moments import ms

NOON = ms("2026-07-01T12:00:00+02:00")


def test_it_occurs_once_and_strictly_after():
    schedule = Once(start_time=NOON)
    assert schedule.next_after(NOON - 1) == NOON
    assert schedule.next_after(NOON) is None
    assert occurrences(schedule, 0, 5) == [NOON]


def test_it_describes_itself_by_the_clock_of_its_zone():
    schedule = Once(start_time=NOON, timezone="Europe/Berlin")
    assert schedule.describe() == "Once, at 2026-07-01 12:00:00 +0200"


@pytest.mark.parametrize(
    ("schedule", "field"),
    [
        (Once(start_time=NOON, timezone="Europe/Berln"), "timezone"),
        (Once(start_time=10**16), "start_time"),
        (Once(start_time=-(10**16)), "start_time"),
    ],
)
def test_what_cannot_be_shown_is_refused_by_name(schedule, field):
    with pytest.raises(InvalidInput) as refusal:
        schedule.check()
    assert list(refusal.value.fields) == [field]


def test_a_delay_counts_from_when_it_is_stored():
    schedule = Once(delay=5_000).settled("", 1_000)
    assert (schedule.moment, schedule.next_after(5_999), schedule.next_after(6_000)) == (
        6_000,
        6_000,
        None,
    )


@pytest.mark.parametrize("given", [{}, {"start_time": 1, "delay": 1}])
def test_it_is_either_a_time_or_a_delay(given):
    with pytest.raises(InvalidInput, match="Give either start_time or delay"):
        Once(**given).check()
