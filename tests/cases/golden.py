"""Writes golden.json, what expressions mean today: python -m tests.cases.golden

Whoever changes a meaning sees in the difference which, and tells it in CHANGELOG.md: there are
tasks stored with these expressions.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

from dispatch_app.domain.schedule import Cron, occurrences, settle
from tests.domain.moments import iso, ms

FILE = Path(__file__).with_name("golden.json")
#: Minute and hour, or second, minute and hour.
TIMES = (
    "* *", "*/5 *", "*/7 *", "59/15 *", "0 *", "17,47 *", "0 */6", "0 6/5", "30 23/1", "* 2",
    "*/15 1-3", "30 1", "30 2", "0 0", "15 2,14", "0-59/20 1-2", "? ?", "H H", "H/20 *", "30 15 2",
)  # fmt: skip
#: Day of month, month and day of week.
DAYS = (
    "* * *", "1 * *", "*/10 * sun", "13,29 * 5", "L-1 * ?", "15W * *", "LW */3 *", "* * 1-5",
    "* * 7#2,6L", "31 1/2 0",
)  # fmt: skip
#: Zones, and moments shortly before something happens to their clocks or calendar. All have passed:
#: newer zone data does not change them.
CLOCKS = {
    "UTC": "2024-02-28T23:50:00+00:00",
    "America/New_York": "2024-03-10T01:50:00-05:00",
    "Europe/Berlin": "2024-10-27T01:50:00+02:00",
    "Australia/Lord_Howe": "2024-10-06T01:50:00+10:30",
    "Africa/Casablanca": "2024-03-10T01:50:00+01:00",
}
OCCURRENCES = 20


def cases() -> list[dict[str, object]]:
    """Each expression in each zone: its first occurrence, and the seconds from each to the next."""
    return [
        _case(f"{time} {days}", zone, after)
        for time in TIMES
        for days in DAYS
        for zone, after in CLOCKS.items()
    ]


def written(found: list[dict[str, object]]) -> str:
    """The text of the file: a case is a line."""
    return "[\n" + ",\n".join(map(json.dumps, found)) + "\n]\n"


def _case(cron: str, zone: str, after: str) -> dict[str, object]:
    schedule = settle(Cron(cron=cron, timezone=zone), "a-task", ms(after))
    schedule.check()
    found = occurrences(schedule, ms(after), OCCURRENCES)
    then = [(later - earlier) // 1000 for earlier, later in pairwise(found)]
    return {"cron": cron, "timezone": zone, "first": iso(found[0], zone), "then": then}


if __name__ == "__main__":
    FILE.write_text(written(cases()), encoding="utf-8")
