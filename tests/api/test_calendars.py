"""Calendars over the API: as JSON, and as iCalendar files."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from dispatch_api.resources.calendars.schemas import EXAMPLE
from dispatch_app.dispatch import Dispatch
from tests.api.calls import CALENDARS, problem, refused

HOLIDAYS = f"{CALENDARS}/holidays"
WEEKEND = {"days": ["sat", "sun"], "start": "00:00", "end": "24:00"}


def ics(*events: str, head: str = "") -> bytes:
    """A file of events."""
    text = "".join(f"BEGIN:VEVENT\r\n{event}\r\nEND:VEVENT\r\n" for event in events)
    return f"BEGIN:VCALENDAR\r\n{head}{text}END:VCALENDAR\r\n".encode()


def put_file(client: FlaskClient, file: bytes, query: str = "", **sent):
    sent.setdefault("content_type", "text/calendar; charset=utf-8")
    return client.put(f"{HOLIDAYS}{query}", data=file, **sent)


YEARLY = "DTSTART;VALUE=DATE:20201225\r\nRRULE:FREQ=YEARLY\r\nSUMMARY:Christmas"


def test_a_calendar_is_made_read_replaced_and_dropped(client: FlaskClient) -> None:
    answer = client.put(HOLIDAYS, json=EXAMPLE)
    assert answer.status_code == 201
    made = answer.json
    assert made == {
        "name": "holidays",
        "mode": "exclude",
        "description": "",
        "revision": 1,
        "updated_at": made["updated_at"],
        **EXAMPLE,
    }
    read = client.get(HOLIDAYS)
    assert (read.status_code, read.json) == (200, made)
    assert read.headers["ETag"] == answer.headers["ETag"] == '"1"'
    answer = client.put(HOLIDAYS, json={"mode": "include", "weekly": [WEEKEND]})
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    assert (answer.json["entries"], answer.json["timezone"]) == ([], "UTC")
    answer = client.delete(HOLIDAYS)
    assert (answer.status_code, answer.data) == (204, b"")
    assert "no calendar 'holidays'" in problem(client.get(HOLIDAYS), 404, "not-found")
    problem(client.delete(HOLIDAYS), 404, "not-found")


def test_the_same_again_changes_nothing(client: FlaskClient) -> None:
    made = client.put(HOLIDAYS, json=EXAMPLE)
    again = client.put(HOLIDAYS, json=EXAMPLE)
    assert (again.status_code, again.json) == (200, made.json)


def test_calendars_are_listed_by_name_without_their_times(client: FlaskClient) -> None:
    assert client.get(CALENDARS).json == {"items": [], "next": None}
    client.put(HOLIDAYS, json=EXAMPLE)
    client.put(f"{CALENDARS}/freeze", json={"description": "None yet"})
    answer = client.get(CALENDARS).json
    assert answer["next"] is None
    assert [item["name"] for item in answer["items"]] == ["freeze", "holidays"]
    assert answer["items"][0] == {
        "name": "freeze",
        "mode": "exclude",
        "timezone": "UTC",
        "description": "None yet",
        "revision": 2,
        "updated_at": answer["items"][0]["updated_at"],
        "counts": {"entries": 0, "weekly": 0},
    }
    assert answer["items"][1]["counts"] == {"entries": 2, "weekly": 1}


def test_only_the_revision_that_was_read_is_changed(client: FlaskClient) -> None:
    fresh = {"If-Match": '"1"'}
    problem(client.put(HOLIDAYS, json={}, headers={"If-Match": '"9"'}), 412, "revision-mismatch")
    client.put(HOLIDAYS, json={})
    assert client.put(HOLIDAYS, json=EXAMPLE, headers=fresh).status_code == 200
    for call in (
        client.put(HOLIDAYS, json={}, headers=fresh),
        client.delete(HOLIDAYS, headers=fresh),
    ):
        problem(call, 412, "revision-mismatch")
    assert client.get(HOLIDAYS).json["revision"] == 2
    assert client.delete(HOLIDAYS, headers={"If-Match": '"2"'}).status_code == 204


def test_a_calendar_that_tasks_name_stays(client: FlaskClient, dispatch: Dispatch) -> None:
    client.put(HOLIDAYS, json=EXAMPLE)
    keys = dispatch.store.keys
    dispatch.store.client.zadd(keys.tasks_by("calendar", "holidays"), {"a": 0, "b": 0})
    assert "2 tasks name" in problem(client.delete(HOLIDAYS), 409, "conflict")
    assert client.get(HOLIDAYS).status_code == 200


def test_a_change_wakes_the_schedulers_for_its_tasks(
    client: FlaskClient, dispatch: Dispatch
) -> None:
    client.put(HOLIDAYS, json={})
    client.put(HOLIDAYS, json=EXAMPLE)
    agenda = dispatch.store.client.zrange(dispatch.store.keys.agenda(), 0, -1)
    assert agenda == ["c:holidays"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"mode": "both", "timezone": 5}, ["mode", "timezone"]),
        ({"timezone": "Europe/Berln"}, ["timezone"]),
        ({"mode": "include"}, ["entries"]),
        ({"entries": [{"date": "2026-12-32"}, {"date": "2026-12-31"}]}, ["entries.0.date"]),
        ({"entries": [{"date": "2026-12-31", "day": 1}, 5]}, ["entries.0.day", "entries.1"]),
        ({"entries": [{"summary": "when?"}]}, ["entries.0.start", "entries.0.end"]),
        ({"weekly": [{"days": ["mon"]}]}, ["weekly.0.start", "weekly.0.end"]),
        ({"weekly": [{**WEEKEND, "days": ["Sat"]}]}, ["weekly.0.days.0"]),
        ({"weekly": [{**WEEKEND, "days": []}]}, ["weekly.0.days"]),
        ({"weekly": [{**WEEKEND, "start": "9:00"}]}, ["weekly.0.start"]),
        ({"entries": [{"date": "2026-12-25"}] * 10_001}, ["entries"]),
        ({"revision": 3, "name": "x"}, ["revision", "name"]),
        ({"holidays": []}, ["holidays"]),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(client: FlaskClient, body, fields) -> None:
    refused(client.put(HOLIDAYS, json=body), *fields)
    assert client.get(CALENDARS).json["items"] == []


def test_so_many_calendars_and_no_more(client: FlaskClient) -> None:
    for number in range(100):
        assert client.put(f"{CALENDARS}/{number}", json={}).status_code == 201
    assert "100 calendars" in refused(client.put(HOLIDAYS, json={}), "name")["name"][0]
    assert client.put(f"{CALENDARS}/99", json=EXAMPLE).status_code == 200


def test_a_file_becomes_entries(client: FlaskClient) -> None:
    head = "X-WR-CALNAME:Feiertage\r\nX-WR-TIMEZONE:Europe/Berlin\r\n"
    answer = put_file(client, ics(YEARLY, head=head))
    assert answer.status_code == 201, answer.text
    entries = answer.json["entries"]
    assert len(entries) == 10
    assert {entry["summary"] for entry in entries} == {"Christmas"}
    assert all(entry["date"].endswith("-12-25") for entry in entries)
    assert (answer.json["timezone"], answer.json["mode"]) == ("Europe/Berlin", "exclude")
    assert answer.json["description"] == "Feiertage"
    again = put_file(client, ics(YEARLY, head=head))
    assert (again.status_code, again.json) == (200, answer.json)
    # and what was imported can be sent back as it is shown
    shown = {n: v for n, v in again.json.items() if n not in ("name", "revision", "updated_at")}
    assert client.put(HOLIDAYS, json=shown).json == answer.json


def test_the_query_says_what_a_file_cannot(client: FlaskClient) -> None:
    answer = put_file(client, ics(YEARLY), "?mode=include&timezone=Asia/Tokyo")
    assert (answer.json["mode"], answer.json["timezone"]) == ("include", "Asia/Tokyo")
    refused(put_file(client, ics(YEARLY), "?timezone=Asia/Tokio"), "timezone")
    refused(put_file(client, ics(YEARLY), "?mode=both"), "mode")
    refused(put_file(client, ics(YEARLY), "?zone=UTC"), "zone")
    refused(client.put(f"{HOLIDAYS}?timezone=UTC&mode=include", json={}), "timezone", "mode")


def test_a_file_is_changed_under_the_same_conditions(client: FlaskClient) -> None:
    client.put(HOLIDAYS, json={})
    stale = put_file(client, ics(YEARLY), headers={"If-Match": '"9"'})
    problem(stale, 412, "revision-mismatch")
    assert put_file(client, ics(YEARLY), headers={"If-Match": '"1"'}).status_code == 200


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (b"", "Cannot be read"),
        (b"\xff\xfe", "utf-8"),
        (b"\x00" * 1_000, "Cannot be read"),
        (bytes(range(128)) * 100, "Cannot be read"),
        (b"{}", "Cannot be read"),
        (ics(), "no event in the years"),
        (ics("SUMMARY:x"), "'x' has no DTSTART"),
        (b"BEGIN:VCALENDAR\r\n" * 20_000, "Cannot be read"),
        (b"BEGIN:VCALENDAR\r\n" + b"BEGIN:VEVENT\r\n" * 20_000, "Cannot be read"),
        (ics("DTSTART;VALUE=DATE:99991231\r\nDURATION:P9999W"), ""),
        (ics("DTSTART;VALUE=DATE:00010101\r\nRRULE:FREQ=YEARLY;INTERVAL=0"), ""),
        (ics("DTSTART:20300101T000000Z\r\nRRULE:FREQ=YEARLY;COUNT=-1"), None),
        (ics("DTSTART:20300101T000000Z\r\nRRULE:FREQ=YEARLY;UNTIL=never"), "RRULE"),
        (ics("DTSTART:20300101T000000Z\r\nRRULE:FREQ=MINUTELY"), "more often than daily"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_with_what_is_wrong(client: FlaskClient, file, said) -> None:
    answer = put_file(client, file)
    if said is None:
        assert answer.status_code < 500
        return
    assert said in refused(answer, "body")["body"][0]
    assert client.get(CALENDARS).json["items"] == []


def test_a_body_of_another_type_is_refused(client: FlaskClient) -> None:
    for content_type in ("text/plain", "application/ics", ""):
        answer = put_file(client, ics(YEARLY), content_type=content_type)
        said = problem(answer, 415, "unsupported-media-type")
        assert "application/json or text/calendar" in said
    packed = put_file(client, ics(YEARLY), headers={"Content-Encoding": "gzip"})
    problem(packed, 415, "unsupported-media-type")


def test_a_calendar_may_be_larger_than_other_bodies(client: FlaskClient) -> None:
    large = {"entries": [{"date": "2026-12-25", "summary": "x" * 40}] * 5_000}
    assert client.put(HOLIDAYS, json=large).status_code == 201
    kept = client.put(
        HOLIDAYS, json={"entries": [{"date": "2026-12-25", "summary": "x" * 40}] * 9_000}
    )
    assert "524288" in refused(kept, "entries")["entries"][0]
    for body in (b" " * (1024 * 1024 + 1), b" " * (2 * 1024 * 1024)):
        for content_type in ("application/json", "text/calendar"):
            said = problem(put_file(client, body, content_type=content_type), 413, "too-large")
            assert "1024 KiB" in said
    other = client.put("/api/v1/tasks/t", data=b" " * 300_000, content_type="application/json")
    problem(other, 413, "too-large")
