"""One field of a cron expression: its text to numbers or to rules for days, or a clear refusal.

Stricter than most crons where the text would mean something else than its writer thinks: a step
beyond the field (`*/90`) and a range that runs backwards (`fri-mon`) are refused, with what to
write instead.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

import msgspec

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule import days

_STAR = ("*", "?")
_LAST_DAY = re.compile(r"L(?:-(\d{1,2}))?", re.ASCII | re.IGNORECASE)
_NEAREST = re.compile(r"(\d{1,2})W", re.ASCII | re.IGNORECASE)
_LAST_OF = re.compile(r"(\w+)L", re.ASCII | re.IGNORECASE)
_NTH = re.compile(r"(\w+)#(\w*)", re.ASCII)
_WITH_WEEKDAY = re.compile(r"(?:[0-7]|[a-z]{3})(?:L|#\d)", re.ASCII | re.IGNORECASE)
_RANDOM = re.compile(r"R(?:\(.*)?", re.ASCII | re.IGNORECASE)
_HASHED = re.compile(r"H(?:\(.*)?", re.ASCII | re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,4}", re.ASCII)
_NO_YEAR = "a year has no field: take start_time and end_time."


class Field(msgspec.Struct, frozen=True):
    """What one field may hold.

    Attributes:
        name: as crontab(5) has it.
        low, high: the numbers that it knows.
        top: where a step that begins at a number, or a `*`, ends; `high` but for weekdays.
        names: words for the numbers from `low` on.
        unit: what a step counts.
        hint: what to write instead of a number beyond `low` and `high`.
    """

    name: str
    low: int
    high: int
    top: int
    unit: str
    hint: str
    names: tuple[str, ...] = ()

    def refusal(self, item: str, text: str) -> InvalidInput:
        """That an item of this field is wrong, and why."""
        return InvalidInput(
            {"cron": f'The {self.name} field ({self.low}-{self.high}) has "{item:.40}": {text}'}
        )


SECOND = Field("second", 0, 59, 59, "second", "a minute ends with second 59.")
MINUTE = Field("minute", 0, 59, 59, "minute", "an hour ends with minute 59.")
HOUR = Field("hour", 0, 23, 23, "hour", "midnight is 0.")
DAY = Field("day of month", 1, 31, 31, "day", "the last day of a month is L.")
MONTH = Field(
    "month", 1, 12, 12, "month", "January is 1.",
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
)  # fmt: skip
WEEKDAY = Field(
    "day of week", 0, 7, 6, "day", "Sunday is 0 or 7, Saturday is 6.",
    ("sun", "mon", "tue", "wed", "thu", "fri", "sat"),
)  # fmt: skip


def numbers(field: Field, text: str) -> frozenset[int]:
    """The numbers that a field without rules for days names.

    Raises:
        InvalidInput: an item is wrong.
    """
    return frozenset(n for item in _items(field, text) for n in _span(field, item))


def month_days(text: str) -> tuple[days.MonthDayRule, ...]:
    """What the day-of-month field means.

    Raises:
        InvalidInput: an item is wrong.
    """
    plain: set[int] = set()
    rules: list[days.MonthDayRule] = []
    for item in _items(DAY, text):
        if match := _LAST_DAY.fullmatch(item):
            rules.append(days.Last(_within(DAY, item, match[1] or "0", 0, 30)))
        elif item.upper() == "LW":
            rules.append(days.NearestToLast())
        elif match := _NEAREST.fullmatch(item):
            rules.append(days.Nearest(_number(DAY, item, match[1])))
        else:
            plain.update(_span(DAY, item))
    return (days.Numbered(frozenset(plain)), *rules) if plain else tuple(rules)


def weekdays(text: str) -> tuple[days.WeekdayRule, ...]:
    """What the day-of-week field means; Sunday, 0 or 7, becomes 0.

    Raises:
        InvalidInput: an item is wrong.
    """
    plain: set[int] = set()
    rules: list[days.WeekdayRule] = []
    for item in _items(WEEKDAY, text):
        if match := _LAST_OF.fullmatch(item):
            rules.append(days.LastWeekday(_number(WEEKDAY, item, match[1]) % 7))
        elif match := _NTH.fullmatch(item):
            weekday = _number(WEEKDAY, item, match[1]) % 7
            rules.append(days.NthWeekday(weekday, _within(WEEKDAY, item, match[2], 1, 5)))
        else:
            plain.update(number % 7 for number in _span(WEEKDAY, item))
    return (days.Weekdays(frozenset(plain)), *rules) if plain else tuple(rules)


def _items(field: Field, text: str) -> Iterable[str]:
    items = text.split(",")
    if not all(items):
        raise field.refusal(text, "there is nothing before or after a comma.")
    return items


def _span(field: Field, item: str) -> range:
    """The numbers that `N`, `A-B`, `*` and each of them with a step mean."""
    head, slash, tail = item.partition("/")
    if head in _STAR:
        first, last = field.low, field.top
    elif "-" in head:
        first, last = _range(field, item, head)
    else:
        first = _number(field, item, head)
        last = max(first, field.top) if slash else first
    return range(first, last + 1, _step(field, item, tail) if slash else 1)


def _range(field: Field, item: str, head: str) -> tuple[int, int]:
    first_text, _, last_text = head.partition("-")
    if not first_text or not last_text:
        raise field.refusal(item, "a range has two ends, such as 1-5, and no number is negative.")
    first = _number(field, item, first_text)
    last = _number(field, item, last_text)
    if field is WEEKDAY and last == 0 < first:
        last = 7  # a week may end with its Sunday: sat-sun
    if last < first:
        near = f"{_written(first, field.top)},{_written(field.low, last)}"
        raise field.refusal(item, f'a range cannot run backwards; did you mean "{near}"?')
    return first, last


def _written(first: int, last: int) -> str:
    return f"{first}-{last}" if first < last else f"{first}"


def _step(field: Field, item: str, text: str) -> int:
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= field.high:
        hint = ""
        if _NUMBER.fullmatch(text) and int(text) and field is not MONTH:
            hint = f" For every {int(text)} {field.unit}s take a schedule of type interval."
        raise field.refusal(item, f"a step has to be from 1 to {field.high}.{hint}")
    return int(text)


def _number(field: Field, item: str, text: str) -> int:
    """A number or name that the field knows."""
    if text.lower() in field.names:
        return field.names.index(text.lower()) + field.low
    if not _NUMBER.fullmatch(text):
        raise field.refusal(item, _guess(field, text))
    if not field.low <= int(text) <= field.high:
        hint = _NO_YEAR if len(text) == 4 else field.hint
        raise field.refusal(item, f"{int(text)} is out of range; {hint}")
    return int(text)


def _within(field: Field, item: str, text: str, low: int, high: int) -> int:
    """The number after `L-` or `#`."""
    if not _NUMBER.fullmatch(text) or not low <= int(text) <= high:
        raise field.refusal(item, f'"{text}" has to be a number from {low} to {high}.')
    return int(text)


def _guess(field: Field, text: str) -> str:
    """What is wrong with a text that is neither a number nor a name, and what was meant."""
    if _RANDOM.fullmatch(text):
        return "it would be drawn by lot; write a number, or H for one hashed from the task's id."
    if _HASHED.fullmatch(text):
        return "H stands alone, or as H(1-10), H/15 or H(1-10)/3."
    if _LAST_DAY.fullmatch(text) or _NEAREST.fullmatch(text) or text.upper() == "LW":
        return "L and W belong into the day of month field."
    if _WITH_WEEKDAY.fullmatch(text):
        return "a weekday with L or # belongs into the day of week field."
    near = [name for name in field.names if text.lower().startswith(name)]
    near = near or difflib.get_close_matches(text.lower()[:20], field.names, n=1)
    if near:
        return f'did you mean "{near[0]}"?'
    names = f" or a name ({field.names[0]} to {field.names[-1]})" if field.names else ""
    return f'"{text:.40}" is not a number{names}.'
