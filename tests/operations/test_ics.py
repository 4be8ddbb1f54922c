"""iCalendar files, in the shapes in which they are found, to calendars."""

from __future__ import annotations

from textwrap import dedent

import pytest

from dispatch_app.domain.calendar import MOST_ENTRIES, Calendar, Entry
from dispatch_app.domain.errors import InvalidInput
from dispatch_app.operations import ics

#: As Google gives the holidays of a country.
GOOGLE = r"""
BEGIN:VCALENDAR
PRODID:-//Google Inc//Google Calendar 70.9054//EN
VERSION:2.0
CALSCALE:GREGORIAN
METHOD:PUBLISH
X-WR-CALNAME:Feiertage in Deutschland
X-WR-TIMEZONE:Europe/Berlin
X-WR-CALDESC:Feiertage und Gedenktage in Deutschland
BEGIN:VEVENT
DTSTART;VALUE=DATE:20261225
DTEND;VALUE=DATE:20261226
DTSTAMP:20261101T000000Z
UID:20261225_b1@google.com
CLASS:PUBLIC
CREATED:20240517T104213Z
DESCRIPTION:Gesetzlicher Feiertag
SEQUENCE:0
STATUS:CONFIRMED
SUMMARY:Erster Weihnachtstag
TRANSP:TRANSPARENT
END:VEVENT
BEGIN:VEVENT
DTSTART;VALUE=DATE:20270326
DTEND;VALUE=DATE:20270327
DTSTAMP:20261101T000000Z
UID:20270326_b2@google.com
SUMMARY:Karfreitag
TRANSP:TRANSPARENT
END:VEVENT
BEGIN:VEVENT
DTSTART;VALUE=DATE:20251225
DTEND;VALUE=DATE:20251226
UID:20251225_b3@google.com
SUMMARY:Erster Weihnachtstag
END:VEVENT
END:VCALENDAR
"""
#: As officeholidays.com has them: folded lines, escaped commas, a time of no zone in DTSTAMP.
OFFICE = r"""
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Office Holidays Ltd.//EN
X-WR-CALNAME:UK Holidays
X-PUBLISHED-TTL:PT1H
CALSCALE:GREGORIAN
METHOD:PUBLISH
BEGIN:VEVENT
CLASS:PUBLIC
UID:2026-12-28GB-ENG@www.officeholidays.com
DTSTAMP:20260105T120000Z
DESCRIPTION:When a bank holiday falls on a weekend\, a weekday becomes a substitu
 te\n\nInformation provided by www.officeholidays.com
URL:https://www.officeholidays.com/holidays/united-kingdom
DTSTART;VALUE=DATE:20261228
DTEND;VALUE=DATE:20261229
SUMMARY:Boxing Day\, in lieu of a Saturday that everybody who can count would h
 ave had off
X-MICROSOFT-CDO-BUSYSTATUS:FREE
END:VEVENT
END:VCALENDAR
"""
#: As calendarlabs.com has them: dates that do not say so and end on the day on which they start,
#: and rules that say nothing.
LABS = r"""
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Calendar Labs//Calendar 1.0//EN
X-WR-TIMEZONE:Etc/GMT
BEGIN:VEVENT
SUMMARY:New Year's Day
DTSTART:20270101
DTEND:20270101
RRULE:
UID:5e3a8f312427a@calendarlabs.com
END:VEVENT
END:VCALENDAR
"""
#: As Outlook writes a meeting: a zone by Windows' name.
OUTLOOK = r"""
BEGIN:VCALENDAR
PRODID:-//Microsoft Corporation//Outlook 16.0 MIMEDIR//EN
VERSION:2.0
BEGIN:VTIMEZONE
TZID:W. Europe Standard Time
BEGIN:STANDARD
DTSTART:16011028T030000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010325T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
UID:040000008200E00074C5B7101A82E008
DTSTART;TZID="W. Europe Standard Time":20260710T180000
DTEND;TZID="W. Europe Standard Time":20260712T060000
SUMMARY:Freeze
END:VEVENT
END:VCALENDAR
"""


def read(text: str, **options) -> Calendar:
    """A file of the year 2026, as a checked calendar."""
    file = text.strip().replace("\n", "\r\n").encode()
    calendar = ics.read(file, 2026, **options)
    calendar.check()
    return calendar


def of(*events: str, head: str = "") -> str:
    """A file of events, each given by its lines."""
    texts = [f"BEGIN:VEVENT\n{dedent(text).strip()}\nEND:VEVENT" for text in events]
    return "\n".join(["BEGIN:VCALENDAR", *head.splitlines(), *texts, "END:VCALENDAR"])


def refusal(text: str, **options) -> str:
    """What is said of the body."""
    with pytest.raises(InvalidInput) as refusal:
        read(text, **options)
    ((said,),) = refusal.value.fields.values()
    return said


def test_googles_holidays():
    assert read(GOOGLE) == Calendar(
        timezone="Europe/Berlin",
        description="Feiertage in Deutschland",
        entries=(
            Entry(date="2026-12-25", summary="Erster Weihnachtstag"),
            Entry(date="2027-03-26", summary="Karfreitag"),
        ),
    )


def test_officeholidays():
    calendar = read(OFFICE, zone="Europe/London")
    long = "Boxing Day, in lieu of a Saturday that everybody who can count would have had off"
    assert calendar.timezone == "Europe/London"
    assert calendar.entries == (Entry(date="2026-12-28", summary=long),)


def test_calendar_labs_holidays():
    calendar = read(LABS)
    assert calendar.timezone == "Etc/GMT"
    assert calendar.entries == (Entry(date="2027-01-01", summary="New Year's Day"),)


def test_a_meeting_of_outlook():
    exact = Entry(start="2026-07-10T18:00+02:00", end="2026-07-12T06:00+02:00", summary="Freeze")
    assert read(OUTLOOK, mode="include") == Calendar(mode="include", entries=(exact,))


def test_times_are_kept_as_they_were_given():
    calendar = read(
        of(
            "DTSTART:20260301T090000\nDTEND:20260301T100030",
            "DTSTART;TZID=Europe/Berlin:20260302T090000\nDURATION:PT90M",
            "DTSTART;TZID=America/New_York:20260303T090000\nDTEND;TZID=America/New_York:20260303T100000",
            "DTSTART:20260304T090000Z\nDTEND:20260304T100000Z",
            "DTSTART;VALUE=DATE:20260305\nDTEND;VALUE=DATE:20260308\nSUMMARY:Days",
        ),
        zone="Europe/Berlin",
    )
    assert calendar.entries == (
        Entry(start="2026-03-01T09:00", end="2026-03-01T10:00:30"),
        Entry(start="2026-03-02T09:00", end="2026-03-02T10:30"),
        Entry(start="2026-03-03T09:00-05:00", end="2026-03-03T10:00-05:00"),
        Entry(start="2026-03-04T09:00Z", end="2026-03-04T10:00Z"),
        Entry(start="2026-03-05T00:00", end="2026-03-08T00:00", summary="Days"),
    )


def test_what_recurs_is_written_out_for_ten_years():
    calendar = read(of("DTSTART;VALUE=DATE:19900501\nRRULE:FREQ=YEARLY"))
    assert [entry.date for entry in calendar.entries] == [f"{y}-05-01" for y in range(2026, 2036)]


def test_exceptions_of_a_rule_count():
    calendar = read(
        of(
            """
            UID:a
            DTSTART;TZID=Europe/Berlin:20260105T080000
            DTEND;TZID=Europe/Berlin:20260105T090000
            RRULE:FREQ=WEEKLY;BYDAY=MO,WE;BYHOUR=8;UNTIL=20260118T230000Z
            EXDATE;TZID=Europe/Berlin:20260107T080000
            RDATE;TZID=Europe/Berlin:20260121T080000
            """,
            """
            UID:a
            RECURRENCE-ID;TZID=Europe/Berlin:20260112T080000
            DTSTART;TZID=Europe/Berlin:20260113T100000
            DTEND;TZID=Europe/Berlin:20260113T110000
            """,
        ),
        zone="Europe/Berlin",
    )
    assert [entry.start for entry in calendar.entries] == [
        "2026-01-05T08:00",
        "2026-01-13T10:00",
        "2026-01-14T08:00",
        "2026-01-21T08:00",
    ]


def test_an_event_over_the_years_end_is_one_entry():
    calendar = read(of("DTSTART;VALUE=DATE:20261228\nDTEND;VALUE=DATE:20270103"))
    assert calendar.entries == (Entry(start="2026-12-28T00:00", end="2027-01-03T00:00"),)


def test_what_is_cancelled_or_takes_no_time_is_left_out():
    calendar = read(
        of(
            "DTSTART;VALUE=DATE:20260101\nSTATUS:CANCELLED",
            "DTSTART:20260102T090000Z",
            "DTSTART;VALUE=DATE:20260103",
        )
    )
    assert calendar.entries == (Entry(date="2026-01-03"),)


def test_events_that_share_a_uid_all_count():
    """Against the standard, but a holiday would be missing."""
    event = "UID:same\nDTSTART;VALUE=DATE:2026010{}\nSUMMARY:{}"
    calendar = read(of(event.format(1, "a"), event.format(2, "b"), event.format(3, "c")))
    assert [entry.summary for entry in calendar.entries] == ["a", "b", "c"]


def test_of_versions_of_an_event_the_last_counts():
    event = "UID:same\nSEQUENCE:{}\nDTSTART;VALUE=DATE:2026010{}"
    assert read(of(event.format(1, 1), event.format(2, 2))).entries == (Entry(date="2026-01-02"),)


def test_the_same_file_is_the_same_calendar_in_any_order():
    events = [f"DTSTART;VALUE=DATE:202601{n // 2 + 1:02}\nSUMMARY:{n}" for n in range(40)]
    assert read(of(*events)) == read(of(*reversed(events)))


def test_a_zone_of_one_file_is_none_of_the_next():
    """The library keeps them by name."""
    zone = """BEGIN:VTIMEZONE
TZID:Ours
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:{0}
TZOFFSETTO:{0}
END:STANDARD
END:VTIMEZONE"""
    event = "DTSTART;TZID=Ours:20260101T090000\nDTEND;TZID=Ours:20260101T100000"
    starts = [read(of(event, head=zone.format(at))).entries[0].start for at in ("+0300", "-0700")]
    assert starts == ["2026-01-01T09:00+03:00", "2026-01-01T09:00-07:00"]
    assert "zone 'Ours'" in refusal(of(event))


def test_summaries_are_one_short_line():
    event = "DTSTART;VALUE=DATE:20260101\nSUMMARY:" + r"a\nb\,  c\;" + "x" * 500
    (entry,) = read(of(event)).entries
    assert entry.summary == ("a b, c;" + "x" * 500)[: ics.LONGEST_SUMMARY]


def test_a_byte_order_mark_is_no_trouble():
    assert read("\ufeff" + of("DTSTART;VALUE=DATE:20260101")).entries == (Entry(date="2026-01-01"),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Cannot be read"),
        ("<html>No such calendar</html>", "Cannot be read"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT", "Cannot be read"),
        (of("DTSTART;VALUE=DATE:20260101") + "\n" + of("DTSTART:20260101"), "multiple components"),
        ("BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260101\nEND:VEVENT", "not a VEVENT"),
        (of(), "no event in the years 2026 to 2035"),
        (of("DTSTART;VALUE=DATE:20251231", "DTSTART;VALUE=DATE:20360101"), "no event"),
        (of("SUMMARY:Birthday"), "'Birthday' has no DTSTART"),
        (of("SUMMARY:Birthday\nDTSTART:tomorrow"), "'Birthday': DTSTART: "),
        (of("DTSTART;VALUE=DATE:20260230"), "DTSTART"),
        (of("DTSTART:20260101T090000Z\nDTSTART:20260102T090000Z"), "more than one DTSTART"),
        (of("DTSTART:20260101T090000Z\nDURATION:soon"), "DURATION"),
        (of("DTSTART;TZID=Europe/Berln:20260101T090000"), "zone 'Europe/Berln'"),
        (of("DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=OFTEN"), "RRULE"),
        (of("DTSTART;VALUE=DATE:20260101\nRRULE:COUNT=3"), "FREQ"),
        (of("DTSTART;VALUE=DATE:20260101\nEXDATE:never\nRRULE:FREQ=DAILY;COUNT=3"), "EXDATE"),
        # what would be looked through for ever
        (of("DTSTART:20260101T000000Z\nRRULE:FREQ=SEC\n ONDLY"), "more often than daily"),
        (of("DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY;BYHOUR=1,2"), "more often than daily"),
        (of("DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY;BYMONTHDAY=30"), "BYMONTHDAY"),
        (of("DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY;BYMONTH=13"), "from 1 to 12"),
        (of("DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY;INTERVAL=0"), "INTERVAL=0"),
        (of("DTSTART;VALUE=DATE:20260101\nDURATION:P400D\nRRULE:FREQ=DAILY"), "more than a year"),
        (of(*["DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=YEARLY"] * 101), "too often"),
        (of(*["DTSTART;VALUE=DATE:19000101\nRRULE:FREQ=DAILY"]), "too often"),
        (of(*["DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY;COUNT=3650\nSUMMARY:" + n
              for n in "abc"]), f"more than {MOST_ENTRIES} events"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_as_a_whole_is_refused(text, said):
    assert said in refusal(text)


def test_what_is_no_text_is_refused():
    with pytest.raises(InvalidInput, match="utf-8"):
        ics.read(b"BEGIN:VCALENDAR\r\nSUMMARY:\xff\r\nEND:VCALENDAR", 2026)


def test_a_zone_that_is_none_has_to_be_named_by_the_caller():
    text = of("DTSTART;VALUE=DATE:20260101", head="X-WR-TIMEZONE:Central Time")
    with pytest.raises(InvalidInput) as refusal:
        read(text)
    assert list(refusal.value.fields) == ["timezone"]
    assert read(text, zone="America/Chicago").timezone == "America/Chicago"
