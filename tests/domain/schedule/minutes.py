"""All minutes of a year in a zone, as bits: what an expression matches is `and` and `or` of them.

For each minute of an hour, hour, day and so on there is a number with a bit for each real minute at
which the clock shows it. Nothing is skipped and nothing sought.
"""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from functools import cache, reduce
from operator import or_

from tests.domain.schedule.drawn import Drawn
from tests.domain.schedule.real_clocks import shown, zone_of

#: Seconds since 1970: 2024, a leap year.
START, MINUTES = 1_704_067_200, 366 * 1_440
_MINUTE = timedelta(minutes=1)


class Year:
    """The clock of a zone, read at every minute of 2024.

    Attributes:
        missing: wall-clock times that it never showed, and the minute at which it showed more.
        repeated: the minutes at which it showed what it had shown before.
    """

    def __init__(self, zone: str) -> None:
        self.missing: list[tuple[datetime, int]] = []
        self.repeated: list[int] = []
        read = self._read(zone)
        self._again = _of_minutes(self.repeated)
        self._minutes = _bits((wall.minute, at) for at, wall in enumerate(read))
        self._hours = _bits((wall.hour, at) for at, wall in enumerate(read))
        dates = _bits((wall.date(), at) for at, wall in enumerate(read))
        self._months = _grouped(dates, lambda day: {day.month})
        self._days = _grouped(dates, day_words)
        self._weekdays = _grouped(dates, weekday_words)

    def matched(self, drawn: Drawn, dst: str) -> str:
        """A `1` for each minute at which it occurs by a policy, a `0` for each other one."""
        days = _any(self._days, drawn.days)
        weekdays = _any(self._weekdays, drawn.weekdays)
        found = _any(self._minutes, drawn.minutes) & _any(self._hours, drawn.hours)
        found &= _any(self._months, drawn.months)
        found &= (days & weekdays) if drawn.both else (days | weekdays)
        if drawn.fixed and dst != "run_twice":
            found &= ~self._again
        if drawn.fixed and dst != "skip":
            found |= _of_minutes(at for wall, at in self.missing if means(drawn, wall))
        return f"{found:0{MINUTES}b}"[::-1]

    def _read(self, zone: str) -> list[datetime]:
        read = [shown(zone_of(zone), START + 60 * at) for at in range(MINUTES)]
        latest = read[0]
        for at, wall in enumerate(read[1:], 1):
            if wall <= latest:
                self.repeated.append(at)
            while (latest := latest + _MINUTE) < wall:
                self.missing.append((latest, at))
            latest = max(latest - _MINUTE, wall)
        return read


def means(drawn: Drawn, wall: datetime) -> bool:
    """Whether an expression means a wall-clock time."""
    day = bool(drawn.days & day_words(wall.date()))
    weekday = bool(drawn.weekdays & weekday_words(wall.date()))
    return (
        wall.minute in drawn.minutes
        and wall.hour in drawn.hours
        and wall.month in drawn.months
        and ((day and weekday) if drawn.both else (day or weekday))
    )


@cache
def day_words(day: date) -> set[int | str]:
    """What a day-of-month field may call it."""
    month = _month_of(day)
    workdays = [each for each in month if each.isoweekday() < 6]
    words: set[int | str] = {day.day, f"L-{month[-1].day - day.day}"}
    if day == workdays[-1]:
        words.add("LW")
    nearest = {each: min(workdays, key=lambda one: abs(one - each)) for each in month}
    return words | {f"{each.day}W" for each, workday in nearest.items() if workday == day}


@cache
def weekday_words(day: date) -> set[int | str]:
    """What a day-of-week field may call it."""
    number = day.isoweekday() % 7
    alike = [each for each in _month_of(day) if each.isoweekday() % 7 == number]
    last = {f"{number}L"} if day == alike[-1] else set()
    return {number, f"{number}#{alike.index(day) + 1}"} | last


def _month_of(day: date) -> list[date]:
    length = calendar.monthrange(day.year, day.month)[1]
    return [day.replace(day=number) for number in range(1, length + 1)]


def _bits(shown: Iterable[tuple[int | date, int]]) -> dict[int | date, int]:
    """A number for each thing that is shown, with a bit for each minute that shows it."""
    found: dict[int | date, bytearray] = defaultdict(lambda: bytearray(MINUTES // 8))
    for thing, at in shown:
        found[thing][at >> 3] |= 1 << (at & 7)
    return {thing: int.from_bytes(bits, "little") for thing, bits in found.items()}


def _of_minutes(minutes: Iterable[int]) -> int:
    return reduce(or_, (1 << at for at in minutes), 0)


def _grouped(
    dates: dict[date, int], words_of: Callable[[date], set[int | str]]
) -> dict[int | str, int]:
    """The same for the words that days have."""
    found: dict[int | str, int] = defaultdict(int)
    for day, bits in dates.items():
        for word in words_of(day):
            found[word] |= bits
    return found


def _any(of: dict[int | str, int], words: set[int | str]) -> int:
    return reduce(or_, (of.get(word, 0) for word in words), 0)
