"""The benchmark works, and its output has the shape that others read. Never how fast it is."""

from __future__ import annotations

import re
import subprocess
import sys

import msgspec

from dispatch_app.domain.schedule import cron
from tests.bench import planning
from tests.bench.place import Place
from tests.bench.rows import Goal, Row, table
from tests.processes import ROOT


def test_it_prints_a_list_of_rows():
    command = [sys.executable, "-m", "tests.bench", "--only", "dispatch", "--quick", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    rows = msgspec.json.decode(done.stdout)
    assert [row["name"] for row in rows] == [
        "dispatch of 100 due one-time tasks",
        "dispatch of 100 due interval tasks",
        "dispatch of 1,000 due one-time tasks",
        "dispatch of 1,000 due interval tasks",
    ]
    for row in rows:
        assert list(row) == ["name", "value", "unit", "yardstick", "ratio", "goal", "reached"]
        assert row["value"] > 0
        assert row["yardstick"] > 0
        assert (row["unit"], row["goal"]) == ("/s", "ratio >= 10")
        assert isinstance(row["reached"], bool)


def test_planning_is_measured_with_and_without_its_memory_which_it_gives_back(tmp_path):
    memory = cron._next
    rows = [*planning.measure(Place(tmp_path, quick=True))]
    assert [row.name for row in rows] == [
        "planning of 10 cron tasks, memoised",
        "planning of 10 cron tasks, not memoised",
    ]
    assert {(row.unit, str(row.goal)) for row in rows} == {("/s", "ratio >= 3")}
    assert cron._next is memory
    # as many as there are different ones: all else was answered from memory or by the yardstick
    mix = {(schedule.cron, schedule.timezone) for schedule in planning.mix(10)}
    assert memory.cache_info().misses == len(mix) * planning.OCCURRENCES


def test_a_goal_is_for_the_value_or_the_ratio():
    row = Row(name="late", value=8, unit="ms", yardstick=2, goal=Goal("value", "<", 10))
    assert (row.ratio, row.reached) == (4, True)
    row.goal = Goal("ratio", "<", 2)
    assert row.reached is False
    row.goal = None
    assert row.reached is None


def test_the_table_names_the_yardstick_and_what_is_not_reached():
    row = Row(
        name="dispatch",
        value=12_345.6,
        unit="/s",
        against="a loop",
        yardstick=2_000,
        goal=Goal("ratio", ">=", 10),
    )
    assert re.split(" {2,}", table([row]).splitlines()[1]) == [
        "dispatch", "12,346", "/s", "2,000", "a loop", "6.17", "ratio >= 10", "NOT REACHED",
    ]  # fmt: skip
