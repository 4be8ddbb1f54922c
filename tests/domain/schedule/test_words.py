"""A sentence must not say what the expression does not do."""

from __future__ import annotations

import pytest
from hypothesis import given

from dispatch_app.domain.schedule import Cron, Interval, words
from dispatch_app.domain.schedule.expression import parse
from tests.domain.moments import ms
from tests.domain.schedules import expressions
from tests.properties import bounded

SAID = [
    # a step that does not come round evenly is no "every"
    ("*/45 * * * *", "At 0 and 45 minutes past the hour"),
    ("*/20 * * * *", "Every 20 minutes"),
    ("0 */5 * * *", "At 00:00, 05:00, 10:00, 15:00 and 20:00"),
    ("0 */12 * * *", "Every 12 hours"),
    ("0 2,14 * * *", "At 02:00 and 14:00"),
    # a zone of the day, not once in it
    ("* 0 * * *", "Every minute, between 00:00 and 00:59"),
    # two day fields: both, or either
    ("0 0 1-7 * mon", "At 00:00, between day 1 and 7 of the month, or on Monday"),
    ("0 0 13 * 1-5", "At 00:00, on day 13 of the month, or Monday through Friday"),
    ("0 0 1-7 * */7", "At 00:00, between day 1 and 7 of the month, and only on Sunday"),
    ("0 0 1-31 * mon", "At 00:00"),
    ("0 0 * * 0-6", "At 00:00"),
    # the days that cron-descriptor loses in a list
    ("0 0 1,L * *", "At 00:00, on day 1 of the month and on the last day of the month"),
    ("0 0 L-2 * *", "At 00:00, 2 days before the last day of the month"),
    ("0 0 LW * *", "At 00:00, on the last weekday of the month"),
    (
        "0 0 * * 1#1,3#3",
        "At 00:00, on the first Monday of the month and on the third Wednesday of the month",
    ),
    ("0 0 * * 1,3#1", "At 00:00, only on Monday and on the first Wednesday of the month"),
    ("0 0 * * sat-sun", "At 00:00, only on Saturday and Sunday"),
    ("0 0 * * 0,7", "At 00:00, only on Sunday"),
    # `?` in a place where cron-descriptor takes six fields to end with a year
    ("0 0 12 ? * MON", "At 12:00, only on Monday"),
    ("0 0 ? 1 ? ?", "Every hour, on day 1 of the month"),
    ("0 0 1 */5 *", "At 00:00, on day 1 of the month, only in January, June, and November"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), SAID)
def test_it_says_what_it_does(text, sentence):
    assert words.describe(parse(text)) == sentence


@given(expressions(seconds=True))
@bounded(60)
def test_there_are_words_for_every_expression(text):
    sentence = words.describe(parse(text))
    assert sentence[0].isupper()
    assert "  " not in sentence
    assert "?" not in sentence


def test_bounds_are_told_by_the_clock_of_the_zone():
    bounds = {
        "timezone": "Europe/Berlin",
        "start_time": ms("2026-07-01T12:00:00+02:00"),
        "end_time": ms("2026-12-31T23:59:59+01:00"),
        "max_runs": 5,
    }
    told = (
        " (Europe/Berlin), from 2026-07-01 12:00:00 +0200, until 2026-12-31 23:59:59 +0100,"
        " 5 times at most"
    )
    assert Cron(cron="@daily", **bounds).describe() == f"At 00:00{told}"
    assert Interval(every=60_000, **bounds).describe() == f"Every 1 min{told}"


def test_the_hosts_language_changes_nothing(monkeypatch):
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert Cron(cron="0 9 * * 1").describe() == "At 09:00, only on Monday"
