"""A cron expression as a sentence, in the languages of `grammar.py`.

Each part says exactly the numbers of its field: a step is told as one only where it comes round
evenly, and one within another (every 10 seconds of certain minutes) is told by its numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from dispatch_app.domain.schedule import days
from dispatch_app.domain.schedule.expression import Expression
from dispatch_app.domain.schedule.grammar import Grammar, Numbers, Unit

_EVERY_HOUR = tuple(range(24))
_EVERY_MINUTE = tuple(range(60))
#: where the ordinals have "last"
_LAST = 5


def sentence(expression: Expression, grammar: Grammar) -> str:
    """When it fires, as a sentence without its full stop."""
    times = _times(expression, grammar)
    in_months = ""
    if len(expression.months) < 12:
        names = [grammar.months[month - 1] for month in sorted(expression.months)]
        in_months = grammar.only_in.format(_joined(names, grammar))
    return f"{times[0].upper()}{times[1:]}{_on_days(expression, grammar)}{in_months}"


def even_step(ordered: Collection[int], low: int, high: int) -> int:
    """The step with which numbers go on round their field without end; 0: there is none."""
    first = min(ordered)
    step, rest = divmod(high - low + 1, len(ordered))
    # of two, a clock's hours or minutes read better as a step, all others by their names
    enough = len(ordered) > (1 if first == 0 else 2)
    return step if enough and not rest and [*ordered] == [*range(first, high + 1, step)] else 0


def runs(ordered: Iterable[int]) -> list[tuple[int, int]]:
    """The stretches of numbers that follow on one another: first and last of each, in order."""
    found: list[tuple[int, int]] = []
    for number in ordered:
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def _times(expression: Expression, grammar: Grammar) -> str:
    hourly = expression.hours == _EVERY_HOUR
    on_the_hour = expression.minutes == expression.seconds == (0,)
    if len(expression.minutes) == len(expression.seconds) == 1 and (on_the_hour or not hourly):
        return _hours(expression, grammar)
    parts = [_within_hours(expression, grammar, hourly=hourly)]
    if not hourly:
        spans = [grammar.span.format(f"{a:02}:00", f"{b:02}:59") for a, b in runs(expression.hours)]
        parts.append(_joined(spans, grammar))
    return ", ".join(parts)


def _hours(expression: Expression, grammar: Grammar) -> str:
    """Once in each of its hours."""
    (minute,), (second,) = expression.minutes, expression.seconds
    end = f":{minute:02}:{second:02}" if second else f":{minute:02}"
    times = [f"{hour:02}{end}" for hour in expression.hours]
    if step := even_step(expression.hours, 0, 23):
        words = grammar.each_hour if step == 1 else grammar.every_hours.format(step)
        return words if times[0] == "00:00" else words + grammar.hours_from.format(times[0])
    if len(times) > 2 and len(runs(expression.hours)) == 1:
        return f"{grammar.each_hour} {grammar.span.format(times[0], times[-1])}"
    return grammar.at.format(_joined(times, grammar))


def _within_hours(expression: Expression, grammar: Grammar, *, hourly: bool) -> str:
    """Its minutes and seconds, with "of each hour" where it is `hourly`."""
    if expression.seconds == (0,):
        return _unit(expression.minutes, grammar.minutes, grammar, within=hourly)
    if expression.minutes == _EVERY_MINUTE:
        return _unit(expression.seconds, grammar.seconds, grammar, within=True)
    seconds = _unit(expression.seconds, grammar.seconds, grammar, within=False)
    minutes = _listed(expression.minutes, grammar.minutes.numbers, grammar)
    return f"{seconds}, {minutes}{grammar.minutes.within if hourly else ''}"


def _unit(numbers: tuple[int, ...], unit: Unit, grammar: Grammar, *, within: bool) -> str:
    """Minutes or seconds; `within`: of each hour, of each minute."""
    step = even_step(numbers, 0, 59)
    end = unit.within if within else ""
    if not step:
        return f"{_listed(numbers, unit.numbers, grammar)}{end}"
    if step == 1:
        return unit.each
    every = unit.every.format(step)
    return f"{every}{unit.start.format(numbers[0])}{end}" if numbers[0] else every


def _on_days(expression: Expression, grammar: Grammar) -> str:
    every_day = days.EVERY_DAY in expression.month_days
    every_weekday = days.EVERY_WEEKDAY in expression.weekdays
    if (every_day and every_weekday) or (not expression.both and (every_day or every_weekday)):
        return ""
    month_days = _joined([_month_day(rule, grammar) for rule in expression.month_days], grammar)
    weekdays = _joined([_weekday(rule, grammar) for rule in expression.weekdays], grammar)
    if every_weekday:
        return f", {month_days}"
    if every_day:
        return f", {weekdays}"
    return f", {month_days}{grammar.but_only if expression.both else grammar.also}{weekdays}"


def _month_day(rule: days.MonthDayRule, grammar: Grammar) -> str:
    def number(day: int) -> str:
        return grammar.odd_days.get(day, f"{day}")

    if isinstance(rule, days.Numbered):
        return _listed(sorted(rule.numbers), grammar.days, grammar, number)
    if isinstance(rule, days.Last):
        words = (grammar.last_day, *grammar.before_last)[min(rule.before, 2)]
        return words.format(rule.before)
    if isinstance(rule, days.Nearest):
        return grammar.nearest.format(number(rule.day))
    return grammar.last_working_day


def _weekday(rule: days.WeekdayRule, grammar: Grammar) -> str:
    if isinstance(rule, days.Weekdays):
        return _joined(list(_weekdays(rule, grammar)), grammar)
    weekday = rule.weekday or 7
    nth = _LAST if isinstance(rule, days.LastWeekday) else rule.nth - 1
    feminine = weekday in grammar.feminine
    ordinals = grammar.feminine_ordinals if feminine else grammar.ordinals
    return grammar.nth.format(ordinals[nth], grammar.weekdays[weekday - 1])


def _weekdays(rule: days.Weekdays, grammar: Grammar) -> Iterator[str]:
    # a week that is told begins with its Monday, and ends with Sunday as its 7th day
    for first, last in _short_runs(sorted(day or 7 for day in rule.numbers)):
        if first == last:
            yield grammar.each_weekday[first - 1]
        else:
            yield grammar.weekday_run.format(
                grammar.weekdays[first - 1], grammar.weekdays[last - 1]
            )


def _listed(
    ordered: Collection[int],
    numbers: Numbers,
    grammar: Grammar,
    written: Callable[[int], str] = str,
) -> str:
    items = [
        numbers.item.format(written(first))
        if first == last
        else numbers.run.format(written(first), written(last))
        for first, last in _short_runs(ordered)
    ]
    around = numbers.many if len(ordered) > 1 else numbers.one
    return around.format(_joined(items, grammar))


def _short_runs(ordered: Iterable[int]) -> list[tuple[int, int]]:
    """As `runs`, but two numbers alone are no stretch."""
    found = []
    for first, last in runs(ordered):
        found += [(first, first), (last, last)] if last == first + 1 else [(first, last)]
    return found


def _joined(items: list[str], grammar: Grammar) -> str:
    *most, last = items
    return f"{', '.join(most)}{grammar.and_}{last}" if most else last
