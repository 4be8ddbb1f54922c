"""What schedules say of themselves, in each language; cron's own sentences are in `sentences.py`.

Moments and durations stand in their international forms: ISO 8601, and the signs of the SI.
"""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

Language = Literal["en", "de", "es", "fr", "it", "pt"]
LANGUAGES: tuple[str, ...] = get_args(Language)


class Phrases(msgspec.Struct, frozen=True, kw_only=True):
    """The phrases of one language; `{0}` and `{1}` stand for what they speak of."""

    #: at a moment
    once: str
    #: a length of time apart
    every: str
    #: one unit apart on the wall clock, and so many of them
    step: dict[str, tuple[str, str]]
    # bounds, read after what a schedule does
    start: str
    end: str
    at_most: str
    just_once: str
    jitter: str
    calendars: str
    # what a change of the clock does
    forward: str
    left_out: str
    moved: str
    first_of_two: str
    only_of_two: str
    second_of_two: str


PHRASES = {
    "en": Phrases(
        once="Once, at {0}",
        every="Every {0}",
        step={
            "days": ("Every day on the clock", "Every {0} days on the clock"),
            "weeks": ("Every week on the clock", "Every {0} weeks on the clock"),
            "months": ("Every month on the clock", "Every {0} months on the clock"),
            "years": ("Every year on the clock", "Every {0} years on the clock"),
        },
        start=", from {0}",
        end=", until {0}",
        at_most=", {0} times at most",
        just_once=", once",
        jitter=", up to {0} later",
        calendars=", calendars: {0}",
        forward="The clock goes forward from {0} to {1}",
        left_out="; what was due in between was left out",
        moved="; what was due in between runs now, once",
        first_of_two="The clock shows {0} twice on this day; this is the first time.",
        only_of_two="The clock shows {0} twice on this day; this is the first time, "
        "and the only one that runs.",
        second_of_two="The clock shows {0} twice on this day; this is the second time.",
    ),
    "de": Phrases(
        once="Einmal, am {0}",
        every="Im Abstand von {0}",
        step={
            "days": ("Jeden Tag nach der Ortszeit", "Alle {0} Tage nach der Ortszeit"),
            "weeks": ("Jede Woche nach der Ortszeit", "Alle {0} Wochen nach der Ortszeit"),
            "months": ("Jeden Monat nach der Ortszeit", "Alle {0} Monate nach der Ortszeit"),
            "years": ("Jedes Jahr nach der Ortszeit", "Alle {0} Jahre nach der Ortszeit"),
        },
        start=", ab {0}",
        end=", bis {0}",
        at_most=", höchstens {0}-mal",
        just_once=", einmal",
        jitter=", bis zu {0} später",
        calendars=", Kalender: {0}",
        forward="Die Uhr springt von {0} auf {1} vor",
        left_out="; was dazwischen fällig war, entfällt",
        moved="; was dazwischen fällig war, läuft jetzt, einmal",
        first_of_two="Die Uhr zeigt {0} an diesem Tag zweimal; dies ist das erste Mal.",
        only_of_two="Die Uhr zeigt {0} an diesem Tag zweimal; dies ist das erste Mal, "
        "und nur dann läuft es.",
        second_of_two="Die Uhr zeigt {0} an diesem Tag zweimal; dies ist das zweite Mal.",
    ),
    "es": Phrases(
        once="Una vez, el {0}",
        every="Cada {0}",
        step={
            "days": ("Cada día en hora local", "Cada {0} días en hora local"),
            "weeks": ("Cada semana en hora local", "Cada {0} semanas en hora local"),
            "months": ("Cada mes en hora local", "Cada {0} meses en hora local"),
            "years": ("Cada año en hora local", "Cada {0} años en hora local"),
        },
        start=", desde el {0}",
        end=", hasta el {0}",
        at_most=", {0} veces como máximo",
        just_once=", una vez",
        jitter=", hasta {0} más tarde",
        calendars=", calendarios: {0}",
        forward="El reloj se adelanta de {0} a {1}",
        left_out="; lo previsto en ese intervalo se omite",
        moved="; lo previsto en ese intervalo se ejecuta ahora, una vez",
        first_of_two="El reloj marca las {0} dos veces este día; esta es la primera vez.",
        only_of_two="El reloj marca las {0} dos veces este día; esta es la primera vez, "
        "y la única en que se ejecuta.",
        second_of_two="El reloj marca las {0} dos veces este día; esta es la segunda vez.",
    ),
    "fr": Phrases(
        once="Une fois, le {0}",
        every="À intervalles de {0}",
        step={
            "days": ("Tous les jours en heure locale", "Tous les {0} jours en heure locale"),
            "weeks": (
                "Toutes les semaines en heure locale",
                "Toutes les {0} semaines en heure locale",
            ),
            "months": ("Tous les mois en heure locale", "Tous les {0} mois en heure locale"),
            "years": ("Tous les ans en heure locale", "Tous les {0} ans en heure locale"),
        },
        start=", à partir du {0}",
        end=", jusqu'au {0}",
        at_most=", {0} fois au plus",
        just_once=", une fois",
        jitter=", jusqu'à {0} plus tard",
        calendars=", calendriers : {0}",
        forward="L'horloge avance de {0} à {1}",
        left_out=" ; ce qui était prévu entre les deux est omis",
        moved=" ; ce qui était prévu entre les deux s'exécute maintenant, une fois",
        first_of_two="L'horloge affiche {0} deux fois ce jour-là ; c'est la première fois.",
        only_of_two="L'horloge affiche {0} deux fois ce jour-là ; c'est la première fois, "
        "et la seule où il y a exécution.",
        second_of_two="L'horloge affiche {0} deux fois ce jour-là ; c'est la deuxième fois.",
    ),
    "it": Phrases(
        once="Una volta, il {0}",
        every="Ogni {0}",
        step={
            "days": ("Ogni giorno in ora locale", "Ogni {0} giorni in ora locale"),
            "weeks": ("Ogni settimana in ora locale", "Ogni {0} settimane in ora locale"),
            "months": ("Ogni mese in ora locale", "Ogni {0} mesi in ora locale"),
            "years": ("Ogni anno in ora locale", "Ogni {0} anni in ora locale"),
        },
        start=", dal {0}",
        end=", fino al {0}",
        at_most=", al massimo {0} volte",
        just_once=", una volta",
        jitter=", fino a {0} più tardi",
        calendars=", calendari: {0}",
        forward="L'orologio va avanti da {0} a {1}",
        left_out="; ciò che era previsto nel frattempo viene omesso",
        moved="; ciò che era previsto nel frattempo viene eseguito ora, una volta",
        first_of_two="L'orologio segna le {0} due volte in questo giorno; questa è la prima volta.",
        only_of_two="L'orologio segna le {0} due volte in questo giorno; questa è la prima volta, "
        "e l'unica in cui viene eseguito.",
        second_of_two="L'orologio segna le {0} due volte in questo giorno; "
        "questa è la seconda volta.",
    ),
    "pt": Phrases(
        once="Uma vez, em {0}",
        every="A cada {0}",
        step={
            "days": ("Todos os dias na hora local", "A cada {0} dias na hora local"),
            "weeks": ("Todas as semanas na hora local", "A cada {0} semanas na hora local"),
            "months": ("Todos os meses na hora local", "A cada {0} meses na hora local"),
            "years": ("Todos os anos na hora local", "A cada {0} anos na hora local"),
        },
        start=", a partir de {0}",
        end=", até {0}",
        at_most=", no máximo {0} vezes",
        just_once=", uma vez",
        jitter=", até {0} mais tarde",
        calendars=", calendários: {0}",
        forward="O relógio avança de {0} para {1}",
        left_out="; o que estava previsto nesse intervalo é omitido",
        moved="; o que estava previsto nesse intervalo é executado agora, uma vez",
        first_of_two="O relógio marca {0} duas vezes neste dia; esta é a primeira vez.",
        only_of_two="O relógio marca {0} duas vezes neste dia; esta é a primeira vez, "
        "e a única em que é executado.",
        second_of_two="O relógio marca {0} duas vezes neste dia; esta é a segunda vez.",
    ),
}
