"""Schedules of every kind for hypothesis, as they are sent: none of them is settled yet."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from dispatch_app.domain.schedule import Cron, Interval, Kind, Once, Several, Steps
from dispatch_app.domain.schedule.steps import MOST
from tests.domain.moments import DAY, HOUR, MINUTE, ms
from tests.domain.schedules import expressions, zones

POLICIES = ("run_once", "skip", "run_twice")
#: When they are stored: a year in which many of the odd zones changed their clocks.
CREATED = ms("2011-03-01T00:00:00+00:00")
#: Moments around that, before and after it.
near = st.integers(CREATED - 400 * DAY, CREATED + 400 * DAY)
_bounds = {
    "timezone": zones,
    "start_time": st.one_of(st.none(), near),
    "end_time": st.one_of(st.none(), st.integers(CREATED + 400 * DAY, CREATED + 900 * DAY)),
}
_hashed = st.sampled_from(
    ["H * * * *", "H H * * *", "H(0-29)/10 1-3 * * *", "H H(1-3) H * *", "H H/6 * * H"]
)


def _once(dst: str) -> st.SearchStrategy[Once]:
    delayed = st.builds(Once, delay=st.integers(0, 400 * DAY), timezone=zones)
    return st.one_of(delayed, st.builds(Once, start_time=near, timezone=zones))


def _interval(dst: str) -> st.SearchStrategy[Interval]:
    every = st.one_of(st.integers(100, HOUR), st.integers(MINUTE, 40 * DAY))
    return st.builds(Interval, every=every, **_bounds)


def _steps(dst: str) -> st.SearchStrategy[Steps]:
    units, counts = st.sampled_from([*MOST]), st.integers(1, 5)
    return st.builds(Steps, unit=units, count=counts, dst=st.just(dst), **_bounds)


def _cron(dst: str) -> st.SearchStrategy[Cron]:
    texts = st.one_of(expressions(), expressions(seconds=True), _hashed)
    return st.builds(Cron, cron=texts, dst=st.just(dst), **_bounds)


def _several(dst: str) -> st.SearchStrategy[Several]:
    singles = st.one_of(_once(dst), _interval(dst), _steps(dst), _cron(dst))
    return st.builds(Several, schedules=st.lists(singles, min_size=1, max_size=4).map(tuple))


_STRATEGIES: dict[type[Any], Any] = {
    Once: _once,
    Interval: _interval,
    Steps: _steps,
    Cron: _cron,
    Several: _several,
}


def of_kind(kind: type[Kind], dst: str) -> st.SearchStrategy[Kind]:
    """Schedules of one kind and policy; a kind that is new has to be told here how it is drawn."""
    return _STRATEGIES[kind](dst)
