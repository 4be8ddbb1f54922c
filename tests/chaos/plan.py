"""Which faults come when: drawn from a seed, so that a run can be repeated."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Kind(NamedTuple):
    """What can break: what it breaks, and for how many seconds."""

    subject: str
    shortest: float
    longest: float


#: With a heartbeat of 1 s a lease lives 3 s: what lasts longer than that costs running attempts
#: their lease, what is shorter must not.
KINDS: dict[str, Kind] = {
    "kill worker": Kind("worker", 0, 2),
    "kill child": Kind("worker", 0, 0),
    "freeze worker": Kind("worker", 1, 8),
    "freeze main process": Kind("worker", 1, 8),
    "stop worker": Kind("worker", 0, 1),
    "kill beat": Kind("beat", 0, 3),
    "freeze beat": Kind("beat", 1, 10),
    "stop beat": Kind("beat", 0, 1),
    "kill api": Kind("api", 0, 2),
    "stop api": Kind("api", 0, 1),
    "kill redis": Kind("redis", 0, 4),
    "freeze redis": Kind("redis", 0.5, 6),
    "full redis": Kind("redis", 0.5, 5),
    "read-only redis": Kind("redis", 0.5, 5),
    "clock forward": Kind("redis", 3, 6),
    "clock back": Kind("redis", 3, 6),
    "slow network": Kind("proxy", 3, 8),
    "cut network": Kind("proxy", 0, 0),
    "refused network": Kind("proxy", 1, 6),
    "replies lost": Kind("proxy", 0.5, 4),
}


class Fault(NamedTuple):
    """One fault: when (s from the start), on which of its subjects, and for how long (s)."""

    at: float
    kind: str
    target: int
    lasts: float

    @property
    def subject(self) -> tuple[str, int]:
        """What must not be broken in two ways at once."""
        return KINDS[self.kind].subject, self.target


def plan(
    seed: int, seconds: float, subjects: Mapping[str, int], kinds: Sequence[str] = tuple(KINDS)
) -> list[Fault]:
    """Faults for so many seconds, some of them over each other.

    Every kind comes once before any comes again.

    Args:
        seed: of the same one the same plan is drawn.
        subjects: how many there are of each.
        kinds: which may come.
    """
    rng = random.Random(seed)
    faults: list[Fault] = []
    free: dict[tuple[str, int], float] = {}
    bag: list[str] = []
    at = 3.0
    while at < seconds:
        bag = bag or rng.sample(kinds, len(kinds))
        kind = bag.pop()
        subject, shortest, longest = KINDS[kind]
        target, lasts = rng.randrange(subjects[subject]), round(rng.uniform(shortest, longest), 1)
        # one that is broken already is broken again when it has had time to come back
        at = round(max(at, free.get((subject, target), 0)), 1)
        fault = Fault(at, kind, target, lasts)
        free[fault.subject] = at + lasts + 5
        faults.append(fault)
        at += rng.uniform(2, 7)
    return faults
