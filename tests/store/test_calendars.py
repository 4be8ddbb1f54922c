"""Calendars by name, each with its revision."""

from __future__ import annotations

import pytest

from dispatch_app.domain.calendar import Calendar, Entry, Weekly
from dispatch_app.domain.errors import (
    Conflict,
    CorruptRecord,
    InvalidInput,
    NotFound,
    RevisionMismatch,
)
from dispatch_app.store import Store
from dispatch_app.store.calendars import MOST
from tests.store.scene import PREFIX

HOLIDAYS = Calendar(
    timezone="Europe/Berlin",
    description="Feiertage: größer",
    entries=(
        Entry(date="2026-12-25", summary="Weihnachten"),
        Entry(start="2026-12-24T14:00", end="2026-12-25T00:00:00+01:00"),
    ),
)
OFFICE = Calendar(mode="include", weekly=(Weekly(days=("mon", "fri"), start="09:00", end="17:00"),))


def test_what_is_put_is_read_again(scene):
    stored, created = scene.store.calendars.put("holidays", HOLIDAYS)
    assert created
    assert (stored.name, stored.revision, stored.calendar) == ("holidays", 1, HOLIDAYS)
    assert abs(stored.updated_at - scene.store.now()) < 60_000
    assert scene.store.calendars.get("holidays") == stored


def test_all_of_them_with_how_often_they_were_changed(scene):
    calendars = scene.store.calendars
    assert calendars.all() == (0, {})
    calendars.put("office", HOLIDAYS)
    calendars.put("office", OFFICE)
    calendars.put("holidays", HOLIDAYS)
    assert calendars.all() == (3, {"holidays": HOLIDAYS, "office": OFFICE})
    assert [one.name for one in calendars.list()] == ["holidays", "office"]
    calendars.drop("office")
    assert calendars.all() == (4, {"holidays": HOLIDAYS})


def test_what_is_known_follows_the_changes_of_others(scene, redis_url):
    other = Store(redis_url, prefix=PREFIX)
    known = scene.store.calendars.known
    assert known() == {}
    other.calendars.put("holidays", HOLIDAYS)
    other.calendars.put("office", HOLIDAYS)
    first = known()["holidays"]
    assert first == HOLIDAYS
    other.calendars.put("office", OFFICE)
    assert known() == {"holidays": HOLIDAYS, "office": OFFICE}
    # with all that was worked out from it
    assert known()["holidays"] is first
    other.calendars.drop("holidays")
    assert known() == {"office": OFFICE}
    other.close()


def test_what_is_known_is_not_read_again_without_a_change(scene):
    scene.store.calendars.put("holidays", HOLIDAYS)
    known = scene.store.calendars.known()
    scene.client.hset(scene.store.keys.calendars(), "holidays", "nonsense")
    assert scene.store.calendars.known() is known


def test_only_what_was_read_is_replaced_and_dropped(scene):
    calendars = scene.store.calendars
    with pytest.raises(RevisionMismatch):
        calendars.put("holidays", HOLIDAYS, revision=1)
    stored, _ = calendars.put("holidays", HOLIDAYS)
    with pytest.raises(RevisionMismatch):
        calendars.put("holidays", OFFICE, revision=stored.revision + 1)
    with pytest.raises(RevisionMismatch):
        calendars.drop("holidays", revision=stored.revision + 1)
    stored, created = calendars.put("holidays", OFFICE, revision=stored.revision)
    assert not created
    calendars.drop("holidays", revision=stored.revision)
    with pytest.raises(NotFound, match="no calendar 'holidays'"):
        calendars.get("holidays")
    with pytest.raises(NotFound):
        calendars.drop("holidays")


@pytest.mark.parametrize(("tasks", "said"), [(1, "1 task names"), (2, "2 tasks name")])
def test_one_that_tasks_name_stays(scene, tasks, said):
    scene.store.calendars.put("holidays", HOLIDAYS)
    listing = scene.store.keys.tasks_by("calendar", "holidays")
    scene.client.zadd(listing, {f"t{n}": 0 for n in range(tasks)})
    with pytest.raises(Conflict, match=f"{said} the calendar 'holidays'"):
        scene.store.calendars.drop("holidays")
    assert scene.store.calendars.get("holidays").calendar == HOLIDAYS


def test_there_are_so_many_and_no_more(scene):
    for number in range(MOST):
        scene.store.calendars.put(f"c{number}", HOLIDAYS)
    with pytest.raises(InvalidInput, match="100 calendars"):
        scene.store.calendars.put("another", HOLIDAYS)
    assert not scene.store.calendars.put("c5", OFFICE)[1]


@pytest.mark.parametrize("record", ["nonsense", '{"rev":1}', '{"rev":1,"updated":1,"calendar":3}'])
def test_one_that_cannot_be_read_hides_no_other(scene, record):
    scene.store.calendars.put("office", OFFICE)
    scene.client.hset(scene.store.keys.calendars(), "broken", record)
    assert scene.store.calendars.all() == (1, {"office": OFFICE})
    assert [one.name for one in scene.store.calendars.list()] == ["office"]
    with pytest.raises(CorruptRecord, match="'broken'"):
        scene.store.calendars.get("broken")
    assert not scene.store.calendars.put("broken", HOLIDAYS)[1]
    assert scene.store.calendars.get("broken").calendar == HOLIDAYS
