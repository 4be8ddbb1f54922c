"""Schedulers that run beside others: none plans for long what others plan as well."""

from __future__ import annotations

from dispatch_app.scheduler.company import Company
from dispatch_app.store.agenda import BATCH


def behind() -> Company:
    company = Company()
    company.saw(due=5, advanced=0)
    return company


def test_alone_it_is_punctual_and_looks_at_the_oldest_first():
    company = Company()
    for due in (0, 1, BATCH):
        company.saw(due, due)
        assert (company.part, company.delay) == (0, 0.0)


def test_whoever_finds_that_others_were_faster_looks_later_and_elsewhere():
    company = behind()
    assert {company.part for _ in range(500)} == set(range(8))
    assert all(0.02 <= company.delay <= 0.04 for _ in range(100))


def test_little_of_much_is_a_loss_and_most_of_it_is_none():
    company = Company()
    company.saw(due=100, advanced=60)
    assert not company.is_behind
    company.saw(due=100, advanced=40)
    assert company.is_behind


def test_a_part_that_nobody_else_did_says_nothing_of_who_is_ahead():
    company = behind()
    company.saw(BATCH, BATCH)
    company.saw(0, 0)
    assert company.is_behind


def test_who_does_all_that_is_due_is_behind_nobody():
    company = behind()
    company.saw(due=3, advanced=3)
    assert not company.is_behind
