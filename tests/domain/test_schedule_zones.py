"""Zones: our segments against another copy of the data, and any machine's settings against ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule import zones
from tests.domain.moments import ms
from tests.domain.schedules import FIRST, LAST, ODD_ZONES, moments
from tests.properties import bounded


@pytest.mark.parametrize("name", ODD_ZONES)
def test_segments_follow_each_other_without_a_hole(name):
    rows = list(zones.segments(name, datetime(1, 1, 2)))
    assert rows[0].start == datetime(1, 1, 2)
    assert rows[-1].end == datetime(9999, 12, 30)
    for one, two in pairwise(rows):
        assert one.start < one.end == two.start
        assert two.before == one.offset


@given(st.sampled_from(ODD_ZONES), moments)
@bounded(500)
def test_the_wall_clock_is_the_one_that_python_shows(name, moment):
    shown = datetime.fromtimestamp(moment // 1000, timezone.utc).astimezone(ZoneInfo(name))
    assert zones.local(name, moment // 1000 * 1000).isoformat() == shown.isoformat()


@pytest.mark.parametrize("name", ODD_ZONES)
def test_a_gap_is_what_no_instant_shows_and_an_overlap_what_two_show(name):
    for segment in zones.segments(name, zones.to_datetime(FIRST)):
        if not zones.to_datetime(FIRST) < segment.start < zones.to_datetime(LAST):
            continue
        zone = ZoneInfo(name)
        if segment.gap:
            first, end = segment.gap
            assert not _is_shown(first, zone)
            assert _is_shown(end, zone)
        if segment.overlap_end:
            second = segment.start + segment.offset
            assert second.replace(tzinfo=zone).utcoffset() == segment.before
            assert second.replace(tzinfo=zone, fold=1).utcoffset() == segment.offset
            after = segment.overlap_end.replace(tzinfo=zone)
            assert after.utcoffset() == after.replace(fold=1).utcoffset() == segment.offset


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Europe/Berln", "did you mean Europe/Berlin"),
        ("america/new_york", "did you mean America/New_York"),
        ("", 'such as "Europe/Berlin"'),
        ("+02:00", 'such as "Europe/Berlin"'),
        ("../../etc/passwd", "is not an IANA time zone"),
        ("x" * 10_000, "is not an IANA time zone"),
    ],
)
def test_an_unknown_zone_is_refused_with_the_nearest(name, hint):
    with pytest.raises(InvalidInput) as refusal:
        zones.check(name)
    text = refusal.value.fields["timezone"][0]
    assert hint in text
    assert len(text) < 250


_OCCURRENCES = """
import json, sys
{prelude}
from dispatch_app.domain.schedule import Cron, Interval, Once, notes_for, occurrences
from dispatch_app.domain.schedule.zones import local
found = []
for zone in ("UTC", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"):
    for kind in (
        Cron(cron="30 2 * * *", timezone=zone),
        Cron(cron="*/20 * * * *", timezone=zone),
        Interval(every=5_400_000, timezone=zone).settled("", {after}),
        Once(start_time={after} + 1, timezone=zone),
    ):
        found += [kind.describe(), notes_for(kind, {after})]
        found += [local(zone, moment).isoformat() for moment in occurrences(kind, {after}, 40)]
print(json.dumps(found))
"""


def _run(prelude: str = "", **environ: str) -> list[object]:
    program = _OCCURRENCES.format(prelude=prelude, after=ms("2024-03-09T12:00:00-05:00"))
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environ},
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


def test_the_hosts_zone_changes_nothing():
    here = _run(TZ="UTC")
    assert len(here) > 400
    assert _run(TZ="Asia/Kathmandu") == here
    assert _run(TZ="America/New_York") == here


def test_a_host_without_any_zone_data_has_the_same_zones():
    bare = """
sys.modules["tzdata"] = None
import zoneinfo
assert not zoneinfo.available_timezones(), "this host still finds zones somewhere"
"""
    assert _run(bare, PYTHONTZPATH="", TZ="UTC") == _run(TZ="UTC")


def _is_shown(wall: datetime, zone: ZoneInfo) -> bool:
    there = wall.replace(tzinfo=zone).astimezone(timezone.utc).astimezone(zone)
    return there.replace(tzinfo=None) == wall
