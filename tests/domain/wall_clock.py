"""Cron by looking at a clock, minute by minute: slow, plain, and made of other parts than ours
(`zoneinfo` where `dispatch_app` has pytz, a minute after the other where it skips ahead)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from tests.domain.moments import MINUTE

_LIMITS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def fires(expression: str, zone: str, dst: str, after: int, until: int) -> list[int]:
    """Every occurrence of a five-field expression in (after, until]; both whole minutes.

    The rules are those of `tests/cases`: fixed times by policy, wildcard ones follow real time.
    """
    minute, hour, *_ = expression.split()
    fixed = not minute.startswith("*") and not hour.startswith("*")
    matches = matcher(expression)
    found = []
    before = _wall(zone, after)
    for moment in range(after + MINUTE, until + MINUTE, MINUTE):
        wall = _wall(zone, moment)
        repeated = wall.fold == 1 and fixed and dst != "run_twice"
        skipped = fixed and dst != "skip" and any(map(matches, _never_shown(before, wall)))
        if skipped or (matches(wall) and not repeated):
            found.append(moment)
        before = wall
    return found


def matcher(expression: str):
    """Whether a wall-clock time matches the expression, by Debian's rule for the two day fields."""
    fields = expression.split()
    minutes, hours, days, months, weekdays = (
        _values(field, *limits) for field, limits in zip(fields, _LIMITS, strict=True)
    )
    weekdays = {day % 7 for day in weekdays}
    both = fields[2].startswith("*") or fields[4].startswith("*")

    def matches(wall: datetime) -> bool:
        if not (wall.minute in minutes and wall.hour in hours and wall.month in months):
            return False
        day, weekday = wall.day in days, wall.isoweekday() % 7 in weekdays
        return (day and weekday) if both else (day or weekday)

    return matches


def _values(field: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if span == "*":
            first, last = str(low), str(high)
        found.update(range(int(first), int(last or first) + 1, int(step or 1)))
    return found


def _wall(zone: str, moment: int) -> datetime:
    utc = datetime.fromtimestamp(moment // 1000, timezone.utc)
    return utc.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def _never_shown(before: datetime, after: datetime) -> list[datetime]:
    """The minutes that the clock left out between one real minute and the next."""
    missing = int((after - before) / timedelta(minutes=1)) - 1
    return [before + timedelta(minutes=n) for n in range(1, missing + 1)]
