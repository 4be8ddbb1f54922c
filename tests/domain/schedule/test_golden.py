"""Row 43: what stored expressions mean stays what it was."""

from __future__ import annotations

import json

from tests.cases import golden

KEPT = json.loads(golden.FILE.read_text(encoding="utf-8"))


def test_two_hundred_expressions_in_five_zones_mean_what_they_meant():
    changed = [
        (kept["cron"], kept["timezone"])
        for kept, now in zip(KEPT, golden.cases(), strict=True)
        if kept != now
    ]
    assert changed == [], "if that is meant: CHANGELOG.md, and python -m tests.cases.golden"


def test_the_file_is_as_its_program_writes_it_and_large_enough():
    assert golden.FILE.read_text(encoding="utf-8") == golden.written(KEPT)
    assert len({kept["cron"] for kept in KEPT}) == 200
    assert len({kept["timezone"] for kept in KEPT}) == 5
    assert {len(kept["then"]) for kept in KEPT} == {golden.OCCURRENCES - 1}
