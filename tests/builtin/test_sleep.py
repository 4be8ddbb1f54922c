from __future__ import annotations

import time

import pytest

from dispatch_app.domain.errors import Discard


def test_takes_its_time(run):
    started = time.monotonic()
    assert run("sleep", seconds=0.05) == {"slept": 0.05}
    assert time.monotonic() - started >= 0.05


@pytest.mark.parametrize("seconds", [-1, 86_401, float("nan"), float("inf")])
def test_refuses_what_is_no_time_up_to_a_day(run, seconds):
    with pytest.raises(Discard, match="seconds: expected 0 to 86400"):
        run("sleep", seconds=seconds)
