"""A sentence must not say what the expression does not do."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch_app.domain.schedule import Cron, Interval, Once, words
from dispatch_app.domain.schedule.expression import parse
from dispatch_app.domain.schedule.grammar import GRAMMARS
from dispatch_app.domain.schedule.phrases import LANGUAGES, PHRASES
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


#: Pairs of which one is easily said as the other.
MORE = [
    "5/10 * * * *", "*/10 * * * *", "5-55/10 8 * * *", "*/10 * * * * *", "*/10 5 * * * *",
    "0 1/3 * * *", "0 */3 * * *", "15 * * * *", "15 0-22 * * *", "5 15 * * * *", "0 0 15W * *",
    "0 0 15 * *", "0 0 L-1 * *", "0 0 L * *", "0 0 L-3 * *", "0 0 * * 5L", "0 0 * * 5#4",
    "0 0 * * 5", "0 0 13 * 5", "0 0 */13 * 5", "0 0 1 2 *", "0 0 1 */2 *", "0 0 1 1-2 *",
    "0 0-3 * * *", "0 0,3 * * *", "* 0-3 * * *", "* 0,3 * * *", "0,30 5 * * *", "0,30 * * * *",
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), SAID)
def test_it_says_what_it_does(text, sentence):
    assert words.describe(parse(text)) == sentence


@given(expressions(seconds=True), st.sampled_from(LANGUAGES))
@bounded(200)
def test_there_are_words_for_every_expression(text, language):
    sentence = words.describe(parse(text), language)
    assert sentence[0].isupper()
    assert "  " not in sentence
    assert not set("?{}") & set(sentence)
    assert sentence[-1].isalnum() or sentence[-1] in ")."


#: The same in each other language: German, Spanish, French, Italian, Portuguese.
ALSO_SAID = {
    "*/20 * * * *": (
        "Alle 20 Minuten",
        "Cada 20 minutos",
        "Toutes les 20 minutes",
        "Ogni 20 minuti",
        "A cada 20 minutos",
    ),
    "*/45 * * * *": (
        "In den Minuten 0 und 45 jeder Stunde",
        "En los minutos 0 y 45 de cada hora",
        "Aux minutes 0 et 45 de chaque heure",
        "Ai minuti 0 e 45 di ogni ora",
        "Nos minutos 0 e 45 de cada hora",
    ),
    "5/10 8-10 * * *": (
        "Alle 10 Minuten ab Minute 5, von 08:00 bis 10:59",
        "Cada 10 minutos a partir del minuto 5, de 08:00 a 10:59",
        "Toutes les 10 minutes à partir de la minute 5, de 08:00 à 10:59",
        "Ogni 10 minuti a partire dal minuto 5, dalle ore 08:00 alle ore 10:59",
        "A cada 10 minutos a partir do minuto 5, das 08:00 às 10:59",
    ),
    "*/10 */20 * * * *": (
        "Alle 10 Sekunden, in den Minuten 0, 20 und 40 jeder Stunde",
        "Cada 10 segundos, en los minutos 0, 20 y 40 de cada hora",
        "Toutes les 10 secondes, aux minutes 0, 20 et 40 de chaque heure",
        "Ogni 10 secondi, ai minuti 0, 20 e 40 di ogni ora",
        "A cada 10 segundos, nos minutos 0, 20 e 40 de cada hora",
    ),
    "0 */5 * * *": (
        "Um 00:00, 05:00, 10:00, 15:00 und 20:00",
        "A las 00:00, 05:00, 10:00, 15:00 y 20:00",
        "À 00:00, 05:00, 10:00, 15:00 et 20:00",
        "Alle ore 00:00, 05:00, 10:00, 15:00 e 20:00",
        "Às 00:00, 05:00, 10:00, 15:00 e 20:00",
    ),
    "15 1/3 * * *": (
        "Alle 3 Stunden ab 01:15",
        "Cada 3 horas a partir de las 01:15",
        "Toutes les 3 heures à partir de 01:15",
        "Ogni 3 ore a partire dalle ore 01:15",
        "A cada 3 horas a partir das 01:15",
    ),
    "30 9-17 * * mon-fri": (
        "Jede Stunde von 09:30 bis 17:30, von Montag bis Freitag",
        "Cada hora de 09:30 a 17:30, de lunes a viernes",
        "Toutes les heures de 09:30 à 17:30, du lundi au vendredi",
        "Ogni ora dalle ore 09:30 alle ore 17:30, da lunedì a venerdì",
        "A cada hora das 09:30 às 17:30, de segunda-feira a sexta-feira",
    ),
    "30 0 9 1,15,20-25 * *": (
        "Um 09:00:30, am 1., am 15. und vom 20. bis 25. des Monats",
        "A las 09:00:30, los días 1, 15 y 20 a 25 del mes",
        "À 09:00:30, le 1er, le 15 et du 20 au 25 du mois",
        "Alle ore 09:00:30, i giorni 1, 15 e 20-25 del mese",
        "Às 09:00:30, nos dias 1, 15 e 20 a 25 do mês",
    ),
    "0 0 1W,L-2,L * *": (
        "Um 00:00, am Arbeitstag (Montag bis Freitag), der dem 1. des Monats am nächsten liegt, "
        "2 Tage vor dem letzten des Monats und am letzten Tag des Monats",
        "A las 00:00, el día laborable (de lunes a viernes) más cercano al día 1 del mes, "
        "2 días antes del último día del mes y el último día del mes",
        "À 00:00, le jour ouvré (du lundi au vendredi) le plus proche du 1er du mois, "
        "2 jours avant le dernier du mois et le dernier jour du mois",
        "Alle ore 00:00, il giorno lavorativo (da lunedì a venerdì) più vicino al giorno 1 del "
        "mese, 2 giorni prima dell'ultimo del mese e l'ultimo giorno del mese",
        "Às 00:00, no dia útil (de segunda a sexta-feira) mais próximo do dia 1 do mês, "
        "2 dias antes do último do mês e no último dia do mês",
    ),
    "0 0 LW 1,6,11 *": (
        "Um 00:00, am letzten Arbeitstag (Montag bis Freitag) des Monats, "
        "nur im Januar, Juni und November",
        "A las 00:00, el último día laborable (de lunes a viernes) del mes, "
        "solo en enero, junio y noviembre",
        "À 00:00, le dernier jour ouvré (du lundi au vendredi) du mois, "
        "uniquement en janvier, juin et novembre",
        "Alle ore 00:00, l'ultimo giorno lavorativo (da lunedì a venerdì) del mese, "
        "solo in gennaio, giugno e novembre",
        "Às 00:00, no último dia útil (de segunda a sexta-feira) do mês, "
        "somente em janeiro, junho e novembro",
    ),
    "0 0 * * 1#2,0#1,5L": (
        "Um 00:00, am zweiten Montag des Monats, am ersten Sonntag des Monats und "
        "am letzten Freitag des Monats",
        "A las 00:00, el segundo lunes del mes, el primer domingo del mes y "
        "el último viernes del mes",
        "À 00:00, le deuxième lundi du mois, le premier dimanche du mois et "
        "le dernier vendredi du mois",
        "Alle ore 00:00, il secondo lunedì del mese, la prima domenica del mese e "
        "l'ultimo venerdì del mese",
        "Às 00:00, na segunda segunda-feira do mês, no primeiro domingo do mês e "
        "na última sexta-feira do mês",
    ),
    # two day fields: either, or both
    "0 0 13 * 1,3,5-7": (
        "Um 00:00, am 13. des Monats sowie montags, mittwochs und von Freitag bis Sonntag",
        "A las 00:00, el día 13 del mes y también los lunes, los miércoles y de viernes a domingo",
        "À 00:00, le 13 du mois ainsi que le lundi, le mercredi et du vendredi au dimanche",
        "Alle ore 00:00, il giorno 13 del mese e anche il lunedì, il mercoledì e "
        "da venerdì a domenica",
        "Às 00:00, no dia 13 do mês e também às segundas-feiras, às quartas-feiras e "
        "de sexta-feira a domingo",
    ),
    "0 0 1-7 * */7": (
        "Um 00:00, vom 1. bis 7. des Monats, aber nur sonntags",
        "A las 00:00, los días 1 a 7 del mes, pero solo los domingos",
        "À 00:00, du 1er au 7 du mois, mais seulement le dimanche",
        "Alle ore 00:00, i giorni 1-7 del mese, ma solo la domenica",
        "Às 00:00, nos dias 1 a 7 do mês, mas só aos domingos",
    ),
    "0 0 1-31 * mon": ("Um 00:00", "A las 00:00", "À 00:00", "Alle ore 00:00", "Às 00:00"),
}


@pytest.mark.parametrize("text", ALSO_SAID)
def test_it_says_so_in_other_languages(text):
    said = tuple(words.describe(parse(text), language) for language in GRAMMARS)
    assert said == ALSO_SAID[text]


def test_every_language_has_all_its_words():
    assert {"en", *GRAMMARS} == set(LANGUAGES) == set(PHRASES)
    for grammar in GRAMMARS.values():
        assert (len(grammar.weekdays), len(grammar.each_weekday)) == (7, 7)
        assert (len(grammar.months), len(grammar.ordinals)) == (12, 6)
        assert len(grammar.feminine_ordinals) == (6 if grammar.feminine else 0)


def test_different_expressions_are_said_differently():
    """No language loses what another one keeps."""
    texts = [text for text, *_ in SAID] + list(ALSO_SAID) + MORE
    for language in LANGUAGES:
        meanings = {}
        for expression in map(parse, texts):
            meanings.setdefault(words.describe(expression, language), []).append(expression)
        for same in meanings.values():
            first = [list(_fires(each)) for each in same]
            assert first.count(first[0]) == len(first), same


def _fires(expression):
    """The first times of four years or so, far enough apart to tell days and months apart."""
    moment = datetime(2023, 1, 1)
    for _ in range(200):
        moment = expression.first_from(moment)
        yield moment
        moment += timedelta(seconds=1)
    moment = datetime(2023, 1, 1)
    for _ in range(100):
        moment = expression.first_from(moment + timedelta(days=11))
        yield moment


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


def test_jitter_and_calendars_are_part_of_the_sentence():
    spread = {"jitter": 90_000, "calendars": ("holidays", "freeze")}
    told = ", up to 1 min 30 s later, calendars: holidays, freeze"
    assert Cron(cron="@daily", max_runs=1, **spread).describe() == f"At 00:00, once{told}"
    assert Once(start_time=0, **spread).describe() == f"Once, at 1970-01-01 00:00:00 +0000{told}"
    assert Once(start_time=0, **spread).describe("fr") == (
        "Une fois, le 1970-01-01 00:00:00 +0000, jusqu'à 1 min 30 s plus tard, "
        "calendriers : holidays, freeze"
    )


def test_the_hosts_language_changes_nothing(monkeypatch):
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert Cron(cron="0 9 * * 1").describe() == "At 09:00, only on Monday"
