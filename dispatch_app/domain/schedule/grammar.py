"""The words of cron's sentences in the languages other than English; `sentences.py` joins them.

cron-descriptor has these languages too, but says what is not so in them: it loses where a step
begins ("Alle 10 Minuten" for 5/10) and `L-2`, calls `LW` the last week, and takes the names of days
and months from the locale of the process.
"""

from __future__ import annotations

import msgspec


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """How numbers of one field are listed.

    Attributes:
        one, many: what stands around a single number, and around several.
        item, run: a number in the list, and a stretch of them.
    """

    one: str
    many: str
    item: str = "{0}"
    run: str = "{0}-{1}"


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """Minutes or seconds.

    Attributes:
        each, every: each of them, and each so many of them.
        start: the number with which the first of those comes.
        within: of each hour, of each minute.
    """

    each: str
    every: str
    start: str
    numbers: Numbers
    within: str


class Grammar(msgspec.Struct, frozen=True, kw_only=True):
    """One language; weekdays begin with Monday."""

    and_: str
    at: str
    span: str
    seconds: Unit
    minutes: Unit
    each_hour: str
    every_hours: str
    hours_from: str
    days: Numbers
    last_day: str
    #: days before the last: one, and several
    before_last: tuple[str, str]
    #: from Monday to Friday: the day nearest to one, and the last one
    nearest: str
    last_working_day: str
    weekdays: tuple[str, ...]
    each_weekday: tuple[str, ...]
    weekday_run: str
    #: the n-th weekday of a month
    nth: str
    #: first to fifth, and last
    ordinals: tuple[str, ...]
    #: those of the weekdays that are feminine, and which these are
    feminine_ordinals: tuple[str, ...] = ()
    feminine: frozenset[int] = frozenset()
    #: days of the month, and weekdays too; days of the month where they are weekdays
    also: str
    but_only: str
    only_in: str
    months: tuple[str, ...]
    #: days of a month that are no plain numbers
    odd_days: dict[int, str] = {}


GRAMMARS = {
    "de": Grammar(
        and_=" und ",
        at="um {0}",
        span="von {0} bis {1}",
        seconds=Unit(
            each="jede Sekunde",
            every="alle {0} Sekunden",
            start=" ab Sekunde {0}",
            numbers=Numbers(one="in Sekunde {0}", many="in den Sekunden {0}", run="{0} bis {1}"),
            within=" jeder Minute",
        ),
        minutes=Unit(
            each="jede Minute",
            every="alle {0} Minuten",
            start=" ab Minute {0}",
            numbers=Numbers(one="in Minute {0}", many="in den Minuten {0}", run="{0} bis {1}"),
            within=" jeder Stunde",
        ),
        each_hour="jede Stunde",
        every_hours="alle {0} Stunden",
        hours_from=" ab {0}",
        days=Numbers(
            one="{0} des Monats", many="{0} des Monats", item="am {0}.", run="vom {0}. bis {1}."
        ),
        last_day="am letzten Tag des Monats",
        before_last=("am Tag vor dem letzten des Monats", "{0} Tage vor dem letzten des Monats"),
        nearest="am Arbeitstag (Montag bis Freitag), der dem {0}. des Monats am nächsten liegt",
        last_working_day="am letzten Arbeitstag (Montag bis Freitag) des Monats",
        weekdays=(
            "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag",
        ),
        each_weekday=(
            "montags", "dienstags", "mittwochs", "donnerstags", "freitags", "samstags", "sonntags",
        ),
        weekday_run="von {0} bis {1}",
        nth="{0} {1} des Monats",
        ordinals=(
            "am ersten", "am zweiten", "am dritten", "am vierten", "am fünften", "am letzten",
        ),
        also=" sowie ",
        but_only=", aber nur ",
        only_in=", nur im {0}",
        months=(
            "Januar", "Februar", "März", "April", "Mai", "Juni",
            "Juli", "August", "September", "Oktober", "November", "Dezember",
        ),
    ),
    "es": Grammar(
        and_=" y ",
        at="a las {0}",
        span="de {0} a {1}",
        seconds=Unit(
            each="cada segundo",
            every="cada {0} segundos",
            start=" a partir del segundo {0}",
            numbers=Numbers(one="en el segundo {0}", many="en los segundos {0}", run="{0} a {1}"),
            within=" de cada minuto",
        ),
        minutes=Unit(
            each="cada minuto",
            every="cada {0} minutos",
            start=" a partir del minuto {0}",
            numbers=Numbers(one="en el minuto {0}", many="en los minutos {0}", run="{0} a {1}"),
            within=" de cada hora",
        ),
        each_hour="cada hora",
        every_hours="cada {0} horas",
        hours_from=" a partir de las {0}",
        days=Numbers(one="el día {0} del mes", many="los días {0} del mes", run="{0} a {1}"),
        last_day="el último día del mes",
        before_last=(
            "el día anterior al último del mes", "{0} días antes del último día del mes",
        ),
        nearest="el día laborable (de lunes a viernes) más cercano al día {0} del mes",
        last_working_day="el último día laborable (de lunes a viernes) del mes",
        weekdays=("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
        each_weekday=(
            "los lunes", "los martes", "los miércoles", "los jueves", "los viernes",
            "los sábados", "los domingos",
        ),
        weekday_run="de {0} a {1}",
        nth="{0} {1} del mes",
        ordinals=("el primer", "el segundo", "el tercer", "el cuarto", "el quinto", "el último"),
        also=" y también ",
        but_only=", pero solo ",
        only_in=", solo en {0}",
        months=(
            "enero", "febrero", "marzo", "abril", "mayo", "junio",
            "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
        ),
    ),
    "fr": Grammar(
        and_=" et ",
        at="à {0}",
        span="de {0} à {1}",
        seconds=Unit(
            each="toutes les secondes",
            every="toutes les {0} secondes",
            start=" à partir de la seconde {0}",
            numbers=Numbers(one="à la seconde {0}", many="aux secondes {0}", run="{0} à {1}"),
            within=" de chaque minute",
        ),
        minutes=Unit(
            each="toutes les minutes",
            every="toutes les {0} minutes",
            start=" à partir de la minute {0}",
            numbers=Numbers(one="à la minute {0}", many="aux minutes {0}", run="{0} à {1}"),
            within=" de chaque heure",
        ),
        each_hour="toutes les heures",
        every_hours="toutes les {0} heures",
        hours_from=" à partir de {0}",
        days=Numbers(
            one="{0} du mois", many="{0} du mois", item="le {0}", run="du {0} au {1}"
        ),
        last_day="le dernier jour du mois",
        before_last=("la veille du dernier jour du mois", "{0} jours avant le dernier du mois"),
        nearest="le jour ouvré (du lundi au vendredi) le plus proche du {0} du mois",
        last_working_day="le dernier jour ouvré (du lundi au vendredi) du mois",
        weekdays=("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
        each_weekday=(
            "le lundi", "le mardi", "le mercredi", "le jeudi", "le vendredi", "le samedi",
            "le dimanche",
        ),
        weekday_run="du {0} au {1}",
        nth="{0} {1} du mois",
        ordinals=(
            "le premier", "le deuxième", "le troisième", "le quatrième", "le cinquième",
            "le dernier",
        ),
        also=" ainsi que ",
        but_only=", mais seulement ",
        only_in=", uniquement en {0}",
        months=(
            "janvier", "février", "mars", "avril", "mai", "juin",
            "juillet", "août", "septembre", "octobre", "novembre", "décembre",
        ),
        odd_days={1: "1er"},
    ),
    "it": Grammar(
        and_=" e ",
        at="alle ore {0}",
        span="dalle ore {0} alle ore {1}",
        seconds=Unit(
            each="ogni secondo",
            every="ogni {0} secondi",
            start=" a partire dal secondo {0}",
            numbers=Numbers(one="al secondo {0}", many="ai secondi {0}"),
            within=" di ogni minuto",
        ),
        minutes=Unit(
            each="ogni minuto",
            every="ogni {0} minuti",
            start=" a partire dal minuto {0}",
            numbers=Numbers(one="al minuto {0}", many="ai minuti {0}"),
            within=" di ogni ora",
        ),
        each_hour="ogni ora",
        every_hours="ogni {0} ore",
        hours_from=" a partire dalle ore {0}",
        days=Numbers(one="il giorno {0} del mese", many="i giorni {0} del mese"),
        last_day="l'ultimo giorno del mese",
        before_last=(
            "il giorno prima dell'ultimo del mese", "{0} giorni prima dell'ultimo del mese",
        ),
        nearest="il giorno lavorativo (da lunedì a venerdì) più vicino al giorno {0} del mese",
        last_working_day="l'ultimo giorno lavorativo (da lunedì a venerdì) del mese",
        weekdays=("lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato", "domenica"),
        each_weekday=(
            "il lunedì", "il martedì", "il mercoledì", "il giovedì", "il venerdì", "il sabato",
            "la domenica",
        ),
        weekday_run="da {0} a {1}",
        nth="{0} {1} del mese",
        ordinals=("il primo", "il secondo", "il terzo", "il quarto", "il quinto", "l'ultimo"),
        feminine_ordinals=(
            "la prima", "la seconda", "la terza", "la quarta", "la quinta", "l'ultima",
        ),
        feminine=frozenset({7}),
        also=" e anche ",
        but_only=", ma solo ",
        only_in=", solo in {0}",
        months=(
            "gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno",
            "luglio", "agosto", "settembre", "ottobre", "novembre", "dicembre",
        ),
    ),
    "pt": Grammar(
        and_=" e ",
        at="às {0}",
        span="das {0} às {1}",
        seconds=Unit(
            each="a cada segundo",
            every="a cada {0} segundos",
            start=" a partir do segundo {0}",
            numbers=Numbers(one="no segundo {0}", many="nos segundos {0}", run="{0} a {1}"),
            within=" de cada minuto",
        ),
        minutes=Unit(
            each="a cada minuto",
            every="a cada {0} minutos",
            start=" a partir do minuto {0}",
            numbers=Numbers(one="no minuto {0}", many="nos minutos {0}", run="{0} a {1}"),
            within=" de cada hora",
        ),
        each_hour="a cada hora",
        every_hours="a cada {0} horas",
        hours_from=" a partir das {0}",
        days=Numbers(one="no dia {0} do mês", many="nos dias {0} do mês", run="{0} a {1}"),
        last_day="no último dia do mês",
        before_last=("um dia antes do último do mês", "{0} dias antes do último do mês"),
        nearest="no dia útil (de segunda a sexta-feira) mais próximo do dia {0} do mês",
        last_working_day="no último dia útil (de segunda a sexta-feira) do mês",
        weekdays=(
            "segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira",
            "sábado", "domingo",
        ),
        each_weekday=(
            "às segundas-feiras", "às terças-feiras", "às quartas-feiras", "às quintas-feiras",
            "às sextas-feiras", "aos sábados", "aos domingos",
        ),
        weekday_run="de {0} a {1}",
        nth="{0} {1} do mês",
        ordinals=(
            "no primeiro", "no segundo", "no terceiro", "no quarto", "no quinto", "no último",
        ),
        feminine_ordinals=(
            "na primeira", "na segunda", "na terceira", "na quarta", "na quinta", "na última",
        ),
        feminine=frozenset({1, 2, 3, 4, 5}),
        also=" e também ",
        but_only=", mas só ",
        only_in=", somente em {0}",
        months=(
            "janeiro", "fevereiro", "março", "abril", "maio", "junho",
            "julho", "agosto", "setembro", "outubro", "novembro", "dezembro",
        ),
    ),
}  # fmt: skip
