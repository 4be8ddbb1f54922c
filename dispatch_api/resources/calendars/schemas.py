"""What a calendar's body may say, as JSON and as an iCalendar file."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, get_args

import msgspec
from flask import Request
from marshmallow import fields, post_load, pre_dump

from dispatch_api import bodies
from dispatch_api.fields import Choice, Moment, Text
from dispatch_api.smorest import Parser, Schema, dispatch
from dispatch_app.domain.calendar import Calendar, Day, Entry, Mode, Weekly
from dispatch_app.domain.errors import InvalidInput
from dispatch_app.operations import ics
from dispatch_app.store.calendars import StoredCalendar

#: A body of an iCalendar file.
ICS = "text/calendar"

EXAMPLE: dict[str, Any] = {
    "timezone": "Europe/Berlin",
    "entries": [
        {"date": "2026-12-25", "summary": "Christmas"},
        {"start": "2026-12-30T18:00", "end": "2027-01-02T08:00", "summary": "Freeze"},
    ],
    "weekly": [{"days": ["sat", "sun"], "start": "00:00", "end": "24:00"}],
}


class EntrySchema(Schema):
    """One day, or from one time to another."""

    date = Text(40, metadata={"example": "2026-12-25"})
    start = Text(
        40,
        metadata={
            "description": "On the clock of the calendar's zone, unless it has an offset.",
            "example": "2026-12-30T18:00",
        },
    )
    end = Text(
        40,
        metadata={"description": "Not in it any more.", "example": "2027-01-02T08:00:00+01:00"},
    )
    summary = Text(ics.LONGEST_SUMMARY, metadata={"description": "What it is, for people."})

    @post_load
    def make(self, data: dict[str, Any], **kwargs: Any) -> Entry:
        """The domain's."""
        return Entry(**data)


class WeeklySchema(Schema):
    """The same hours on some days of every week."""

    days = fields.List(Choice(get_args(Day)), required=True)
    start = Text(5, required=True, metadata={"example": "09:00"})
    end = Text(
        5,
        required=True,
        metadata={"description": "Before start: of the next day.", "example": "17:00"},
    )

    @post_load
    def make(self, data: dict[str, Any], **kwargs: Any) -> Weekly:
        """The domain's."""
        return Weekly(**{**data, "days": tuple(data["days"])})


def _mode(**options: Any) -> Choice:
    return Choice(
        get_args(Mode),
        metadata={
            "description": "exclude: no occurrence runs in its times; include: none runs elsewhere."
        },
        **options,
    )


class Described(Schema):
    """What listings show of a calendar, too."""

    name = fields.String(dump_only=True)
    mode = _mode(load_default="exclude")
    timezone = Text(64, load_default="UTC", metadata={"description": "A name of IANA's."})
    description = Text(500, load_default="")
    revision = fields.Integer(dump_only=True)
    updated_at = Moment(dump_only=True)

    @pre_dump
    def shown(self, stored: StoredCalendar, **kwargs: Any) -> dict[str, Any]:
        """It in one, without what an entry does not say."""
        calendar = stored.calendar
        return {
            **msgspec.structs.asdict(calendar),
            "entries": msgspec.to_builtins(calendar.entries),
            "counts": {"entries": len(calendar.entries), "weekly": len(calendar.weekly)},
            "name": stored.name,
            "revision": stored.revision,
            "updated_at": stored.updated_at,
        }


class CalendarSchema(Described):
    """A calendar."""

    entries = fields.List(fields.Nested(EntrySchema), load_default=())
    weekly = fields.List(fields.Nested(WeeklySchema), load_default=())

    @post_load
    def make(self, data: dict[str, Any], **kwargs: Any) -> Calendar:
        """The domain's, which is checked when it is put."""
        lists = {name: tuple(data[name]) for name in ("entries", "weekly")}
        return Calendar(**{**data, **lists})


class CalendarCounts(Schema):
    """How much is in it."""

    entries = fields.Integer()
    weekly = fields.Integer()


class CalendarItem(Described):
    """A calendar in a listing, without its times."""

    counts = fields.Nested(CalendarCounts)


class CalendarPage(Schema):
    """All calendars, by name."""

    items = fields.List(fields.Nested(CalendarItem))
    next = fields.String(allow_none=True)


class FileQuery(Schema):
    """What an iCalendar file cannot say."""

    mode = _mode()
    timezone = Text(
        64,
        metadata={
            "description": "Of days, and of times without a zone; else X-WR-TIMEZONE, else UTC."
        },
    )


_FILE_QUERY = FileQuery()


class CalendarParser(Parser):
    """Takes an iCalendar file as the JSON that it amounts to."""

    MAX_BYTES = bodies.MAX_CALENDAR_BYTES
    TYPES = ("application/json", ICS)

    def load_json(self, req: Request, schema: Any) -> Any:
        """The body's object, or that of the file that it is."""
        query = self.parse(_FILE_QUERY, req, location="query")
        if req.mimetype == ICS:
            year = datetime.fromtimestamp(dispatch.store.now() / 1000, timezone.utc).year
            mode, zone = query.get("mode", "exclude"), query.get("timezone")
            return msgspec.to_builtins(ics.read(self.body_of(req), year, mode=mode, zone=zone))
        if query:
            raise InvalidInput(dict.fromkeys(query, f"Is for {ICS}; JSON says it in the body."))
        return super().load_json(req, schema)
