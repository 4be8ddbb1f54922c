"""Next occurrences of a thousand tasks that share forty expressions in five zones, in the order of
time, as a scheduler asks for them: on one core, with nothing stored.

Memoised: as it is, from an empty memory on; who shares expression and zone shares the answers. Not
memoised: each answer is worked out anew, and only what was parsed is kept.

Yardstick: a loop over croniter, one object for each task, parsed beforehand, asked the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from heapq import heapify, heapreplace
from random import Random
from zoneinfo import ZoneInfo

from croniter import croniter

from dispatch_app.domain.schedule import Cron, cron
from tests.bench.place import Place, in_turns, seconds
from tests.bench.rows import Goal, Row

#: From every minute to once a year; most of them at round times, as people have it.
EXPRESSIONS = (
    "* * * * *", "*/5 * * * *", "*/10 * * * *", "*/15 * * * *", "*/30 * * * *", "0 * * * *",
    "5 * * * *", "15 * * * *", "30 * * * *", "45 * * * *", "0 */2 * * *", "0 */4 * * *",
    "0 */6 * * *", "0 */12 * * *", "0 0 * * *", "0 1 * * *", "30 2 * * *", "0 3 * * *",
    "15 4 * * *", "0 6 * * *", "0 8 * * *", "0 9 * * *", "0 12 * * *", "0 18 * * *", "0 22 * * *",
    "59 23 * * *", "0 8,20 * * *", "0 9 * * 1-5", "30 17 * * 1-5", "*/15 9-17 * * 1-5",
    "0 9-17 * * 1-5", "0 9 * * 1,3,5", "0 9 * * mon", "0 0 * * sun", "0 3 * * sat", "0 0 1 * *",
    "0 6 1 * *", "0 9 1,15 * *", "0 9 1 */3 *", "0 0 1 1 *",
)  # fmt: skip
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Sydney")
TASKS, OCCURRENCES = 1_000, 20
#: A week before the clocks of Europe change, ms.
START = 1_774_137_600_000

#: From the last occurrence of a task, in ms or seconds, to its next one.
Next = Callable[[float], float]


def measure(place: Place) -> Iterator[Row]:
    """With and without the memory that tasks share."""
    number = place.size(TASKS)
    schedules = mix(number)
    memoised, anew, bare = in_turns(
        place.rounds(5),
        partial(_from_empty_memory, schedules),
        partial(_worked_out_anew, schedules),
        lambda: _per_second([_croniter(schedule) for schedule in schedules]),
    )
    for how, value in (("memoised", memoised), ("not memoised", anew)):
        yield Row(
            name=f"planning of {number:,} cron tasks, {how}",
            value=value,
            unit="/s",
            against="croniter.get_next loop",
            yardstick=bare,
            goal=Goal("ratio", ">=", 3),
        )


def mix(tasks: int) -> list[Cron]:
    """The schedules of so many tasks; the same ones in each run."""
    lot = Random(1)
    return [Cron(cron=lot.choice(EXPRESSIONS), timezone=lot.choice(ZONES)) for _ in range(tasks)]


def _from_empty_memory(schedules: list[Cron]) -> float:
    cron._next.cache_clear()
    return _per_second([schedule.next_after for schedule in schedules])


def _worked_out_anew(schedules: list[Cron]) -> float:
    with _nothing_memoised():
        return _per_second([schedule.next_after for schedule in schedules])


@contextmanager
def _nothing_memoised() -> Iterator[None]:
    memoised = cron._next
    cron._next = memoised.__wrapped__
    try:
        yield
    finally:
        cron._next = memoised


def _croniter(schedule: Cron) -> Next:
    """The same by croniter, which keeps the last occurrence itself."""
    zone = ZoneInfo(schedule.timezone)
    asked = croniter(schedule.cron, datetime.fromtimestamp(START / 1000, zone))
    return lambda _last: asked.get_next(float)


def _per_second(tasks: list[Next]) -> float:
    """Occurrences."""
    return len(tasks) * OCCURRENCES / seconds(lambda: _plan(tasks))


def _plan(tasks: list[Next]) -> None:
    """Whatever is due first is asked for its next one, until that is as many as there shall be."""
    due = [(ask(START), number) for number, ask in enumerate(tasks)]
    left = [OCCURRENCES - 1] * len(tasks)
    heapify(due)
    for _ in range(len(tasks) * (OCCURRENCES - 1)):
        moment, number = due[0]
        left[number] -= 1
        following = tasks[number](moment)
        heapreplace(due, (following if left[number] else float("inf"), number))
