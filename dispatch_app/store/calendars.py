"""Calendars by name, each with its revision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from dispatch_app.domain.calendar import Calendar
from dispatch_app.domain.errors import (
    Conflict,
    CorruptRecord,
    InvalidInput,
    NotFound,
    RevisionMismatch,
)
from dispatch_app.store.codec import to_json
from dispatch_app.store.keys import Keys
from dispatch_app.store.scripts import Client, Scripts, reaching_redis

#: Calendars of one installation: whoever plans holds all of them.
MOST = 100


class StoredCalendar(msgspec.Struct, frozen=True, kw_only=True):
    """A calendar as it is kept."""

    name: str
    #: grows with every change; no two states of a calendar ever share one, dropped or not
    revision: int
    #: ms
    updated_at: int
    calendar: Calendar


class _Record(msgspec.Struct, frozen=True):
    rev: int
    updated: int
    calendar: Calendar


_decode = msgspec.json.Decoder(_Record).decode

# `list` is a method below, so its type needs another name there
Found = list[StoredCalendar]
Reply = list[Any]


class Calendars:
    """The calendars of one installation."""

    def __init__(self, client: Client, keys: Keys, scripts: Scripts) -> None:
        self._client, self._keys, self._scripts = client, keys, scripts
        self._known: tuple[tuple[str | None, ...], dict[str, Calendar]] = ((), {})

    def all(self) -> tuple[int, dict[str, Calendar]]:
        """How often calendars were changed, and all of them by name, as they were then; without
        those that cannot be read."""
        with reaching_redis(), self._client.pipeline() as pipe:
            pipe.get(self._keys.calendars_rev())
            pipe.hgetall(self._keys.calendars())
            changes, records = pipe.execute()
        return int(changes or 0), {one.name: one.calendar for one in _readable(records)}

    def known(self) -> Mapping[str, Calendar]:
        """All of them by name. Read again only where there was a change; what stayed the same stays
        the same object, with all that is worked out from it."""
        keys = (self._keys.calendars_since(), self._keys.calendars_rev())
        with reaching_redis():
            changes = tuple(self._client.mget(keys))
        before, known = self._known
        if changes != before:
            # read after its count: a change in between has it read again
            _, found = self.all()
            kept = {name: one for name, one in known.items() if found.get(name) == one}
            self._known = changes, found | kept
        return self._known[1]

    def get(self, name: str) -> StoredCalendar:
        """One calendar.

        Raises:
            NotFound: no such calendar.
            CorruptRecord: it cannot be read; put another one in its place, or drop it.
        """
        with reaching_redis():
            record: str | None = self._client.hget(self._keys.calendars(), name)
        if record is None:
            raise NotFound("calendar", name)
        return _stored(name, record)

    def list(self) -> Found:
        """All that can be read, by name."""
        with reaching_redis():
            return _readable(self._client.hgetall(self._keys.calendars()))

    def put(
        self, name: str, calendar: Calendar, revision: int | None = None
    ) -> tuple[StoredCalendar, bool]:
        """Store a calendar, whole; True with it if it is new. The same again changes nothing.

        Args:
            revision: that the one before has to have; None: whatever it is, if there is one.

        Raises:
            RevisionMismatch: it has another one.
            InvalidInput: there are as many calendars as there may be.
        """
        code, *rest = self._scripts.call(
            "put_calendar",
            {"name": name, "calendar": to_json(calendar), "rev": revision, "most": MOST},
        )
        self._refuse(name, code, rest)
        return _stored(name, rest[0]), bool(rest[1])

    def drop(self, name: str, revision: int | None = None) -> None:
        """Remove a calendar.

        Args:
            revision: that it has to have; None: whatever it is.

        Raises:
            NotFound: no such calendar.
            RevisionMismatch: it has another one.
            Conflict: tasks name it.
        """
        code, *rest = self._scripts.call("drop_calendar", {"name": name, "rev": revision})
        self._refuse(name, code, rest)

    def _refuse(self, name: str, code: str, rest: Reply) -> None:
        """Raise what a script's reply code means; this is the one table of them."""
        if code == "NOT_FOUND":
            raise NotFound("calendar", name)
        if code == "CHANGED":
            raise RevisionMismatch
        if code == "FULL":
            raise InvalidInput({"name": f"There are {MOST} calendars, and no more may be."})
        if code == "NAMED":
            tasks = "1 task names" if rest[0] == 1 else f"{rest[0]} tasks name"
            raise Conflict(f"{tasks} the calendar {name!r}.")


def _stored(name: str, record: str) -> StoredCalendar:
    try:
        read = _decode(record)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise CorruptRecord(f"The calendar {name!r} cannot be read: {error}") from error
    return StoredCalendar(
        name=name, revision=read.rev, updated_at=read.updated, calendar=read.calendar
    )


def _readable(records: Mapping[str, str]) -> list[StoredCalendar]:
    found = []
    for name, record in sorted(records.items()):
        try:
            found.append(_stored(name, record))
        except CorruptRecord:
            continue
    return found
