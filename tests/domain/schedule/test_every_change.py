"""Rows 7 and 11: at no change of any clock from 1970 to 2037 is an occurrence lost or doubled.

A clock is read at every real minute around a change. What a policy means follows from the readings,
by rules that know nothing of gaps and overlaps:

- `run_once`: when the clock first shows that time or, if it never does, first shows more;
- `skip`: the same, but not at all if it never does;
- `run_twice`: whenever the clock shows it or, if it never does, when it first shows more;
- a wildcard: whenever what the clock shows matches, under each policy.

What a schedule answers depends on the change alone, its instant and its offsets. So each is looked
at once, whichever zones had it: in the gate one of each kind, by offsets and time of day; all of
them by hand, in some minutes: python -m pytest -m soak tests/domain/schedule
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count, pairwise

import pytest
import pytz

from dispatch_app.domain.schedule import Cron, Schedule, Steps, zones
from tests.domain.schedule.real_clocks import (
    END,
    FIRST,
    ROUNDED,
    Change,
    Clock,
    all_changes,
    changes_of,
    one_of_each_kind,
    shown,
    wall_at,
    zone_of,
)

POLICIES = ("run_once", "skip", "run_twice")
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
#: Seconds around a change: for what comes daily, and for what comes every few minutes.
LONG, SHORT = 30 * 3_600, 100 * 60
WILDCARDS = {
    "* * * * *": lambda wall: True,
    "*/20 * * * *": lambda wall: wall.minute % 20 == 0,
    "0 * * * *": lambda wall: wall.minute == 0,
    "45 */2 * * *": lambda wall: wall.minute == 45 and wall.hour % 2 == 0,
    "* 0-3 * * *": lambda wall: wall.hour <= 3,
}


def test_our_zones_change_when_those_of_python_do():
    """The other tests here look at changes, not zones: every zone has exactly those."""
    assert len(all_changes()) > 5_000
    for name in set(pytz.all_timezones) - {ROUNDED}:
        rows = [row for row in zones.segments(name, wall_at(FIRST)) if row.start <= wall_at(END)]
        ours = [(row.start, row.before, row.offset) for row in rows[1:]]
        assert ours == [
            (wall_at(at), timedelta(seconds=before), timedelta(seconds=after))
            for at, before, after in changes_of(name)
        ], name


def test_a_change_of_each_kind_is_among_those_that_the_gate_looks_at():
    jumps = {change.after - change.before for change in one_of_each_kind()}
    # an hour on and back, half of one, a quarter of one, a whole day
    assert {3_600, -3_600, 1_800, -1_800, 900, 86_400} < jumps
    assert len(one_of_each_kind()) > 200


def test_a_fixed_time_runs_once_not_or_twice_as_its_policy_says():
    for change, zone in one_of_each_kind().items():
        assert_fixed_times_follow_policy(change, zone)


def test_a_step_on_the_calendar_runs_once_not_or_twice_as_its_policy_says():
    for change, zone in one_of_each_kind().items():
        assert_steps_follow_policy(change, zone)


def test_wildcards_follow_real_time_under_each_policy():
    for change, zone in one_of_each_kind().items():
        assert_wildcards_follow_real_time(change, zone)


@pytest.mark.soak
def test_every_change_that_any_zone_had():
    for change, zone in all_changes().items():
        assert_fixed_times_follow_policy(change, zone)
        assert_steps_follow_policy(change, zone)
        assert_wildcards_follow_real_time(change, zone)


def assert_fixed_times_follow_policy(change: Change, zone: str) -> None:
    clock = Clock(zone_of(zone), change, LONG)
    for wall in times_near(change):
        for dst in POLICIES:
            cron = f"{wall.minute} {wall.hour} * * *"
            found = between(Cron(cron=cron, timezone=zone, dst=dst), clock)
            assert found == meant(clock, every_day(clock, wall), dst), (zone, cron, dst)


def assert_steps_follow_policy(change: Change, zone: str) -> None:
    clock = Clock(zone_of(zone), change, LONG)
    for wall in times_near(change):
        for unit in ("days", "weeks", "months", "years"):
            start = start_that_comes_to(wall, unit, zone)
            walls = every_day(clock, wall) if unit == "days" else [wall]
            for dst in POLICIES:
                schedule = Steps(unit=unit, start_time=start, timezone=zone, dst=dst)
                found = between(schedule.settled("", 0), clock)
                assert found == meant(clock, walls, dst), (zone, wall, unit, dst)


def assert_wildcards_follow_real_time(change: Change, zone: str) -> None:
    clock = Clock(zone_of(zone), change, SHORT)
    for cron, matches in WILDCARDS.items():
        expected = [second for second, wall in clock.readings[1:] if matches(wall)]
        for dst in POLICIES:
            found = between(Cron(cron=cron, timezone=zone, dst=dst), clock)
            assert found == expected, (zone, cron, dst)


def between(schedule: Schedule, clock: Clock) -> list[int]:
    """The occurrences while the clock was read, but for its first reading, in seconds."""
    found, moment = [], schedule.next_after(clock.first * 1000)
    while moment is not None and moment <= clock.last * 1000:
        found.append(moment / 1000)
        moment = schedule.next_after(moment)
    assert all(one < two for one, two in pairwise([clock.first, *found]))
    return found


def meant(clock: Clock, walls: list[datetime], dst: str) -> list[int]:
    """The seconds that wall-clock times mean by a policy; those moved to the same one run once."""
    return sorted({second for wall in walls for second in _meant(clock, wall, dst)})


def _meant(clock: Clock, wall: datetime, dst: str) -> list[int]:
    showing = clock.seconds_showing(wall)
    if not showing:
        return [] if dst == "skip" else [clock.first_second_past(wall)]
    return showing if dst == "run_twice" else showing[:1]


def times_near(change: Change) -> list[datetime]:
    """Wall-clock times at, around and in the middle of what the clock leaves out or repeats."""
    low, high = change.edges
    middle = low + (high - low) / 2
    near = {low - MINUTE, low, middle, high - MINUTE, high, high + 7 * MINUTE}
    return sorted({wall.replace(second=0) for wall in near})


def every_day(clock: Clock, wall: datetime) -> list[datetime]:
    """That time on each day on which the clock was read."""
    days = (wall + number * DAY for number in range(-4, 5))
    return [day for day in days if clock.covers(day)]


def start_that_comes_to(wall: datetime, unit: str, zone: str) -> int:
    """A moment, ms, from which steps of a unit lead to that time; it is shown by the clock."""
    for earlier in _earlier(wall, unit):
        second = round(earlier.replace(tzinfo=zone_of(zone)).timestamp())
        if shown(zone_of(zone), second) == earlier:
            return second * 1000
    raise AssertionError("there is always one")


def _earlier(wall: datetime, unit: str) -> Iterator[datetime]:
    for number in count(3):
        if unit in ("days", "weeks"):
            yield wall - number * timedelta(**{unit: 1})
            continue
        months = wall.year * 12 + wall.month - 1 - number * (12 if unit == "years" else 1)
        try:
            yield wall.replace(year=months // 12, month=months % 12 + 1)
        except ValueError:  # not each month has such a day
            continue
