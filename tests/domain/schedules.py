"""Schedules for hypothesis: expressions that people write, intervals, zones with odd histories."""

from __future__ import annotations

from hypothesis import strategies as st

from dispatch_app.domain.schedule import Cron, Interval, Kind
from dispatch_app.domain.timeline import Timeline
from tests.domain.moments import DAY, MINUTE, ms

#: Zones whose clocks did something that is easily got wrong.
ODD_ZONES = (
    "Africa/Cairo",  # changes at 24:00
    "Africa/Casablanca",  # back for Ramadan
    "America/Asuncion",
    "America/Caracas",  # half an hour, 2007 and 2016
    "America/Havana",  # midnight gap
    "America/New_York",
    "America/Nuuk",  # the evening before
    "America/Santiago",  # midnight gap
    "America/Sao_Paulo",  # midnight gap, until 2019
    "America/St_Johns",  # at 00:01, until 2011
    "Antarctica/Casey",
    "Antarctica/Troll",  # two hours
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Atlantic/Azores",
    "Australia/Lord_Howe",  # half an hour
    "Europe/Berlin",
    "Europe/Dublin",
    "Europe/Volgograd",
    "Pacific/Apia",  # lost a whole day, 2011-12-30
    "Pacific/Chatham",  # at 02:45
    "Pacific/Kwajalein",
    "UTC",
)

#: What is published for these years changes no more, so that two copies of the data agree.
FIRST, LAST = ms("1995-01-01T00:00:00+00:00"), ms("2022-01-01T00:00:00+00:00")


def latest_until(schedule: Kind, known: int, until: int) -> int:
    """The last occurrence that is not after `until`, of which `known` is one."""
    timeline = Timeline(schedule)
    return timeline.latest_until(known, until, timeline.nothing_done)


moments = st.integers(FIRST, LAST)
zones = st.sampled_from(ODD_ZONES)


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    # a step that leaves its field with one value is the same as no step
    step = st.integers(1, max(1, (high - low) // 2))
    stepped = st.tuples(st.one_of(st.just("*"), span), step).map(lambda p: f"{p[0]}/{p[1]}")
    items = st.lists(st.one_of(number.map(str), span), min_size=1, max_size=3).map(",".join)
    return st.one_of(st.just("*"), number.map(str), stepped, items)


def expressions(*, seconds: bool = False) -> st.SearchStrategy[str]:
    """Five fields (with `seconds`, six) that fire at least a few times a month."""
    fields = [_field(0, 59), _field(0, 23), _field(1, 28), st.just("*"), _field(0, 6)]
    if seconds:
        fields.insert(0, _field(0, 59))
    return st.tuples(*fields).map(" ".join)


def crons(zone: st.SearchStrategy[str] = zones) -> st.SearchStrategy[Cron]:
    """Cron schedules of any zone and policy, with and without bounds."""
    dst = st.sampled_from(["run_once", "skip", "run_twice"])
    return st.builds(
        Cron,
        cron=st.one_of(expressions(), expressions(seconds=True)),
        timezone=zone,
        dst=dst,
        start_time=st.one_of(st.none(), moments),
    )


intervals = st.builds(
    Interval,
    every=st.one_of(st.integers(100, 10_000), st.integers(MINUTE, 400 * DAY)),
    start_time=st.one_of(st.none(), moments),
    anchor=moments,
).map(lambda i: i if i.start_time is None else i.settled("", 0))

recurring = st.one_of(intervals, crons())
