"""Ids sort by when they were made."""

from __future__ import annotations

import random
import uuid

from dispatch_app.ids import new_id

MOMENT = 1_700_000_000_123


def test_an_id_is_a_uuid_of_version_7_in_its_usual_form():
    for made in (new_id(), new_id(MOMENT), new_id(0)):
        assert str(uuid.UUID(made)) == made
        assert (uuid.UUID(made).version, uuid.UUID(made).variant) == (7, uuid.RFC_4122)


def test_it_says_the_moment_that_was_given():
    for moment in (0, 1, MOMENT, 4_102_444_800_000):
        assert uuid.UUID(new_id(moment)).int >> 80 == moment


def test_of_two_moments_the_later_one_sorts_last():
    moments = sorted(random.Random(1).sample(range(MOMENT), 1_000))
    made = [new_id(moment) for moment in moments]
    assert made == sorted(made)


def test_those_of_one_moment_sort_by_their_order_and_are_all_different():
    made = [new_id(MOMENT) for _ in range(10_000)]
    assert made == sorted(set(made))
    assert {uuid.UUID(each).int >> 80 for each in made} == {MOMENT}


def test_they_cannot_be_guessed_from_the_moment():
    first = {new_id(MOMENT + n % 2)[14:] for n in range(1_000)}
    assert len(first) == 1_000
