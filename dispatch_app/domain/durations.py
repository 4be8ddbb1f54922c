"""Durations as people write them: Go's syntax (`1h30m`, `250ms`) and ISO 8601 (`PT30S`, `P1D`).

Sources: https://pkg.go.dev/time#ParseDuration and ISO 8601-1, 5.5.2. Years and months are refused,
because they have no fixed length, and so is anything negative or beyond Go's int64 nanoseconds.
"""

from __future__ import annotations

import re
from fractions import Fraction

_GO_UNITS = {
    "ns": Fraction(1, 10**9),
    "us": Fraction(1, 10**6),
    "µs": Fraction(1, 10**6),  # U+00B5, the micro sign
    "μs": Fraction(1, 10**6),  # U+03BC, the Greek letter
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
}
_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_GO_PART = re.compile(rf"({_NUMBER})(ns|us|µs|μs|ms|s|m|h)")
_GO = re.compile(rf"\+?(?:{_GO_PART.pattern})+")
_ISO = re.compile(
    r"P(?=.)(?:(?P<w>[0-9]+)W)?(?:(?P<d>[0-9]+)D)?"
    r"(?:T(?=.)(?:(?P<h>[0-9]+)H)?(?:(?P<m>[0-9]+)M)?(?:(?P<s>[0-9]+(?:[.,][0-9]+)?)S)?)?"
)
_ISO_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
#: Go's longest: 2**63 - 1 ns, some 292 years.
_LONGEST = Fraction(2**63 - 1, 10**9)


def seconds(text: str) -> Fraction:
    """The exact length of a duration in seconds.

    Raises:
        ValueError: it is none; the message shows what one looks like.
    """
    found = Fraction(0) if text == "0" else _go(text)
    if found is None:
        found = _iso(text)
    if found is None:
        raise ValueError(f'{text!r} is not a duration such as "1h30m", "250ms" or "PT30S"')
    if found > _LONGEST:
        raise ValueError(f"{text!r} is longer than a duration can be (292 years)")
    return found


def parse(text: str) -> int:
    """A duration in milliseconds, rounded to the nearest.

    Raises:
        ValueError: it is none; the message shows what one looks like.
    """
    return round(seconds(text) * 1000)


def human(ms: int) -> str:
    """A duration as people say it: 5400000 → "1 h 30 min"."""
    parts = []
    for unit, size in (
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("min", 60_000),
        ("s", 1000),
        ("ms", 1),
    ):
        count, ms = divmod(ms, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts) or "0 s"


def _go(text: str) -> Fraction | None:
    if not _GO.fullmatch(text):
        return None
    return sum((Fraction(n) * _GO_UNITS[unit] for n, unit in _GO_PART.findall(text)), Fraction(0))


def _iso(text: str) -> Fraction | None:
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    given = {unit: n for unit, n in match.groupdict().items() if n}
    return sum(
        (Fraction(n.replace(",", ".")) * _ISO_UNITS[u] for u, n in given.items()), Fraction(0)
    )
