"""Random cron expressions, each drawn with what it means, so that nobody has to parse it."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]

#: An item of a field, and what it means: numbers and, for days, the words of `minutes`.
Item = tuple[str, set[int | str]]


class Drawn(NamedTuple):
    """An expression of five fields, and what each of them means."""

    text: str
    minutes: set[int | str]
    hours: set[int | str]
    days: set[int | str]
    months: set[int | str]
    weekdays: set[int | str]

    @property
    def fixed(self) -> bool:
        """Whether neither minute nor hour is open."""
        return not any(map(_is_open, self.text.split()[:2]))

    @property
    def both(self) -> bool:
        """Whether both day fields have to match."""
        fields = self.text.split()
        return _is_open(fields[2]) or _is_open(fields[4])


def draw(lot: Random) -> Drawn:
    """An expression of the kind that people write, or might."""
    month = _field(lot, 1, 12, MONTHS) if lot.random() < 0.2 else ("*", set(range(1, 13)))
    fields = [
        _field(lot, 0, 59),
        _field(lot, 0, 23),
        _field(lot, 1, 31, special=_special_day),
        month,
        _field(lot, 0, 6, WEEKDAYS, special=_special_weekday),
    ]
    return Drawn(" ".join(text for text, _ in fields), *(meaning for _, meaning in fields))


def _is_open(field: str) -> bool:
    return field[0] in "*?"


def _field(
    lot: Random,
    low: int,
    high: int,
    names: list[str] | None = None,
    special: Callable[[Random], Item] | None = None,
) -> Item:
    everything: set[int | str] = set(range(low, high + 1))
    kind = lot.random()
    if kind < 0.3:
        return lot.choice("**?"), everything
    if kind < 0.45:
        step = lot.randint(1, high)
        return f"*/{step}", set(range(low, high + 1, step))
    items = [
        special(lot) if special and lot.random() < 0.25 else _item(lot, low, high, names or [])
        for _ in range(lot.choice((1, 1, 1, 2, 3)))
    ]
    return ",".join(text for text, _ in items), set().union(*(meaning for _, meaning in items))


def _item(lot: Random, low: int, high: int, names: list[str]) -> Item:
    """A number, a range or either with a step."""

    def written(number: int) -> str:
        name = names[number - low] if names and lot.random() < 0.4 else str(number)
        return lot.choice((name, name.upper()))

    first, last = sorted((lot.randint(low, high), lot.randint(low, high)))
    step = lot.randint(1, high)
    return lot.choice(
        [
            (written(first), {first}),
            (f"{written(first)}-{written(last)}", set(range(first, last + 1))),
            (f"{written(first)}-{written(last)}/{step}", set(range(first, last + 1, step))),
            (f"{written(first)}/{step}", set(range(first, high + 1, step))),
        ]
    )


def _special_day(lot: Random) -> Item:
    before, day = lot.randint(1, 30), lot.randint(1, 31)
    return lot.choice(
        [("L", {"L-0"}), (f"L-{before}", {f"L-{before}"}), ("LW", {"LW"}), (f"{day}W", {f"{day}W"})]
    )


def _special_weekday(lot: Random) -> Item:
    day, nth = lot.randint(0, 6), lot.randint(1, 5)
    name = lot.choice((str(day), WEEKDAYS[day], str(day or 7)))
    return lot.choice(
        [
            (f"{name}L", {f"{day}L"}),
            (f"{name}#{nth}", {f"{day}#{nth}"}),
            # a week may end with its Sunday, and begin with it
            ("7", {0}),
            (f"{day or 1}-7", {*range(day or 1, 7), 0}),
            ("sat-sun", {6, 0}),
        ]
    )
