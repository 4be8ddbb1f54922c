"""The preview of a schedule: moments with offsets, words, notes; nothing is stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from dispatch_app.dispatch import Dispatch
from tests.api.calls import DAILY, PREVIEW, create, refused
from tests.domain.moments import ms

CASES = json.loads((Path(__file__).parents[1] / "cases" / "cron.json").read_text())
SETTLED = [case for case in CASES if case["settled"]]

START = "2024-01-01T00:00:00Z"


def preview(client: FlaskClient, schedule: dict[str, Any], **body: Any) -> dict[str, Any]:
    """What is said of a schedule, from the first moment of 2024 unless told otherwise."""
    answer = client.post(PREVIEW, json={"schedule": schedule, "after": START, **body})
    assert answer.status_code == 200, answer.text
    assert set(answer.json) == {"description", "occurrences"}
    return answer.json


def moments(client: FlaskClient, schedule: dict[str, Any], **body: Any) -> list[str]:
    return [one["at"] for one in preview(client, schedule, **body)["occurrences"]]


# Every case that well-known programs agree on


def test_there_are_cases() -> None:
    assert len(SETTLED) > 100


@pytest.mark.parametrize("case", SETTLED, ids=lambda case: case["id"])
def test_conformance(client: FlaskClient, case: dict[str, Any]) -> None:
    schedule = {"type": "cron", "cron": case["expr"], "timezone": case["timezone"]}
    if case.get("error"):
        for answer in (
            client.post(PREVIEW, json={"schedule": schedule}),
            client.post("/api/v1/tasks", json={"type": "echo", "schedule": schedule}),
        ):
            refused(answer, "schedule.cron")
        return
    schedule["dst"] = case["dst"]
    count = max(1, len(case["expect"]))
    found = moments(client, schedule, after=case["after"], count=count)
    assert [ms(text.replace("Z", "+00:00")) for text in found] == [ms(t) for t in case["expect"]]


# Shapes


def test_five_occurrences_unless_told_otherwise(client: FlaskClient) -> None:
    assert preview(client, DAILY) == {
        "description": "At 00:00",
        "occurrences": [
            {"at": f"2024-01-{day:02}T00:00:00Z", "note": None} for day in (2, 3, 4, 5, 6)
        ],
    }
    assert len(moments(client, DAILY, count=1)) == 1
    assert len(moments(client, DAILY, count=100)) == 100


def test_it_begins_now_unless_told_otherwise(client: FlaskClient, dispatch: Dispatch) -> None:
    before = dispatch.store.now()
    answer = client.post(PREVIEW, json={"schedule": {"type": "interval", "every": 60}, "count": 1})
    (one,) = answer.json["occurrences"]
    at = ms(one["at"].replace("Z", "+00:00"))
    assert before + 60_000 <= at <= dispatch.store.now() + 60_000


@pytest.mark.parametrize(
    ("schedule", "description", "expected"),
    [
        (
            {"type": "cron", "cron": "0 9 * * MON-FRI", "timezone": "Asia/Kathmandu"},
            "At 09:00, Monday through Friday (Asia/Kathmandu)",
            ["2024-01-01T09:00:00+05:45", "2024-01-02T09:00:00+05:45"],
        ),
        (
            {"type": "cron", "cron": "@daily", "timezone": "America/New_York"},
            "At 00:00 (America/New_York)",
            ["2024-01-01T00:00:00-05:00", "2024-01-02T00:00:00-05:00"],
        ),
        (
            {"type": "interval", "every": "1h30m"},
            "Every 1 h 30 min",
            ["2024-01-01T01:30:00Z", "2024-01-01T03:00:00Z"],
        ),
        (
            {"type": "recurring", "every": "PT0.25S"},
            "Every 250 ms",
            ["2024-01-01T00:00:00.250Z", "2024-01-01T00:00:00.500Z"],
        ),
        (
            {"type": "interval", "every": 3600, "start_time": "2024-02-01T00:30:00+01:00"},
            "Every 1 h",
            ["2024-01-31T23:30:00Z", "2024-02-01T00:30:00Z"],
        ),
        (
            {"type": "one-time", "start_time": "2024-07-01T12:00:00Z", "timezone": "Europe/Berlin"},
            "Once, at 2024-07-01 14:00:00 +0200",
            ["2024-07-01T14:00:00+02:00"],
        ),
        ({"type": "one-time", "start_time": START}, "Once, at 2024-01-01 00:00:00 +0000", []),
        (
            {**DAILY, "end_time": "2024-01-02T00:00:00Z"},
            "At 00:00",
            ["2024-01-02T00:00:00Z"],
        ),
        ({**DAILY, "max_runs": 1}, "At 00:00", ["2024-01-02T00:00:00Z"]),
        ({**DAILY, "end_time": "2023-01-02T00:00:00Z"}, "At 00:00", []),
    ],
)
def test_each_kind_is_said_in_words_and_moments(
    client: FlaskClient, schedule: dict, description: str, expected: list[str]
) -> None:
    said = preview(client, schedule, count=2)
    assert said["description"].startswith(description)
    assert [one["at"] for one in said["occurrences"]] == expected


# Clock changes in Berlin: 2:00 to 3:00 on 2024-03-31, 3:00 to 2:00 on 2024-10-27


@pytest.mark.parametrize(
    ("dst", "expected", "fate"),
    [
        ("run_once", ["2024-03-31T03:00:00+02:00", "2024-04-01T02:30:00+02:00"], "runs now, once"),
        ("skip", ["2024-04-01T02:30:00+02:00", "2024-04-02T02:30:00+02:00"], "was left out"),
    ],
)
def test_a_time_that_the_clock_leaves_out_is_noted(
    client: FlaskClient, dst: str, expected: list[str], fate: str
) -> None:
    schedule = {"type": "cron", "cron": "30 2 * * *", "timezone": "Europe/Berlin", "dst": dst}
    found = preview(client, schedule, after="2024-03-30T12:00:00Z", count=2)["occurrences"]
    assert [one["at"] for one in found] == expected
    assert "forward from 2024-03-31 02:00 to 2024-03-31 03:00" in found[0]["note"]
    assert fate in found[0]["note"]
    assert found[1]["note"] is None


@pytest.mark.parametrize(
    ("dst", "offsets"),
    [("run_once", ["+02:00"]), ("run_twice", ["+02:00", "+01:00"]), ("skip", ["+02:00"])],
)
def test_a_time_that_the_clock_repeats_is_noted(client, dst: str, offsets: list) -> None:
    schedule = {"type": "cron", "cron": "30 2 * * *", "timezone": "Europe/Berlin", "dst": dst}
    found = preview(client, schedule, after="2024-10-26T12:00:00Z", count=3)["occurrences"]
    twice = [one for one in found if one["at"].startswith("2024-10-27")]
    assert [one["at"] for one in twice] == [f"2024-10-27T02:30:00{offset}" for offset in offsets]
    assert all("twice" in one["note"] for one in twice)
    assert found[-1]["note"] is None


# Languages


BOUNDS = {
    "timezone": "Europe/Berlin",
    "start_time": START,
    "end_time": "2024-02-01T00:00:00Z",
    "max_runs": 3,
}


@pytest.mark.parametrize(
    ("language", "cron", "interval", "steps", "once"),
    [
        (
            "en",
            "At 00:00 (Europe/Berlin), from {0}, until {1}, 3 times at most",
            "Every 1 h 30 min (Europe/Berlin), from {0}, until {1}, 3 times at most",
            "Every 2 weeks on the clock (Europe/Berlin), from {0}, until {1}, 3 times at most",
            "Once, at {0}",
        ),
        (
            "de",
            "Um 00:00 (Europe/Berlin), ab {0}, bis {1}, höchstens 3-mal",
            "Im Abstand von 1 h 30 min (Europe/Berlin), ab {0}, bis {1}, höchstens 3-mal",
            "Alle 2 Wochen nach der Ortszeit (Europe/Berlin), ab {0}, bis {1}, höchstens 3-mal",
            "Einmal, am {0}",
        ),
        (
            "es",
            "A las 00:00 (Europe/Berlin), desde el {0}, hasta el {1}, 3 veces como máximo",
            "Cada 1 h 30 min (Europe/Berlin), desde el {0}, hasta el {1}, 3 veces como máximo",
            "Cada 2 semanas en hora local (Europe/Berlin), desde el {0}, hasta el {1}, "
            "3 veces como máximo",
            "Una vez, el {0}",
        ),
        (
            "fr",
            "À 00:00 (Europe/Berlin), à partir du {0}, jusqu'au {1}, 3 fois au plus",
            "À intervalles de 1 h 30 min (Europe/Berlin), à partir du {0}, jusqu'au {1}, "
            "3 fois au plus",
            "Toutes les 2 semaines en heure locale (Europe/Berlin), à partir du {0}, "
            "jusqu'au {1}, 3 fois au plus",
            "Une fois, le {0}",
        ),
        (
            "it",
            "Alle ore 00:00 (Europe/Berlin), dal {0}, fino al {1}, al massimo 3 volte",
            "Ogni 1 h 30 min (Europe/Berlin), dal {0}, fino al {1}, al massimo 3 volte",
            "Ogni 2 settimane in ora locale (Europe/Berlin), dal {0}, fino al {1}, "
            "al massimo 3 volte",
            "Una volta, il {0}",
        ),
        (
            "pt",
            "Às 00:00 (Europe/Berlin), a partir de {0}, até {1}, no máximo 3 vezes",
            "A cada 1 h 30 min (Europe/Berlin), a partir de {0}, até {1}, no máximo 3 vezes",
            "A cada 2 semanas na hora local (Europe/Berlin), a partir de {0}, até {1}, "
            "no máximo 3 vezes",
            "Uma vez, em {0}",
        ),
    ],
)
def test_each_kind_is_said_in_each_language(client, language, cron, interval, steps, once) -> None:
    moments = ("2024-01-01 01:00:00 +0100", "2024-02-01 01:00:00 +0100")
    said = [
        preview(client, {**schedule, "timezone": "Europe/Berlin"}, language=language)["description"]
        for schedule in (
            {**DAILY, **BOUNDS},
            {"type": "interval", "every": "1h30m", **BOUNDS},
            {"type": "interval", "every": {"weeks": 2}, **BOUNDS},
            {"type": "one-time", "start_time": START},
        )
    ]
    assert said == [text.format(*moments) for text in (cron, interval, steps, once)]


@pytest.mark.parametrize(
    ("language", "gap", "overlap"),
    [
        (
            "en",
            "The clock goes forward from 2024-03-31 02:00 to 2024-03-31 03:00; "
            "what was due in between runs now, once.",
            "The clock shows 02:30 twice on this day; this is the first time, "
            "and the only one that runs.",
        ),
        (
            "de",
            "Die Uhr springt von 2024-03-31 02:00 auf 2024-03-31 03:00 vor; "
            "was dazwischen fällig war, läuft jetzt, einmal.",
            "Die Uhr zeigt 02:30 an diesem Tag zweimal; dies ist das erste Mal, "
            "und nur dann läuft es.",
        ),
        (
            "es",
            "El reloj se adelanta de 2024-03-31 02:00 a 2024-03-31 03:00; "
            "lo previsto en ese intervalo se ejecuta ahora, una vez.",
            "El reloj marca las 02:30 dos veces este día; esta es la primera vez, "
            "y la única en que se ejecuta.",
        ),
        (
            "fr",
            "L'horloge avance de 2024-03-31 02:00 à 2024-03-31 03:00 ; "
            "ce qui était prévu entre les deux s'exécute maintenant, une fois.",
            "L'horloge affiche 02:30 deux fois ce jour-là ; c'est la première fois, "
            "et la seule où il y a exécution.",
        ),
        (
            "it",
            "L'orologio va avanti da 2024-03-31 02:00 a 2024-03-31 03:00; "
            "ciò che era previsto nel frattempo viene eseguito ora, una volta.",
            "L'orologio segna le 02:30 due volte in questo giorno; questa è la prima volta, "
            "e l'unica in cui viene eseguito.",
        ),
        (
            "pt",
            "O relógio avança de 2024-03-31 02:00 para 2024-03-31 03:00; "
            "o que estava previsto nesse intervalo é executado agora, uma vez.",
            "O relógio marca 02:30 duas vezes neste dia; esta é a primeira vez, "
            "e a única em que é executado.",
        ),
    ],
)
def test_notes_are_in_the_language_too(client, language: str, gap: str, overlap: str) -> None:
    schedule = {"type": "cron", "cron": "30 2 * * *", "timezone": "Europe/Berlin"}
    for after, note in (("2024-03-30T12:00:00Z", gap), ("2024-10-26T12:00:00Z", overlap)):
        found = preview(client, schedule, after=after, count=1, language=language)
        assert found["occurrences"][0]["note"] == note


def test_a_task_shows_its_schedule_in_words_and_takes_it_back(client: FlaskClient) -> None:
    body = {"type": "echo", "schedule": {**DAILY, "cron": "0 9 * * 1"}}
    task = client.post("/api/v1/tasks", json=body).json
    assert task["schedule"]["description"] == "At 09:00, only on Monday"
    changed = {**task["schedule"], "cron": "0 10 * * 1"}
    answer = client.patch(f"/api/v1/tasks/{task['id']}", json={"schedule": changed})
    assert answer.json["schedule"]["description"] == "At 10:00, only on Monday"


def test_a_stored_schedule_that_means_nothing_any_more_has_no_words(client, dispatch) -> None:
    schedule = {**DAILY, "timezone": "Europe/Berlin", "end_time": "2100-01-01T00:00:00Z"}
    path = f"/api/v1/tasks/{create(client, schedule=schedule)['id']}"
    key = dispatch.store.keys.task(path.rpartition("/")[2])
    stored = dispatch.store.client.hget(key, "def")
    dispatch.store.client.hset(key, "def", stored.replace("Europe/Berlin", "Europe/Gone"))
    shown = client.get(path).json["schedule"]
    assert (shown["timezone"], shown["description"]) == ("Europe/Gone", None)


# Refusals


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["schedule"]),
        ({"schedule": None}, ["schedule"]),
        ({"schedule": "daily"}, ["schedule"]),
        ({"schedule": {}}, ["schedule.type"]),
        ({"schedule": {"type": "immediate"}}, ["schedule.type"]),
        ({"schedule": {"type": "cron"}}, ["schedule.cron"]),
        ({"schedule": {**DAILY, "cron": 5}}, ["schedule.cron"]),
        ({"schedule": {**DAILY, "cron": "x" * 201}}, ["schedule.cron"]),
        ({"schedule": {**DAILY, "cron": "@dayly"}}, ["schedule.cron"]),
        ({"schedule": {**DAILY, "cron": "@reboot"}}, ["schedule.cron"]),
        ({"schedule": {**DAILY, "timezone": "Europe/Berln"}}, ["schedule.timezone"]),
        ({"schedule": {**DAILY, "timezone": "../../etc/passwd"}}, ["schedule.timezone"]),
        ({"schedule": {**DAILY, "timezone": ""}}, ["schedule.timezone"]),
        ({"schedule": {**DAILY, "dst": "twice"}}, ["schedule.dst"]),
        ({"schedule": {**DAILY, "max_runs": 1.5}}, ["schedule.max_runs"]),
        ({"schedule": {"type": "interval", "every": 0}}, ["schedule.every"]),
        ({"schedule": {"type": "interval", "every": "soon"}}, ["schedule.every"]),
        ({"schedule": {"type": "interval", "every": "1h", "dst": "skip"}}, ["schedule.dst"]),
        ({"schedule": {"type": "one-time", "start_time": "noon"}}, ["schedule.start_time"]),
        ({"schedule": DAILY, "count": 0, "after": 5}, ["count", "after"]),
        ({"schedule": DAILY, "count": 101}, ["count"]),
        ({"schedule": DAILY, "counts": 5}, ["counts"]),
        ({"schedule": DAILY, "language": "tlh"}, ["language"]),
        ({"schedule": DAILY, "language": "de-DE"}, ["language"]),
    ],
)
def test_each_wrong_field_is_named(client: FlaskClient, body: dict, fields: list[str]) -> None:
    refused(client.post(PREVIEW, json=body), *fields)


#: Row 26 of the pains: what parsers take and nobody means, and a word of what is said of each.
NOT_MEANT = {
    "0 0 30 2 *": "never",
    "0 0 31 4,6,9,11 *": "never",
    "*/90 * * * *": "90",
    "*/100 * * * *": "100",
    "R R * * *": "R",
    "60 * * * *": "60",
    "* 24 * * *": "24",
    "* * 0 * *": "0",
    "* * * 13 *": "13",
    "* * * * 8": "8",
    "5-1 * * * *": "5-1",
    "* * * *": "fields",
    "* * * * * * * *": "fields",
    "": "fields",
    "every day": "fields",
}


@pytest.mark.parametrize("cron", NOT_MEANT)
def test_a_cron_text_that_is_not_meant_so_is_refused_with_a_reason(client, cron: str) -> None:
    for answer in (
        client.post(PREVIEW, json={"schedule": {**DAILY, "cron": cron}}),
        client.post("/api/v1/tasks", json={"type": "echo", "schedule": {**DAILY, "cron": cron}}),
    ):
        assert NOT_MEANT[cron] in refused(answer, "schedule.cron")["schedule.cron"][0]


def test_nothing_is_stored(client: FlaskClient, dispatch: Dispatch) -> None:
    before = dispatch.store.client.dbsize()
    preview(client, DAILY)
    assert dispatch.store.client.dbsize() == before


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Niue"])
@pytest.mark.parametrize("after", ["1970-01-01T00:00:00Z", "9999-12-29T23:59:59Z"])
def test_the_ends_of_time_are_no_trouble(client: FlaskClient, zone: str, after: str) -> None:
    for schedule in (DAILY, {"type": "interval", "every": 31_536_000}):
        found = moments(client, {**schedule, "timezone": zone}, after=after, count=100)
        assert all(ms(text.replace("Z", "+00:00")) > ms(after[:-1] + "+00:00") for text in found)


# Steps on the clock, delays, H, and what `@every` becomes


@pytest.mark.parametrize(
    ("schedule", "words", "found"),
    [
        (
            {"type": "interval", "every": {"months": 1}, "start_time": "2024-01-31T09:00:00Z"},
            "Every month on the clock, from 2024-01-31 09:00:00 +0000",
            ["2024-01-31T09:00:00Z", "2024-02-29T09:00:00Z"],
        ),
        ({"type": "one-time", "delay": 90}, None, ["2024-01-01T00:01:30Z"]),
        (
            {"type": "cron", "cron": "@every 1h30m"},
            "Every 1 h 30 min",
            ["2024-01-01T01:30:00Z", "2024-01-01T03:00:00Z"],
        ),
        (
            {"type": "cron", "cron": "5 0 1 * * 30", "seconds": "last"},
            None,
            ["2024-01-01T00:05:30Z", "2024-02-01T00:05:30Z"],
        ),
        (
            {"type": "cron", "cron": "0 0 13 * fri", "day_or": False},
            None,
            ["2024-09-13T00:00:00Z", "2024-12-13T00:00:00Z"],
        ),
    ],
)
def test_other_ways_to_say_when(client: FlaskClient, schedule, words, found) -> None:
    said = preview(client, schedule, count=2)
    assert [one["at"] for one in said["occurrences"]] == found
    assert words is None or said["description"] == words


def test_h_is_hashed_from_the_task_of_the_preview(client: FlaskClient) -> None:
    schedule = {"type": "cron", "cron": "H H * * *"}
    found = {key: moments(client, schedule, count=1, task_id=key)[0] for key in "abcdef"}
    assert len(set(found.values())) > 1
    put = client.put("/api/v1/tasks/a", json={"type": "echo", "schedule": schedule})
    assert put.json["schedule"]["cron"] == "H H * * *"
    minute, hour = put.json["schedule"]["resolved"].split()[:2]
    assert put.json["next_run_at"][11:16] == f"{int(hour):02}:{int(minute):02}" == found["a"][11:16]


@pytest.mark.parametrize(
    "schedule",
    [
        {"type": "interval", "every": {"months": 2}, "dst": "skip"},
        {"type": "one-time", "delay": 3600},
        {"type": "cron", "cron": "0 0 13 * fri", "day_or": False, "seconds": "first"},
    ],
)
def test_a_task_shows_its_schedule_as_it_was_said(client: FlaskClient, schedule) -> None:
    task = client.post("/api/v1/tasks", json={"type": "echo", "schedule": schedule}).json
    assert task["schedule"].items() >= schedule.items()
    assert task["status"] == "scheduled"


@pytest.mark.parametrize(
    ("schedule", "field"),
    [
        ({"type": "interval", "every": {}}, "every"),
        ({"type": "interval", "every": {"days": 1, "weeks": 1}}, "every"),
        ({"type": "interval", "every": {"days": 0}}, "every.days"),
        ({"type": "interval", "every": {"hours": 1}}, "every.hours"),
        ({"type": "interval", "every": 60, "dst": "skip"}, "dst"),
        ({"type": "one-time", "delay": 5, "start_time": START}, "start_time"),
        ({"type": "one-time"}, "start_time"),
        ({"type": "cron", "cron": "@every soon"}, "cron"),
        ({"type": "cron", "cron": "@every 1ms"}, "every"),
        ({"type": "cron", "cron": "H(9-70) * * * *"}, "cron"),
        ({"type": "cron", "cron": "0 0 * * *", "seconds": "last"}, "seconds"),
    ],
)
def test_a_wrong_one_of_these_names_its_field(client: FlaskClient, schedule, field: str) -> None:
    answer = client.post(PREVIEW, json={"schedule": schedule})
    refused(answer, f"schedule.{field}")
