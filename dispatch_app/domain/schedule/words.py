"""A cron expression in words: in English by cron-descriptor, else by `sentences.py`.

cron-descriptor is given one field at a time, and only forms that it tells truly. Of a whole
expression it says "every 45 minutes" for `*/45`, which runs at 0 and 45; "or" between two day
fields that both have to match; and it loses the items of lists such as `1#1,3#3`.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from cron_descriptor import ExpressionDescriptor, Options

from dispatch_app.domain.schedule import days
from dispatch_app.domain.schedule.expression import Expression
from dispatch_app.domain.schedule.grammar import GRAMMARS
from dispatch_app.domain.schedule.phrases import Language
from dispatch_app.domain.schedule.sentences import even_step, runs, sentence


@lru_cache(maxsize=10_000)
def describe(expression: Expression, language: Language = "en") -> str:
    """When it fires, as a sentence without its full stop.

    It is kept: a listing says it of each task, and cron-descriptor takes its time.
    """
    return _english(expression) if language == "en" else sentence(expression, GRAMMARS[language])


def _english(expression: Expression) -> str:
    times = (
        _written(expression.seconds, 0, 59),
        _written(expression.minutes, 0, 59),
        _written(expression.hours, 0, 23),
    )
    in_months = _descriptor(months=_written(expression.months, 1, 12)).get_month_description()
    return f"{_descriptor(times).get_full_description()}{_on_days(expression)}{in_months}"


@lru_cache(maxsize=2_000)
def _descriptor(
    times: tuple[str, str, str] = ("0", "0", "0"),
    *,
    month_days: str = "*",
    months: str = "*",
    weekdays: str = "*",
) -> ExpressionDescriptor:
    options = Options(locale_code="en_US", use_24hour_time_format=True)
    # the seventh field is the year; of six it would have to guess what the first one is
    return ExpressionDescriptor(f"{' '.join(times)} {month_days} {months} {weekdays} *", options)


def _on_days(expression: Expression) -> str:
    every_day = days.EVERY_DAY in expression.month_days
    every_weekday = days.EVERY_WEEKDAY in expression.weekdays
    month_days = " and ".join(map(_month_day, expression.month_days))
    weekdays = " and ".join(map(_weekday, expression.weekdays))
    if every_day and every_weekday:
        return ""
    if not expression.both:
        return "" if every_day or every_weekday else f", {month_days}, or {weekdays}"
    if every_weekday:
        return f", {month_days}"
    if every_day:
        return f", {'only ' if _is_list(weekdays) else ''}{weekdays}"
    return f", {month_days}, and only {weekdays}"


def _is_list(weekdays: str) -> bool:
    """Whether it reads "on Monday and Friday", not "on the last Friday" or "Monday through"."""
    return weekdays.startswith("on ") and not weekdays.startswith("on the ")


def _month_day(rule: days.MonthDayRule) -> str:
    if isinstance(rule, days.Numbered):
        text = _written(rule.numbers, 1, 31)
    elif isinstance(rule, days.Last):
        text = f"L-{rule.before}" if rule.before else "L"
    elif isinstance(rule, days.Nearest):
        text = f"{rule.day}W"
    else:
        text = "LW"
    words: str = _descriptor(month_days=text).get_day_of_month_description()
    return words.removeprefix(", ")


def _weekday(rule: days.WeekdayRule) -> str:
    if isinstance(rule, days.Weekdays):
        # a week that is told begins with its Monday, and ends with Sunday as its 7th day
        text = _written([day or 7 for day in rule.numbers], 1, 7)
    elif isinstance(rule, days.LastWeekday):
        text = f"{rule.weekday}L"
    else:
        text = f"{rule.weekday}#{rule.nth}"
    words: str = _descriptor(weekdays=text).get_day_of_week_description()
    return words.removeprefix(", ").removeprefix("only ")


def _written(numbers: Collection[int], low: int, high: int) -> str:
    """Numbers as the plainest field that means them; a step only where it comes round evenly."""
    ordered = sorted(numbers)
    if step := even_step(ordered, low, high):
        start = "*" if ordered[0] == low else f"{ordered[0]}"
        return start if step == 1 else f"{start}/{step}"
    return ",".join(_run(*ends) for ends in runs(ordered))


def _run(first: int, last: int) -> str:
    return f"{first}-{last}" if last - first > 1 else ",".join(map(str, range(first, last + 1)))
