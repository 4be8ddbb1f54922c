"""How much is kept of what has ended."""

from __future__ import annotations

import msgspec


class Letters(msgspec.Struct, frozen=True, kw_only=True):
    """How many dead letters are kept, and for how long, ms."""

    keep: int
    age: int


#: The bounds, where nobody says others: 10,000 letters, for 90 days.
LETTERS = Letters(keep=10_000, age=90 * 86_400_000)
