"""What a change of the clock means: notes, zones in expressions, years that pytz does not list."""

from __future__ import annotations

import ast
from datetime import datetime, timedelta, timezone
from itertools import pairwise, takewhile
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
import pytz
from hypothesis import given
from hypothesis import strategies as st

import dispatch_api
import dispatch_app
from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule import (
    KINDS,
    Cron,
    Interval,
    Once,
    Several,
    Single,
    notes_for,
    occurrences,
    settle,
    zones,
)
from tests.domain.moments import DAY, MINUTE, iso, ms
from tests.domain.schedule.kinds import CREATED, of_kind
from tests.domain.schedules import ODD_ZONES
from tests.properties import bounded

NEW_YORK = "America/New_York"


def noted(schedule: Cron, after: str, count: int) -> list[tuple[str, str | None]]:
    found = occurrences(schedule, ms(after), count)
    return [(iso(moment, schedule.timezone), notes_for(schedule, moment)) for moment in found]


def test_a_time_in_the_gap_is_noted_as_moved():
    assert noted(Cron(cron="30 2 * * *", timezone=NEW_YORK), "2024-03-09T12:00:00-05:00", 2) == [
        (
            "2024-03-10T03:00:00-04:00",
            "The clock goes forward from 2024-03-10 02:00 to 2024-03-10 03:00; "
            "what was due in between runs now, once.",
        ),
        ("2024-03-11T02:30:00-04:00", None),
    ]


def test_a_time_in_the_gap_that_is_skipped_is_noted_at_the_next():
    schedule = Cron(cron="30 2 * * *", timezone=NEW_YORK, dst="skip")
    assert noted(schedule, "2024-03-08T12:00:00-05:00", 3) == [
        ("2024-03-09T02:30:00-05:00", None),
        (
            "2024-03-11T02:30:00-04:00",
            "The clock goes forward from 2024-03-10 02:00 to 2024-03-10 03:00; "
            "what was due in between was left out.",
        ),
        ("2024-03-12T02:30:00-04:00", None),
    ]


def test_a_wildcard_is_told_of_the_gap_and_loses_nothing_by_it():
    assert noted(Cron(cron="*/30 * * * *", timezone=NEW_YORK), "2024-03-10T01:15:00-05:00", 2) == [
        ("2024-03-10T01:30:00-05:00", None),
        (
            "2024-03-10T03:00:00-04:00",
            "The clock goes forward from 2024-03-10 02:00 to 2024-03-10 03:00.",
        ),
    ]


@pytest.mark.parametrize(
    ("dst", "fires"),
    [
        (
            "run_once",
            [("2024-11-03T01:30:00-04:00", "this is the first time, and the only one that runs.")],
        ),
        (
            "skip",
            [("2024-11-03T01:30:00-04:00", "this is the first time, and the only one that runs.")],
        ),
        (
            "run_twice",
            [
                ("2024-11-03T01:30:00-04:00", "this is the first time."),
                ("2024-11-03T01:30:00-05:00", "this is the second time."),
            ],
        ),
    ],
)
def test_a_time_that_the_clock_shows_twice_is_noted(dst, fires):
    schedule = Cron(cron="30 1 * * *", timezone=NEW_YORK, dst=dst)
    said = noted(schedule, "2024-11-02T12:00:00-04:00", len(fires) + 1)
    twice = "The clock shows 01:30 twice on this day; "
    assert said[:-1] == [(at, twice + note) for at, note in fires]
    assert said[-1] == ("2024-11-04T01:30:00-05:00", None)


def test_a_lost_day_is_noted():
    said = noted(Cron(cron="0 12 30 * *", timezone="Pacific/Apia"), "2011-12-01T00:00:00-10:00", 1)
    assert said[0][0] == "2011-12-31T00:00:00+14:00"
    assert "from 2011-12-30 00:00 to 2011-12-31 00:00" in said[0][1]


def test_what_follows_no_clock_has_no_notes():
    moment = ms("2024-03-10T03:00:00-04:00")
    assert notes_for(Once(start_time=moment, timezone=NEW_YORK), moment) is None
    assert notes_for(Interval(every=MINUTE, timezone=NEW_YORK), moment) is None


@pytest.mark.parametrize("prefix", ["CRON_TZ=Asia/Tokyo ", "TZ=Asia/Tokyo ", " TZ=Asia/Tokyo\t "])
@pytest.mark.parametrize("zone", [{}, {"timezone": "Asia/Tokyo"}])
def test_a_zone_in_the_expression_becomes_the_schedules(prefix, zone):
    schedule = Cron(cron=f"{prefix}0 9 * * *", **zone)
    schedule.check()
    assert schedule == Cron(cron="0 9 * * *", timezone="Asia/Tokyo")


def test_two_zones_are_refused():
    with pytest.raises(InvalidInput) as refusal:
        Cron(cron="TZ=Asia/Tokyo 0 9 * * *", timezone="Europe/Berlin").check()
    assert refusal.value.fields["cron"] == [
        'It names the zone "Asia/Tokyo", timezone another one; keep one.'
    ]


def test_an_unknown_zone_in_the_expression_is_the_zones_fault():
    with pytest.raises(InvalidInput) as refusal:
        Cron(cron="TZ=Asia/Tokio 0 9 * * *").check()
    assert "did you mean Asia/Tokyo" in refusal.value.fields["timezone"][0]


def test_a_daily_job_keeps_its_hour_after_the_year_in_which_pytz_ends():
    """pytz by itself has no summer time after 2037."""
    schedule = Cron(cron="0 9 1 1,7 *", timezone="Europe/Berlin")
    assert [
        iso(moment, "Europe/Berlin")
        for moment in occurrences(schedule, ms("2037-05-01T00:00:00Z"), 4)
    ] == [
        "2037-07-01T09:00:00+02:00",
        "2038-01-01T09:00:00+01:00",
        "2038-07-01T09:00:00+02:00",
        "2039-01-01T09:00:00+01:00",
    ]


@pytest.mark.parametrize("name", [*ODD_ZONES, "Asia/Gaza"])
def test_the_far_years_are_those_that_zoneinfo_knows(name):
    with pytz.open_resource(name) as file:
        zone = ZoneInfo.from_file(file)
    for hours in range(0, 24 * 365 * 5, 31):
        moment = ms("2036-01-01T00:00:00Z") + hours * 3_600_000
        shown = datetime.fromtimestamp(moment // 1000, timezone.utc).astimezone(zone)
        assert zones.local(name, moment).isoformat() == shown.isoformat()


@pytest.mark.parametrize("name", ODD_ZONES)
def test_gaps_and_overlaps_are_those_that_pytz_refuses_to_guess(name):
    """`localize(is_dst=None)` is how pytz itself tells them apart."""
    zone = pytz.timezone(name)
    for segment in _listed(name)[1:]:
        if segment.gap:
            for wall in _inside(*segment.gap):
                with pytest.raises(pytz.NonExistentTimeError):
                    zone.localize(wall, is_dst=None)
        if segment.overlap_end:
            for wall in _inside(segment.start + segment.offset, segment.overlap_end):
                with pytest.raises(pytz.AmbiguousTimeError):
                    zone.localize(wall, is_dst=None)


def _listed(name: str) -> list[zones.Segment]:
    """The segments from 1971 to 2036."""
    after = zones.segments(name, datetime(1971, 1, 1))
    return list(takewhile(lambda segment: segment.start < datetime(2037, 1, 1), after))


def _inside(first: datetime, end: datetime) -> tuple[datetime, datetime, datetime]:
    return first, first + (end - first) / 2, end - timedelta(seconds=1)


def test_no_zone_changes_its_clock_twice_within_a_day():
    """The policies look at one gap or overlap at a time; IANA's data has let them since 1970."""
    for name in pytz.all_timezones:
        starts = [segment.start for segment in _listed(name)][1:]
        between = [later - start for start, later in pairwise(starts)]
        assert min(between, default=timedelta(DAY)) > timedelta(days=2), name


def test_one_module_knows_pytz():
    """Row 51: its zones, with their `localize` and `normalize`, come no farther than there."""
    knowing = {
        path.relative_to(package.parent).as_posix()
        for package in (Path(each.__file__).parent for each in (dispatch_app, dispatch_api))
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if "pytz" in _imported(node)
    }
    assert knowing == {"dispatch_app/domain/schedule/zones.py"}
    assert type(zones.local(NEW_YORK, 0).tzinfo) is timezone
    fields = (getattr(row, name) for row in _listed(NEW_YORK) for name in row.__struct_fields__)
    assert {type(field) for field in fields} == {datetime, timedelta}
    assert all(row.start.tzinfo is row.end.tzinfo is None for row in _listed(NEW_YORK))


@given(st.one_of([of_kind(kind, "skip") for kind in KINDS]))
@bounded(100)
def test_no_value_that_is_stored_is_a_zone(sent):
    """Row 51: a zone is stored as its name, a moment as a number."""
    stored = settle(sent, "a", CREATED)
    members = stored.schedules if isinstance(stored, Several) else (stored,)
    values = [value for each in members for value in msgspec.structs.asdict(each).values()]
    assert {type(value) for value in values} <= {str, int, bool, tuple, type(None)}
    assert msgspec.json.decode(msgspec.json.encode(members), type=list[Single]) == [*members]


def _imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        return {(node.module or "").split(".")[0]}
    return set()
