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
