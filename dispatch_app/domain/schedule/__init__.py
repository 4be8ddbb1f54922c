"""Schedules: pure functions from a moment to the next one. One kind, one file.

Moments and durations are integer milliseconds, UTC.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import Protocol

from dispatch_app.domain.schedule.cron import Cron
from dispatch_app.domain.schedule.interval import Interval
from dispatch_app.domain.schedule.once import Once
from dispatch_app.domain.schedule.phrases import Language
from dispatch_app.domain.schedule.several import Several, Single
from dispatch_app.domain.schedule.steps import Steps

__all__ = [
    "KINDS",
    "Cron",
    "Interval",
    "Kind",
    "Once",
    "Schedule",
    "Several",
    "Single",
    "Steps",
    "notes_for",
    "occurrences",
    "settle",
]

Kind = Once | Interval | Steps | Cron | Several
#: Every kind of schedule; its tag is the `type` that its records have.
KINDS = (Once, Interval, Steps, Cron, Several)


class Schedule(Protocol):
    """What every kind can answer. It owns no clock and no cursor."""

    def next_after(self, moment: int) -> int | None:
        """The first occurrence strictly after `moment`; None: no more."""

    def check(self) -> None:
        """Raise InvalidInput for what cannot be planned."""

    def describe(self, language: Language = "en") -> str:
        """The schedule in words."""


def occurrences(schedule: Schedule, after: int, count: int) -> list[int]:
    """At most `count` occurrences strictly after `after`, in order."""
    found: list[int] = []
    while len(found) < count:
        moment = schedule.next_after(found[-1] if found else after)
        if moment is None:
            break
        found.append(moment)
    return found


def settle(schedule: Kind, key: str, moment: int, before: Kind | None = None) -> Kind:
    """The schedule as it is stored: counted from its creation, with numbers for cron's `H`.

    Args:
        key: the task's id.
        moment: of the creation, ms.
        before: the schedule that it replaces; one that says the same goes on counting from where
            that did, and so does each of several by its place among them.
    """
    if isinstance(schedule, Several):
        old = before.schedules if isinstance(before, Several) else ()
        pairs = zip_longest(schedule.schedules, old[: len(schedule.schedules)])
        return Several(schedules=tuple(_settle(each, key, moment, was) for each, was in pairs))
    return _settle(schedule, key, moment, before)


def notes_for(schedule: Schedule, moment: int, language: Language = "en") -> str | None:
    """What a clock change does to an occurrence, in words; None: nothing."""
    if isinstance(schedule, Several):
        notes = (
            notes_for(each, moment, language)
            for each in schedule.schedules
            if each.next_after(moment - 1) == moment
        )
        return next(filter(None, notes), None)
    return schedule.note(moment, language) if isinstance(schedule, Cron | Steps) else None


def _settle(schedule: Single, key: str, moment: int, before: Kind | None) -> Single:
    same = schedule.settled(key, getattr(before, "anchor", moment))
    return same if same == before else schedule.settled(key, moment)
