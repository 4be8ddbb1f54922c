"""What holds for a schedule of any kind, under each policy for changes of the clock."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch_app.domain.schedule import KINDS, Cron, Several, occurrences, settle
from dispatch_app.domain.schedule.hashed import expand
from tests.domain.moments import DAY, HOUR
from tests.domain.schedule.kinds import CREATED, POLICIES, near, of_kind
from tests.properties import bounded

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
every_policy = pytest.mark.parametrize("dst", POLICIES)
ANY = st.one_of([of_kind(kind, dst) for kind in KINDS for dst in POLICIES])
keys = st.text("abcdef0123456789", min_size=1, max_size=8)


@every_kind
@every_policy
@given(st.data())
@bounded(40)
def test_occurrences_strictly_increase(kind, dst, data):
    schedule = settle(data.draw(of_kind(kind, dst)), "a", CREATED)
    schedule.check()
    after = data.draw(near)
    found = occurrences(schedule, after, 40)
    assert all(one < two for one, two in pairwise([after, *found]))


@every_kind
@every_policy
@given(st.data())
@bounded(40)
def test_the_next_one_after_any_moment_is_that_which_counting_from_the_beginning_finds(
    kind, dst, data
):
    schedule = settle(data.draw(of_kind(kind, dst)), "a", CREATED)
    first = CREATED - 500 * DAY
    found = occurrences(schedule, first, 40)
    # both sides of each, and somewhere in between
    asked = [first, *(moment + by for moment in found for by in (-1, 0, 1))]
    asked += [data.draw(st.integers(one, two - 1)) for one, two in pairwise([first, *found])]
    for moment in asked:
        later = [each for each in found if each > moment]
        if later:
            assert schedule.next_after(moment) == later[0]


@every_kind
@every_policy
@given(st.data())
@bounded(15)
def test_the_end_takes_away_what_comes_after_it_and_nothing_else(kind, dst, data):
    schedule = settle(data.draw(of_kind(kind, dst)), "a", CREATED)
    found = occurrences(schedule, CREATED, 20)
    members = schedule.schedules if isinstance(schedule, Several) else (schedule,)
    if len(found) < 20 or not all(hasattr(each, "end_time") for each in members):
        return
    end = data.draw(st.integers(found[0], found[-1] - 1))
    ended = tuple(msgspec.structs.replace(each, end_time=end) for each in members)
    assert occurrences(Several(schedules=ended), CREATED, 20) == [m for m in found if m <= end]


@given(ANY, keys, near)
@bounded(150)
def test_a_schedule_that_is_settled_says_the_same_whenever_it_is_settled_again(sent, key, now):
    stored = settle(sent, key, now)
    assert settle(sent, key, now) == stored
    # what is sent once more, unchanged, and what was read and is sent back, goes on as it was
    assert settle(sent, key, now + HOUR, before=stored) == stored
    assert settle(stored, key, now + HOUR, before=stored) == stored


@given(of_kind(Cron, "run_once"), keys)
@bounded(60)
def test_a_hashed_expression_occurs_as_the_one_with_its_numbers(sent, key):
    plain = msgspec.structs.replace(sent, cron=expand(sent.cron, key))
    found = occurrences(settle(sent, key, CREATED), CREATED, 20)
    assert found == occurrences(plain, CREATED, 20)


@given(st.lists(st.one_of([of_kind(kind, "run_once") for kind in KINDS[:-1]]), min_size=1))
@bounded(60)
def test_several_occur_whenever_one_of_them_does(members):
    together = settle(Several(schedules=tuple(members)), "a", CREATED)
    found = occurrences(together, CREATED, 30)
    until = found[-1] if len(found) == 30 else float("inf")
    apart = {
        moment
        for each in together.schedules
        for moment in occurrences(each, CREATED, 30)
        if moment <= until
    }
    assert found == sorted(apart)
