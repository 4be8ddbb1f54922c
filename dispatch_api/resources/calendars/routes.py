"""Calendars: list, read, put (as JSON or as an iCalendar file), drop."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from dispatch_api import bodies
from dispatch_api.resources.calendars.schemas import (
    EXAMPLE,
    ICS,
    CalendarPage,
    CalendarParser,
    CalendarSchema,
    FileQuery,
)
from dispatch_api.smorest import (
    TAG,
    Blueprint,
    Conditions,
    dispatch,
    etag_of,
    wanted_revision,
)
from dispatch_app.domain.calendar import Calendar
from dispatch_app.operations import calendars
from dispatch_app.store.calendars import StoredCalendar
from dispatch_app.store.pages import Page

Tagged = tuple[StoredCalendar, dict[str, str]]

blp = Blueprint(
    "calendars",
    __name__,
    url_prefix="/calendars",
    description="Times that leave occurrences out, or allow nothing else.",
)
blp.ARGUMENTS_PARSER = CalendarParser()


@blp.before_request
def _take_more() -> None:
    request.max_content_length = bodies.MAX_CALENDAR_BYTES + 1


@blp.get("")
@blp.response(200, CalendarPage)
def list_calendars() -> Page[StoredCalendar]:
    """List the calendars, without their times."""
    return Page(dispatch.store.calendars.list(), None)


@blp.get("/<name>")
@blp.response(200, CalendarSchema, headers=TAG)
@blp.problems(404)
def get_calendar(name: str) -> Tagged:
    """Read a calendar."""
    stored = dispatch.store.calendars.get(name)
    return stored, etag_of(stored.revision)


@blp.put("/<name>")
@blp.doc(requestBody={"content": {ICS: {"schema": {"type": "string"}}}})
@blp.arguments(Conditions, location="headers")
@blp.arguments(FileQuery, location="query")
@blp.arguments(CalendarSchema, example=EXAMPLE)
@blp.response(200, CalendarSchema, headers=TAG)
@blp.alt_response(201, schema=CalendarSchema, headers=TAG, success=True)
@blp.problems(412)
def put_calendar(
    headers: dict[str, Any], query: dict[str, Any], calendar: Calendar, name: str
) -> Any:
    """Create a calendar, or replace it whole.

    The tasks that name it are planned anew; the same again changes nothing. A body of text/calendar
    is an iCalendar file (.ics): its events become entries, from the beginning of this year on;
    those that recur do so for ten years.
    """
    stored, created = calendars.put(dispatch, name, calendar, _wanted(headers, name))
    return stored, 201 if created else 200, etag_of(stored.revision)


@blp.delete("/<name>")
@blp.arguments(Conditions, location="headers")
@blp.response(204)
@blp.problems(404, 409, 412)
def drop_calendar(headers: dict[str, Any], name: str) -> Response:
    """Remove a calendar that no task names."""
    calendars.drop(dispatch, name, _wanted(headers, name))
    return Response(status=204)


def _wanted(headers: dict[str, Any], name: str) -> int | None:
    def current() -> int:
        return dispatch.store.calendars.get(name).revision

    return wanted_revision(headers.get("if_match"), current)
