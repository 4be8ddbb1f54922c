"""Two minutes of chaos; longer ones by hand: `python -m tests.chaos --minutes 60`."""

from __future__ import annotations

from tests.chaos import chaos


def test_two_minutes_of_chaos_break_no_promise(tmp_path):
    report = chaos.run(tmp_path, seed=1, seconds=120)
    assert report.violations == [], str(report)
    # it did happen: faults of most kinds, and runs that were lost and came back
    assert len(report.faults) > 15, str(report)
    assert report.statuses["succeeded"] > 300, str(report)
    assert report.outcomes["lost"] > 0, str(report)
