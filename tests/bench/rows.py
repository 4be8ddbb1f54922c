"""A row of the benchmark: a figure, what it is held against, and whether that is enough."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import NamedTuple

import msgspec

_COMPARE: dict[str, Callable[[float, float], bool]] = {">=": operator.ge, "<": operator.lt}


class Goal(NamedTuple):
    """What the `value` or the `ratio` of a row has to be."""

    what: str
    sign: str
    bar: float

    def reached(self, row: Row) -> bool:
        return _COMPARE[self.sign](getattr(row, self.what), self.bar)

    def __str__(self) -> str:
        return f"{self.what} {self.sign} {figure(self.bar)}"


class Row(msgspec.Struct, kw_only=True):
    """One figure. `yardstick` is the same figure of what `against` names."""

    name: str
    value: float
    unit: str
    against: str = ""
    yardstick: float | None = None
    goal: Goal | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the yardstick the value is."""
        return self.value / self.yardstick if self.yardstick else None

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None: there is none."""
        return self.goal.reached(self) if self.goal else None

    def plain(self) -> dict[str, object]:
        """What `--json` shows."""
        return {
            "name": self.name,
            "value": _rounded(self.value),
            "unit": self.unit,
            "yardstick": _rounded(self.yardstick),
            "ratio": _rounded(self.ratio),
            "goal": str(self.goal) if self.goal else None,
            "reached": self.reached,
        }


def figure(number: float | None) -> str:
    """A number for people: three digits that count, no exponent."""
    if number is None:
        return ""
    if abs(number) >= 100:
        return f"{number:,.0f}"
    return f"{number:.3g}"


def table(rows: list[Row]) -> str:
    """The rows for people, the columns as wide as they have to be."""
    lines = [("", "ours", "", "yardstick", "", "ratio", "goal", "")]
    lines += [
        (
            row.name,
            figure(row.value),
            row.unit,
            figure(row.yardstick),
            row.against,
            figure(row.ratio),
            str(row.goal or ""),
            {True: "reached", False: "NOT REACHED", None: ""}[row.reached],
        )
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    numbers = {1, 3, 5}
    return "\n".join(
        "  ".join(
            f"{cell:>{width}}" if column in numbers else f"{cell:<{width}}"
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _rounded(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.4g}")
