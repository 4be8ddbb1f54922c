"""An iCalendar file (RFC 5545) to a calendar: holidays, as offices and calendar programs give them.

What recurs is written out for some years, because a calendar holds days and times and no rules. A
file is refused rather than read in part: a holiday that is missed would be found out too late.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from threading import Lock
from typing import Any

import icalendar
import recurring_ical_events

from dispatch_app.domain.calendar import MOST_ENTRIES, Calendar, Entry, Mode
from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule import zones

#: From the beginning of the present year on.
YEARS = 10
#: Events that recur, and how often all of them may have done so by the end of those years: a rule
#: is followed from its first year on.
MOST_RULES = 100
MOST_STEPS = 3 * MOST_ENTRIES
#: Characters of what an event is called.
LONGEST_SUMMARY = 200

_TIMES = ("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID")
_RECURS = ("RRULE", "RDATE", "RECURRENCE-ID")
_PER_YEAR = {"DAILY": 366, "WEEKLY": 53, "MONTHLY": 12, "YEARLY": 1}
#: With these a rule of days could look through thousands of years without finding any.
_REFUSED = ("BYSETPOS", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO")
_LONGEST = timedelta(days=366)
_FOLD = re.compile(r"[\r\n]+[ \t]")
#: Rules of less than a day, or of no step at all, also in a VTIMEZONE, which the library follows as
#: soon as it reads it.
_TOO_OFTEN = re.compile(
    r"\bRRULE[^\r\n]*?"
    r"(FREQ=(?:SECOND|MINUTE|HOUR)LY|BY(?:HOUR|MINUTE|SECOND)=\d+,|INTERVAL=(?![1-9])[^;\s]*)",
    re.IGNORECASE,
)
#: The library knows the zones of the last file by names that the next one may use, too.
_one_at_a_time = Lock()


def read(file: bytes, year: int, *, mode: Mode = "exclude", zone: str | None = None) -> Calendar:
    """The calendar that a file says.

    Args:
        year: the present one.
        zone: in which its days and its times without a zone are; else its own, else UTC.

    Raises:
        InvalidInput: it is no such file, or something in it cannot be read, and what.
    """
    try:
        found = _parsed(file.decode("utf-8-sig"))
        if zone and "X-WR-TIMEZONE" in found:
            found["X-WR-TIMEZONE"] = zone
        zone = zone or _zone_of(found)
        _check(found, year)
        entries = _entries(found, year, zone)
    except InvalidInput:
        raise
    except Exception as error:
        # three libraries, with errors of their own for what nobody has foreseen
        raise _refusal(f"Cannot be read as iCalendar: {_plain(error)}") from error
    if not entries:
        raise _refusal(f"Has no event in the years {year} to {year + YEARS - 1}.")
    return Calendar(
        mode=mode,
        timezone=zone,
        description=_plain(found.get("X-WR-CALNAME", "")),
        entries=tuple(sorted(entries, key=_place)),
    )


def _refusal(text: str) -> InvalidInput:
    return InvalidInput({"body": text})


def _parsed(text: str) -> Any:
    if often := _TOO_OFTEN.search(_FOLD.sub("", text)):
        raise _refusal(f"Nothing may recur more often than daily: an RRULE says {often[1]}")
    with _one_at_a_time:
        icalendar.use_zoneinfo()
        return icalendar.Calendar.from_ical(text)


def _zone_of(found: Any) -> str:
    zone = str(found.get("X-WR-TIMEZONE", "UTC"))
    try:
        zones.check(zone)
    except InvalidInput as error:
        text = f"The file's X-WR-TIMEZONE {zone!r:.64} is no IANA time zone: name one in the query."
        raise InvalidInput({"timezone": text}) from error
    return zone


def _check(found: Any, year: int) -> None:
    """Refuse what the libraries would read in part, or take too long for."""
    if found.name != "VCALENDAR":
        raise _refusal(f"Has to be a VCALENDAR, not a {found.name:.40}.")
    rules, steps = 0, 0
    for event in found.walk("VEVENT"):
        _check_times(event)
        for rule in filter(None, _rules_of(event)):
            _check_rule(event, rule)
            rules, steps = rules + 1, steps + _steps(event, rule, year + YEARS)
    if rules > MOST_RULES or steps > MOST_STEPS:
        raise _refusal(
            f"Recurs too often: at most {MOST_RULES} rules, and {MOST_STEPS} times in all from "
            f"their first years to {year + YEARS - 1}."
        )
    _part_namesakes(found)


def _check_times(event: Any) -> None:
    for name, text in event.errors:
        if name in _TIMES:
            raise _refusal(f"{_called(event)}: {name}: {text}")
    if "DTSTART" not in event:
        raise _refusal(f"{_called(event)} has no DTSTART.")
    for name in ("DTSTART", "DTEND"):
        if isinstance(event.get(name), list):
            raise _refusal(f"{_called(event)} has more than one {name}.")
        _check_zone(event, name)
    if any(name in event for name in _RECURS) and _length_of(event) > _LONGEST:
        raise _refusal(f"{_called(event)} recurs, and lasts for more than a year.")


def _check_zone(event: Any, name: str) -> None:
    """A zone that nobody knows would be read as none at all."""
    zone = event[name].params.get("TZID") if name in event else None
    if zone and getattr(event[name].dt, "tzinfo", None) is None:
        raise _refusal(
            f"{_called(event)}: {name} is in the zone {zone!r:.64}, which is neither in the file "
            "(VTIMEZONE) nor an IANA time zone."
        )


def _check_rule(event: Any, rule: Any) -> None:
    freq = rule.get("FREQ", [""])[0]
    if freq not in _PER_YEAR:
        kinds = ", ".join(_PER_YEAR)
        raise _refusal(f"{_called(event)}: FREQ of its RRULE has to be one of {kinds}.")
    if any(not 1 <= month <= 12 for month in rule.get("BYMONTH", [])):
        raise _refusal(f"{_called(event)}: BYMONTH of its RRULE has to be from 1 to 12.")
    for name in _REFUSED:
        if name in rule and freq in ("DAILY", "WEEKLY"):
            raise _refusal(f"{_called(event)}: {name} is not read in a rule with FREQ={freq}.")


def _rules_of(event: Any) -> list[Any]:
    rules = event.get("RRULE", [])
    if not rules:
        # some programs write "RRULE:" where nothing recurs
        event.pop("RRULE", None)
    return rules if isinstance(rules, list) else [rules]


def _steps(event: Any, rule: Any, end: int) -> int:
    """How often a rule may have recurred by the end of a year."""
    last = min([end, *(until.year for until in rule.get("UNTIL", []))])
    values = max(len(values) for values in rule.values())
    years = max(last - event["DTSTART"].dt.year, 0) + 1
    steps: int = years * min(_PER_YEAR[rule["FREQ"][0]] * values, 366)
    return min([steps, *rule.get("COUNT", [])])


def _length_of(event: Any) -> timedelta:
    if "DURATION" in event:
        length: timedelta = event["DURATION"].dt
        return length
    start = event["DTSTART"].dt
    return abs(_naive(event["DTEND"].dt if "DTEND" in event else start) - _naive(start))


def _naive(when: date) -> datetime:
    if isinstance(when, datetime):
        return when.replace(tzinfo=None)
    return datetime.combine(when, time())


def _part_namesakes(found: Any) -> None:
    """Take the UID from events that share one and are no versions of each other: of those only one
    would be read."""
    single = [event for event in found.walk("VEVENT") if not any(n in event for n in _RECURS)]
    names = Counter((event.get("UID"), event.get("SEQUENCE", 0)) for event in single)
    for event in single:
        if names[event.get("UID"), event.get("SEQUENCE", 0)] > 1:
            event.pop("UID", None)


def _entries(found: Any, year: int, zone: str) -> set[Entry]:
    """The entries of all events that are not cancelled; a year after the other, to stop in time."""
    query = recurring_ical_events.of(found)
    entries: set[Entry] = set()
    for one in range(year, year + YEARS):
        for event in query.between(date(one, 1, 1), date(one + 1, 1, 1)):
            if event.get("STATUS") != "CANCELLED":
                entries.update(_entry(event, zone))
        if len(entries) > MOST_ENTRIES:
            text = f"Has more than {MOST_ENTRIES} events in the years {year} to {one}."
            raise _refusal(text)
    return entries


def _place(entry: Entry) -> tuple[str, str, str]:
    """Where it stands among the others: the same file is the same calendar each time."""
    return entry.date or entry.start, entry.end, entry.summary


def _entry(event: Any, zone: str) -> Iterator[Entry]:
    """An event as an entry; one that takes no time is none. Days without an end, or with the same
    day as their end, are one."""
    start, end = event["DTSTART"].dt, event["DTEND"].dt
    summary = _plain(event.get("SUMMARY", ""))
    if isinstance(start, datetime):
        first, last = _text(start, zone), _text(end, zone)
    elif end - start <= timedelta(days=1):
        yield Entry(date=start.isoformat(), summary=summary)
        return
    else:
        first, last = f"{start}T00:00", f"{end}T00:00"
    if start != end:
        yield Entry(start=first, end=last, summary=summary)


def _text(when: datetime, zone: str) -> str:
    """A time as a calendar of that zone says it: by the zone's clock where it can."""
    if getattr(when.tzinfo, "key", None) == zone and zone != "UTC":
        when = when.replace(tzinfo=None)
    text = when.isoformat(timespec="seconds" if when.second else "minutes")
    return text.replace("+00:00", "Z")


def _plain(text: Any) -> str:
    """A text in one line."""
    return " ".join("".join(one if one.isprintable() else " " for one in str(text)).split())[
        :LONGEST_SUMMARY
    ]


def _called(event: Any) -> str:
    return f"The event {_plain(event.get('SUMMARY', event.get('UID', '')))!r:.80}"
