"""Calendars: which moments they allow, and what they refuse to say."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch_app.domain.calendar import MOST_ENTRIES, Calendar, Entry, Weekly
from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule.zones import LAST
from tests.domain.moments import DAY, HOUR, MINUTE, iso, ms
from tests.domain.schedules import ODD_ZONES
from tests.properties import bounded

BERLIN = "Europe/Berlin"
EVERY_DAY = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OFFICE = Weekly(days=EVERY_DAY[:5], start="09:00", end="17:00")
NIGHTS = Weekly(days=("fri", "sun"), start="22:00", end="06:00")


def allowed(calendar: Calendar, first: str, last: str) -> list[str]:
    """The stretches that it allows, as `start/end` on its clock, looked at every minute."""
    moments = range(ms(first), ms(last), MINUTE)
    states = [(at, calendar.allows(at)) for at in moments]
    edges = [at for (_, was), (at, now) in pairwise(states) if was is not now]
    if states[0][1]:
        edges.insert(0, moments[0])
    shown = [iso(at, calendar.timezone)[5:16] + iso(at, calendar.timezone)[-6:] for at in edges]
    return ["/".join(shown[at : at + 2]) for at in range(0, len(shown), 2)]


def include(zone: str, *entries: Entry, weekly: tuple[Weekly, ...] = ()) -> Calendar:
    calendar = Calendar(mode="include", timezone=zone, entries=entries, weekly=weekly)
    calendar.check()
    return calendar


def test_a_calendar_that_says_nothing_leaves_nothing_out():
    assert Calendar().allows(0)
    assert Calendar().next_allowed(5) == 5


def test_a_day_is_left_out_from_midnight_to_midnight_of_its_zone():
    calendar = Calendar(timezone=BERLIN, entries=(Entry(date="2026-12-25"),))
    assert calendar.allows(ms("2026-12-24T23:59:59.999+01:00"))
    assert not calendar.allows(ms("2026-12-25T00:00:00+01:00"))
    assert calendar.next_allowed(ms("2026-12-25T12:00:00+01:00")) == ms("2026-12-26T00:00:00+01:00")


def test_an_including_calendar_allows_nothing_else():
    calendar = include(BERLIN, Entry(date="2026-12-25"))
    assert not calendar.allows(ms("2026-12-24T23:59:00+01:00"))
    assert calendar.next_allowed(0) == ms("2026-12-25T00:00:00+01:00")
    assert calendar.next_allowed(ms("2026-12-26T00:00:00+01:00")) is None


def test_an_entry_from_one_time_to_another_is_on_the_zones_clock_or_on_that_of_its_offset():
    local = Entry(start="2026-12-30T18:00", end="2027-01-02T08:00:30")
    exact = Entry(start="2026-12-30T18:00:00.5Z", end="2026-12-30T20:00+01:00")
    calendar = include(BERLIN, local)
    assert calendar.next_allowed(0) == ms("2026-12-30T18:00:00+01:00")
    assert not calendar.allows(ms("2027-01-02T08:00:30+01:00"))
    assert include(BERLIN, exact).next_allowed(0) == ms("2026-12-30T18:00:00.500+00:00")
    assert not include(BERLIN, exact).allows(ms("2026-12-30T19:00:00+00:00"))


def test_weekly_windows_come_round_every_week():
    calendar = include(BERLIN, weekly=(OFFICE,))
    friday = ms("2026-11-27T17:00:00+01:00")
    assert calendar.allows(friday - 1)
    assert calendar.next_allowed(friday) == ms("2026-11-30T09:00:00+01:00")


def test_a_window_that_ends_before_it_starts_runs_over_midnight_and_over_the_weeks_end():
    calendar = include("UTC", weekly=(NIGHTS,))
    assert allowed(calendar, "2026-11-27T00:00:00+00:00", "2026-12-01T00:00:00+00:00") == [
        "11-27T22:00+00:00/11-28T06:00+00:00",
        "11-29T22:00+00:00/11-30T06:00+00:00",
    ]


def test_a_window_may_end_with_its_day():
    calendar = include("UTC", weekly=(Weekly(days=("sun",), start="12:00", end="24:00"),))
    assert allowed(calendar, "2026-11-29T00:00:00+00:00", "2026-12-01T00:00:00+00:00") == [
        "11-29T12:00+00:00/11-30T00:00+00:00"
    ]


def test_weekends_that_meet_a_holiday_are_left_out_in_one():
    """Each on its own would end where the other goes on."""
    calendar = Calendar(
        timezone=BERLIN,
        entries=(Entry(date="2026-12-25"), Entry(start="2026-12-28T00:00", end="2027-01-01T12:00")),
        weekly=(Weekly(days=("sat", "sun"), start="00:00", end="24:00"),),
    )
    assert calendar.next_allowed(ms("2026-12-25T08:00:00+01:00")) == ms("2027-01-01T12:00:00+01:00")


@pytest.mark.parametrize("mode", ["exclude", "include"])
def test_whole_weeks_have_no_end(mode):
    whole = Weekly(days=EVERY_DAY, start="00:00", end="24:00")
    calendar = Calendar(mode=mode, weekly=(whole,), entries=(Entry(date="2026-12-25"),))
    assert calendar.next_allowed(7) == (7 if mode == "include" else None)


def test_nothing_is_allowed_after_the_end_of_all_days():
    assert include("UTC", weekly=(OFFICE,)).next_allowed(LAST) is None


@pytest.mark.parametrize(
    ("zone", "entry", "day", "found"),
    [
        # a day with 23 hours, one with 25
        (BERLIN, Entry(date="2027-03-28"), "2027-03-28", ["03-28T00:00+01:00/03-29T00:00+02:00"]),
        (BERLIN, Entry(date="2026-10-25"), "2026-10-25", ["10-25T00:00+02:00/10-26T00:00+01:00"]),
        # no midnight, or two
        (
            "America/Santiago",
            Entry(date="2026-09-06"),
            "2026-09-06",
            ["09-06T01:00-03:00/09-07T00:00-03:00"],
        ),
        (
            "America/Havana",
            Entry(date="2026-10-31"),
            "2026-10-31",
            ["10-31T00:00-04:00/11-01T00:00-04:00"],
        ),
        # from the first time that the clock shows its start to the last before its end
        (
            BERLIN,
            Entry(start="2026-10-25T02:15", end="2026-10-25T02:45"),
            "2026-10-25",
            ["10-25T02:15+02:00/10-25T02:45+01:00"],
        ),
        (
            BERLIN,
            Entry(start="2026-10-25T01:00", end="2026-10-25T02:00"),
            "2026-10-25",
            ["10-25T01:00+02:00/10-25T02:00+02:00"],
        ),
        (
            BERLIN,
            Entry(start="2027-03-28T01:00", end="2027-03-28T02:30"),
            "2027-03-28",
            ["03-28T01:00+01:00/03-28T03:00+02:00"],
        ),
        (
            BERLIN,
            Entry(start="2027-03-28T02:30", end="2027-03-28T04:00"),
            "2027-03-28",
            ["03-28T03:00+02:00/03-28T04:00+02:00"],
        ),
        # never shown
        (BERLIN, Entry(start="2027-03-28T02:15", end="2027-03-28T02:45"), "2027-03-28", []),
        ("Pacific/Apia", Entry(date="2011-12-30"), "2011-12-30", []),
    ],
)
def test_an_entry_on_a_day_on_which_the_clock_changes(zone, entry, day, found):
    around = (f"{day}T00:00:00+14:00", f"{day}T23:00:00-12:00")
    assert allowed(include(zone, entry), *around) == found


def test_weekly_windows_last_as_long_as_the_clock_shows_them():
    window = Weekly(days=EVERY_DAY, start="02:15", end="02:45")
    calendar = include(BERLIN, weekly=(window,))
    assert allowed(calendar, "2026-10-24T00:00:00+02:00", "2026-10-26T00:00:00+01:00") == [
        "10-24T02:15+02:00/10-24T02:45+02:00",
        "10-25T02:15+02:00/10-25T02:45+02:00",
        "10-25T02:15+01:00/10-25T02:45+01:00",
    ]
    assert allowed(calendar, "2027-03-27T00:00:00+01:00", "2027-03-29T12:00:00+02:00") == [
        "03-27T02:15+01:00/03-27T02:45+01:00",
        "03-29T02:15+02:00/03-29T02:45+02:00",
    ]


#: Around days on which clocks did something, in these zones and in others.
STARTS = [
    ms(f"{day}T00:00:00+00:00")
    for day in ("2011-12-29", "2015-10-24", "2016-03-12", "2016-05-01", "2018-11-03", "2019-04-06")
]
_minutes = st.integers(0, 3 * 1440)
_clocks = st.integers(0, 95).map(lambda n: f"{n // 4:02}:{n % 4 * 15:02}")


def _local(start: int, minute: int) -> str:
    return iso(start + minute * MINUTE)[:16]


_modes = st.sampled_from(["exclude", "include"])
_spans = st.lists(st.tuples(_minutes, _minutes, st.sampled_from(["", "+00:00"])), max_size=4)


@st.composite
def calendars(draw, mode=_modes) -> tuple[Calendar, int]:
    """A calendar whose entries lie in the three days from a start on, and that start."""
    start = draw(st.sampled_from(STARTS))
    entries = [
        Entry(start=_local(start, first) + offset, end=_local(start, last) + offset)
        for first, last, offset in draw(_spans)
        if first < last
    ]
    days = draw(st.lists(st.integers(0, 2), max_size=1))
    entries += [Entry(date=_local(start, day * 1440)[:10]) for day in days]
    weekly = draw(
        st.lists(
            st.builds(
                Weekly,
                days=st.lists(st.sampled_from(EVERY_DAY), min_size=1, max_size=4).map(tuple),
                start=_clocks,
                end=st.one_of(_clocks, st.just("24:00")),
            ).filter(lambda week: week.start != week.end),
            max_size=2,
        )
    )
    calendar = Calendar(
        mode=draw(mode),
        timezone=draw(st.sampled_from(ODD_ZONES)),
        entries=tuple(entries),
        weekly=tuple(weekly),
    )
    return calendar, start


@given(calendars(), st.integers(-600, 2 * 1440))
@bounded(150)
def test_the_next_moment_is_the_one_that_stepping_minute_by_minute_finds(seen, minute):
    calendar, start = seen
    first = start + minute * MINUTE
    steps = range(first, first + 4 * DAY, MINUTE)
    stepped = next((at for at in steps if calendar.allows(at)), None)
    found = calendar.next_allowed(first)
    if stepped is None:
        assert found is None or found >= steps.stop
    else:
        assert found == stepped


def _is_shown(calendar: Calendar, moment: int) -> bool:
    """Whether a day or a window holds a moment, by looking at the clock as `zoneinfo` has it."""
    wall = datetime.fromtimestamp(moment / 1000, ZoneInfo(calendar.timezone))
    clock, today = f"{wall:%H:%M}", EVERY_DAY[wall.weekday()]
    yesterday = EVERY_DAY[wall.weekday() - 1]
    return any(entry.date == f"{wall:%Y-%m-%d}" for entry in calendar.entries) or any(
        (today in week.days and week.start <= clock and (clock < week.end or week.end < week.start))
        or (yesterday in week.days and clock < week.end < week.start)
        for week in calendar.weekly
    )


@given(calendars(mode=st.just("include")))
@bounded(60)
def test_days_and_windows_hold_what_the_clock_shows(seen):
    calendar, start = seen
    calendar = msgspec.structs.replace(
        calendar, entries=tuple(entry for entry in calendar.entries if entry.date)
    )
    for moment in range(start - 10 * HOUR, start + 3 * DAY, 15 * MINUTE):
        assert calendar.allows(moment) is _is_shown(calendar, moment), iso(moment)


def test_a_calendar_of_the_largest_size_is_asked_ten_thousand_times_in_no_time():
    """It has to be opened once, and never walked through."""
    day = datetime(2026, 1, 1)
    calendar = Calendar(
        timezone=BERLIN,
        entries=tuple(
            Entry(date=f"{day + timedelta(days=2 * number):%Y-%m-%d}")
            for number in range(MOST_ENTRIES)
        ),
    )
    calendar.check()
    begin = ms("2026-01-01T00:00:00+01:00")
    found = [calendar.next_allowed(begin + 2 * number * DAY) for number in range(10_000)]
    # each time the day after, whichever the clock says that is
    assert len(set(found)) == 10_000
    assert all(0 < at - (begin + 2 * n * DAY) <= DAY + HOUR for n, at in enumerate(found) if at)
    assert calendar.next_allowed(ms("2079-01-01T00:00:00Z")) is not None


def test_what_is_worked_out_is_no_part_of_it():
    one = Calendar(entries=(Entry(date="2026-12-25"),))
    one.allows(0)
    other = Calendar(entries=(Entry(date="2026-12-25"),))
    assert one == other
    assert hash(one) == hash(other)
    assert msgspec.json.encode(one) == msgspec.json.encode(other)
    assert msgspec.json.decode(msgspec.json.encode(one), type=Calendar) == one


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"mode": "both"}, ["mode"]),
        ({"timezone": "Europe/Berln"}, ["timezone"]),
        ({"mode": "include"}, ["entries"]),
        ({"entries": (Entry(),)}, ["entries.0.start", "entries.0.end"]),
        ({"entries": (Entry(date="2026-12-25", end="2026-12-26T00:00"),)}, ["entries.0.date"]),
        ({"entries": (Entry(date="2026-02-29"), Entry(date="25.12."))},
         ["entries.0.date", "entries.1.date"]),
        ({"entries": (Entry(date="1969-12-31"), Entry(date="9999-01-01"))},
         ["entries.0.date", "entries.1.date"]),
        ({"entries": (Entry(start="2026-12-25", end="2026-12-26"),)},
         ["entries.0.start", "entries.0.end"]),
        ({"entries": (Entry(start="2026-12-25T25:00", end="2026-12-26T00:00+2:00"),)},
         ["entries.0.start", "entries.0.end"]),
        ({"entries": (Entry(start="2026-12-25T00:00", end="2026-12-25T00:00"),)},
         ["entries.0.end"]),
        # an hour later as it is written, and the same moment
        ({"entries": (Entry(start="2026-12-25T00:00", end="2026-12-25T01:00+01:00"),)},
         ["entries.0.end"]),
        ({"weekly": (Weekly(days=(), start="24:00", end="9:00"),)},
         ["weekly.0.days", "weekly.0.start", "weekly.0.end"]),
        ({"weekly": (Weekly(days=("mon", "Tue"), start="09:00", end="09:00"),)},
         ["weekly.0.days", "weekly.0.end"]),
        ({"weekly": (Weekly(days=("mon",), start="09:60", end="24:01"),)},
         ["weekly.0.start", "weekly.0.end"]),
        ({"entries": (Entry(date="2026-12-25"),) * MOST_ENTRIES, "weekly": (OFFICE,)},
         ["entries"]),
        ({"entries": (Entry(date="2026-12-25", summary="x" * 80),) * 9_000}, ["entries"]),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_by_field(fields, named):
    fields = {"timezone": "Europe/London", **fields}
    with pytest.raises(InvalidInput) as refusal:
        Calendar(**fields).check()
    assert sorted(refusal.value.fields) == sorted(named)
