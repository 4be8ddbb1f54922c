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
_ISO_NUMBER = r"[0-9]+(?:[.,][0-9]+)?"
_ISO = re.compile(
    rf"P(?=.)(?:(?P<w>{_ISO_NUMBER})W)?(?:(?P<d>{_ISO_NUMBER})D)?"
    rf"(?:T(?=.)(?:(?P<h>{_ISO_NUMBER})H)?(?:(?P<m>{_ISO_NUMBER})M)?(?:(?P<s>{_ISO_NUMBER})S)?)?"
)
_ISO_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
#: Go's longest: 2**63 - 1 ns, some 292 years.
_LONGEST = Fraction(2**63 - 1, 10**9)
#: Longer texts are not looked at: reading digits takes more than linear time.
_MOST_CHARACTERS = 100


def seconds(text: str) -> Fraction:
    """The exact length of a duration in seconds.

    Raises:
        ValueError: it is none; the message shows what one looks like.
    """
    found = _read(text) if len(text) <= _MOST_CHARACTERS else None
    if found is None:
        raise ValueError(f'{text!r:.100} is not a duration such as "1h30m", "250ms" or "PT30S"')
    if found > _LONGEST:
        raise ValueError(f"{text!r:.100} is longer than a duration can be (292 years)")
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


def _read(text: str) -> Fraction | None:
    if text == "0":
        return Fraction(0)
    found = _go(text)
    return _iso(text) if found is None else found


def _go(text: str) -> Fraction | None:
    if not _GO.fullmatch(text):
        return None
    return sum((Fraction(n) * _GO_UNITS[unit] for n, unit in _GO_PART.findall(text)), Fraction(0))


def _iso(text: str) -> Fraction | None:
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    given = {unit: n.replace(",", ".") for unit, n in match.groupdict().items() if n}
    if any("." in n for n in list(given.values())[:-1]):
        return None  # only the smallest part may have a fraction
    return sum((Fraction(n) * _ISO_UNITS[unit] for unit, n in given.items()), Fraction(0))
