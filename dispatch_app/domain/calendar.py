"""Calendars: named sets of times that leave occurrences out, or allow nothing else.

What a calendar says is kept as it was given, on the wall clock of its zone, and becomes stretches
of time when it is opened, so that newer zone data counts. A day and a weekly window last as long as
the clock shows them: an hour that the clock skips is in none, one that it repeats is in twice. An
entry from one time to another is one stretch, from the first time that the clock shows its start to
the last time before it shows its end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import Literal, get_args

import msgspec

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule import zones
from dispatch_app.domain.stretches import DAY, WEEK, Times, Week, merged

Mode = Literal["exclude", "include"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

#: Entries and weekly windows of one calendar.
MOST_ENTRIES = 10_000
#: bytes of one calendar as JSON
MOST_BYTES = 512 * 1024

_ONE_DAY = timedelta(days=1)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d)?(?:\.(\d{1,3})\d*)?(Z|[+-]\d\d:\d\d)?", re.ASCII
)
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00", re.ASCII)
_YEARS = "Has to lie between the years 1970 and 9998."


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One day, or from one time to another; times without an offset are the zone's."""

    #: "2026-12-25"
    date: str = ""
    #: "2026-12-24T18:00", "2026-12-24T18:00:00+01:00"; the end is not in it
    start: str = ""
    end: str = ""
    #: what it is, for people
    summary: str = ""

    def problems(self, zone: str) -> dict[str, str]:
        """Field -> what is wrong with it."""
        if self.date:
            found = {} if not (self.start or self.end) else {"date": "Has neither start nor end."}
            return found | _problem("date", self.date, date_of)
        found = _problem("start", self.start, time_of) | _problem("end", self.end, time_of)
        if not found and not self._ends_after_its_start(zone):
            found = {"end": "Has to lie after start."}
        return found

    def times(self, zone: str) -> Iterator[tuple[int, int]]:
        """Its stretches of time: start and end, ms."""
        if self.date:
            day = date_of(self.date)
            yield from _shown(zone, day, day + _ONE_DAY)
            return
        start, end = self._bounds(zone)
        if start < end:
            yield start, end

    def _ends_after_its_start(self, zone: str) -> bool:
        start, end = time_of(self.start), time_of(self.end)
        if (start.tzinfo is None) is (end.tzinfo is None):
            return start < end
        first, last = self._bounds(zone)
        return first < last

    def _bounds(self, zone: str) -> tuple[int, int]:
        start, end = time_of(self.start), time_of(self.end)
        if start.tzinfo is None:
            first = min(first for first, _ in _shown(zone, start, start + 2 * _ONE_DAY))
        else:
            first = _instant(start)
        if end.tzinfo is None:
            return first, max(last for _, last in _shown(zone, end - 2 * _ONE_DAY, end))
        return first, _instant(end)


class Weekly(msgspec.Struct, frozen=True, kw_only=True):
    """The same hours on some days of every week; an end before the start is on the next day."""

    days: tuple[Day, ...]
    #: "09:00" to "17:00"; "24:00" is the end of the day
    start: str
    end: str

    def problems(self) -> dict[str, str]:
        """Field -> what is wrong with it."""
        found = _problem("start", self.start, clock_of) | _problem("end", self.end, clock_of)
        if not self.days or not {*self.days} <= {*get_args(Day)}:
            found["days"] = f"Has to be some of {', '.join(get_args(Day))}."
        if self.start == "24:00":
            found["start"] = "24:00 is an end; a window of the next day starts at 00:00."
        elif self.start == self.end:
            found["end"] = "Is the same as start; a whole day is from 00:00 to 24:00."
        return found

    def times(self) -> Iterator[tuple[int, int]]:
        """Its stretches on the clock: start and end, ms since Monday 00:00, within one week."""
        start, end = clock_of(self.start), clock_of(self.end)
        for day in self.days:
            first = get_args(Day).index(day) * DAY + start
            last = first + (end - start) % DAY if end != DAY else first + DAY - start
            yield first, min(last, WEEK)
            if last > WEEK:
                yield 0, last - WEEK


class Calendar(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What its times mean to the occurrences that fall into them.

    Its record has all fields: msgspec leaves out only what is the very object of the default, so
    that calendars that say the same would differ as texts.
    """

    #: "exclude" leaves out what falls into its times; "include" allows nothing else
    mode: Mode = "exclude"
    timezone: str = "UTC"
    description: str = ""
    entries: tuple[Entry, ...] = ()
    weekly: tuple[Weekly, ...] = ()

    def check(self) -> None:
        """Refuse what makes no sense, and what is too large.

        Raises:
            InvalidInput.
        """
        if self.mode not in get_args(Mode):
            raise InvalidInput({"mode": f"Has to be one of {', '.join(get_args(Mode))}."})
        zones.check(self.timezone)
        self._check_size()
        found = {
            f"{field}.{index}.{path}": text
            for field, problems in (
                ("entries", (each.problems(self.timezone) for each in self.entries)),
                ("weekly", (each.problems() for each in self.weekly)),
            )
            for index, of_one in enumerate(problems)
            for path, text in of_one.items()
        }
        if found:
            raise InvalidInput(found)

    def allows(self, moment: int) -> bool:
        """Whether an occurrence at `moment` runs."""
        return self._times.hold(moment) is (self.mode == "include")

    def next_allowed(self, moment: int) -> int | None:
        """The first moment not before `moment` that it allows; None: there is none, ever."""
        return self._times.next(moment, held=self.mode == "include")

    def _check_size(self) -> None:
        if self.mode == "include" and not self.entries and not self.weekly:
            raise InvalidInput({"entries": "Without any (or weekly ones), nothing would ever run."})
        if len(self.entries) + len(self.weekly) > MOST_ENTRIES:
            text = f"Has to be {MOST_ENTRIES} at most, together with weekly."
            raise InvalidInput({"entries": text})
        size = len(msgspec.json.encode(self))
        if size > MOST_BYTES:
            text = f"Make the calendar {size} bytes of JSON; at most {MOST_BYTES} are kept."
            raise InvalidInput({"entries": text})

    # beside the fields, which are all that counts when calendars are compared or stored
    @cached_property
    def _times(self) -> Times:
        singles = merged(times for each in self.entries for times in each.times(self.timezone))
        weekly = merged(times for each in self.weekly for times in each.times())
        return Times(singles, Week(self.timezone, weekly))


def date_of(text: str) -> datetime:
    """A date as its midnight, naive.

    Raises:
        ValueError: with what is wrong and what would be right.
    """
    if not _DATE.fullmatch(text):
        raise ValueError("Has to be a date such as 2026-12-25.")
    return _checked(text)


def time_of(text: str) -> datetime:
    """A time; naive, if it has no offset.

    Raises:
        ValueError: with what is wrong and what would be right.
    """
    found = _TIME.fullmatch(text)
    if not found:
        raise ValueError(
            "Has to be a time such as 2026-12-24T18:00, on the clock of the calendar's zone, or "
            "2026-12-24T18:00:00+01:00."
        )
    minute, second, fraction, offset = found.groups()
    offset = (offset or "").replace("Z", "+00:00")
    return _checked(f"{minute}{second or ':00'}.{(fraction or '').ljust(3, '0')}{offset}")


def clock_of(text: str) -> int:
    """A time of day, ms.

    Raises:
        ValueError: with what is wrong and what would be right.
    """
    if not _CLOCK.fullmatch(text):
        raise ValueError("Has to be a time of day such as 09:00, or 24:00 as an end.")
    return int(text[:2]) * 3_600_000 + int(text[3:]) * 60_000


def _checked(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"There is no such time: {error}.") from error
    if not 1970 <= time.year <= 9998:
        raise ValueError(_YEARS)
    return time


def _problem(field: str, text: str, read: Callable[[str], object]) -> dict[str, str]:
    try:
        read(text)
    except ValueError as error:
        return {field: str(error)}
    return {}


def _instant(time: datetime) -> int:
    """The moment of a time with an offset."""
    return zones.to_moment(time.astimezone(timezone.utc).replace(tzinfo=None))


def _shown(zone: str, start: datetime, end: datetime) -> Iterator[tuple[int, int]]:
    """The stretches of time in which the zone's clock shows from `start` to before `end`."""
    for segment in zones.segments(zone, start - _ONE_DAY):
        if segment.start > end + _ONE_DAY:
            return
        first = max(segment.start, start - segment.offset)
        last = min(segment.end, end - segment.offset)
        if first < last:
            yield zones.to_moment(first), zones.to_moment(last)
