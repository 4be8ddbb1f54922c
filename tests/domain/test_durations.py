"""Durations: the conformance cases, and what holds for any."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch_app.domain import durations
from tests.properties import bounded

CASES = json.loads((Path(__file__).parents[1] / "cases" / "durations.json").read_text())
MS = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}


@pytest.mark.parametrize("case", [c for c in CASES if "seconds" in c], ids=lambda c: c["text"])
def test_a_right_one_is_read_exactly(case):
    assert durations.seconds(case["text"]) == Fraction(case["seconds"])
    assert durations.parse(case["text"]) == round(Fraction(case["seconds"]) * 1000)


@pytest.mark.parametrize("case", [c for c in CASES if "error" in c], ids=lambda c: c["text"])
def test_a_wrong_one_is_refused(case):
    with pytest.raises(ValueError, match=r"is not a duration|longer than a duration"):
        durations.parse(case["text"])


@given(st.dictionaries(st.sampled_from(list(MS)), st.integers(0, 9_999), min_size=1))
@bounded(200)
def test_parts_add_up(parts):
    text = "".join(f"{n}{unit}" for unit, n in parts.items())
    assert durations.parse(text) == sum(n * MS[unit] for unit, n in parts.items())


@given(st.integers(0, 99_999), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59_999))
@bounded(100)
def test_iso_8601_adds_up_as_well(days, hours, minutes, ms):
    text = f"P{days}DT{hours}H{minutes}M{ms // 1000}.{ms % 1000:03d}S"
    assert durations.parse(text) == days * 86_400_000 + hours * 3_600_000 + minutes * 60_000 + ms


@given(st.text("0123456789.,+-PTWDHMSYhmsnuµ ", max_size=12))
@bounded(400)
def test_any_text_is_a_length_or_a_refusal(text):
    try:
        found = durations.parse(text)
    except ValueError:
        return
    assert found >= 0


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (0, "0 s"),
        (1, "1 ms"),
        (999, "999 ms"),
        (60_000, "1 min"),
        (5_400_000, "1 h 30 min"),
        (90_061_001, "1 d 1 h 1 min 1 s 1 ms"),
    ],
)
def test_in_words(ms, words):
    assert durations.human(ms) == words
