"""Expressions on wall-clock time: against croniter where it can be trusted, and at the edges."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from croniter import croniter
from hypothesis import given
from hypothesis import strategies as st

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule.expression import parse
from tests.domain.schedules import expressions
from tests.properties import bounded

wall_clocks = st.datetimes(datetime(1995, 1, 1), datetime(2060, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0)
)


@given(st.booleans().flatmap(lambda six: expressions(seconds=six)), wall_clocks)
@bounded(100)
def test_plain_expressions_match_when_croniter_says(text, start):
    """It reads a range of one value (`3-3`) as all of them, so that those are left to others."""
    expected = croniter(
        _without_short_ranges(text), start, second_at_beginning=True, implement_cron_bug=True
    )
    found = start
    for _ in range(5):
        found = parse(text).first_from(found + timedelta(seconds=1))
        assert found == expected.get_next(datetime)


@given(st.booleans().flatmap(lambda six: expressions(seconds=six)), wall_clocks)
@bounded(60)
def test_what_it_finds_is_found_from_itself_and_from_anywhere_before(text, start):
    expression = parse(text)
    found = expression.first_from(start)
    assert found >= start
    assert expression.first_from(found) == found
    assert (
        expression.first_from(
            start + (found - start) / 2 // timedelta(seconds=1) * timedelta(seconds=1)
        )
        == found
    )


@pytest.mark.parametrize(
    ("text", "start", "found"),
    [
        # the century that is no leap year; a leap day on a Sunday, 40 years on
        ("0 0 29 2 *", "2096-03-01", "2104-02-29"),
        ("0 0 29 2 */7", "2088-02-29T01:00", "2128-02-29"),
        ("0 0 * 2 mon#5", "2044-02-29T01:00", "2072-02-29"),
        ("59 59 23 31 12 *", "2026-12-31T23:59:59", "2026-12-31T23:59:59"),
        ("0 0 31W * *", "2024-02-01", "2024-03-29"),
        ("0 0 1W * *", "2024-06-02", "2024-06-03"),
        ("0 0 L-30 * *", "2024-02-01", "2024-03-01"),
        ("0 0 15W,L * *", "2024-06-01", "2024-06-14"),
        ("0 0 lw * *", "2024-06-01", "2024-06-28"),
        ("0 0 13 * friL", "2024-06-14", "2024-06-28"),
        ("0 0 15W * 0", "2024-06-10", "2024-06-14"),
        ("0 0 */2 * 1-5", "2024-06-01", "2024-06-03"),
        ("0 0 * * sat-sun", "2024-06-03", "2024-06-08"),
        ("0 0 * * sat-sun", "2024-06-08T01:00", "2024-06-09"),
        ("0 0 * * 1/2", "2024-06-08", "2024-06-10"),
        ("0 0 * * 0-0", "2024-06-03", "2024-06-09"),
        ("0 0 5-5/2 * *", "2024-06-06", "2024-07-05"),
    ],
)
def test_the_calendars_corners(text, start, found):
    assert parse(text).first_from(datetime.fromisoformat(start)) == datetime.fromisoformat(found)


def test_the_calendar_ends():
    assert parse("0 0 1 1 *").first_from(datetime(9999, 1, 2)) is None


# What somebody may have meant is part of the refusal.
MEANT = [
    ("*/90 * * * *", 'minute field (0-59) has "*/90"', "take a schedule of type interval"),
    ("0 */36 * * *", 'hour field (0-23) has "*/36"', "every 36 hours take"),
    ("0 0 */45 * *", 'day of month field (1-31) has "*/45"', "every 45 days take"),
    ("0 0 1 */18 *", 'month field (1-12) has "*/18"', "from 1 to 12."),
    ("0 0 * * */14", 'day of week field (0-7) has "*/14"', "every 14 days take"),
    ("*/-5 * * * *", 'minute field (0-59) has "*/-5"', "a step has to be from 1 to 59."),
    ("0 24 * * *", 'hour field (0-23) has "24"', "midnight is 0."),
    ("0 0 32 * *", 'day of month field (1-31) has "32"', "the last day of a month is L."),
    ("0 0 * 0 *", 'month field (1-12) has "0"', "January is 1."),
    ("0 0 * * 8", 'day of week field (0-7) has "8"', "Sunday is 0 or 7"),
    ("0 0 1 1 * 2030", 'day of week field (0-7) has "2030"', "a year has no field"),
    ("0 0 1 1 * * 2030", "has 7 fields", "A year has no field: take start_time"),
    ("0 22-2 * * *", 'hour field (0-23) has "22-2"', 'did you mean "22-23,0-2"?'),
    ("0 0 * nov-feb *", 'month field (1-12) has "nov-feb"', 'did you mean "11-12,1-2"?'),
    ("0 0 * * fri-mon", 'day of week field (0-7) has "fri-mon"', 'did you mean "5-6,0-1"?'),
    ("0 23-0 * * *", 'hour field (0-23) has "23-0"', 'did you mean "23,0"?'),
    ("0 0 * * monday", 'day of week field (0-7) has "monday"', 'did you mean "mon"?'),
    ("0 0 * sept *", 'month field (1-12) has "sept"', 'did you mean "sep"?'),
    ("0 0 * * thr", 'day of week field (0-7) has "thr"', 'did you mean "thu"?'),
    ("0 0 * * xyz", 'day of week field (0-7) has "xyz"', "is not a number or a name (sun to sat)."),
    ("0 0 5L * *", 'day of month field (1-31) has "5L"', "belongs into the day of week field."),
    ("0 0 fri#2 * *", 'day of month field (1-31) has "fri#2"', "the day of week field."),
    ("0 0 * * L", 'day of week field (0-7) has "L"', "belong into the day of month field."),
    ("0 0 * * 15W", 'day of week field (0-7) has "15W"', "belong into the day of month field."),
    ("0 0 * * 1#6", 'day of week field (0-7) has "1#6"', '"6" has to be a number from 1 to 5.'),
    ("0 0 L-31 * *", 'day of month field (1-31) has "L-31"', "has to be a number from 0 to 30."),
    ("R * * * *", 'minute field (0-59) has "R"', "drawn by lot; write a number, or H"),
    ("0 h(0-5) * * *", 'hour field (0-23) has "h(0-5)"', "H stands alone, or as"),
    ("-5 * * * *", 'minute field (0-59) has "-5"', "a range has two ends"),
    ("1,,2 * * * *", 'minute field (0-59) has "1,,2"', "before or after a comma"),
    ("60 * * * * *", 'second field (0-59) has "60"', "a minute ends with second 59."),
    ("0 0 30 2 *", 'day of month "30", month "2"', "The last day of a month is L."),
    ("@dayly", '"@dayly" is not one of @yearly', 'did you mean "@daily"?'),
    ("@every 5m", '"@every 5m" is not one of', "A fixed distance is a schedule of type interval."),
    ("* * * *", "has 4 fields", "needs five (minute, hour, day of month, month, day of week)"),
    ("0," * 600 + "0 * * * *", "more than 1000 characters", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "where", "meant"), MEANT, ids=lambda value: value[:25])
def test_a_refusal_names_field_value_and_range_and_what_was_meant(text, where, meant):
    with pytest.raises(InvalidInput) as refusal:
        parse(text)
    said = refusal.value.fields["cron"][0]
    assert where in said
    assert meant in said
    assert len(said) < 300


def _without_short_ranges(text: str) -> str:
    return " ".join(",".join(_plain(item) for item in field.split(",")) for field in text.split())


def _plain(item: str) -> str:
    first, _, last = item.partition("/")[0].partition("-")
    return first if first == last else item
