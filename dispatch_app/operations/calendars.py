"""Put and drop a calendar."""

from __future__ import annotations

from dispatch_app.domain.calendar import Calendar
from dispatch_app.operations import Platform
from dispatch_app.store.calendars import StoredCalendar


def put(
    dispatch: Platform, name: str, calendar: Calendar, revision: int | None = None
) -> tuple[StoredCalendar, bool]:
    """Store a calendar under its name, whole; True with it if it is new. The same again changes
    nothing; another one has the tasks that name it planned anew.

    Args:
        revision: of the calendar as the caller knows it; None: whatever it is.

    Raises:
        InvalidInput, RevisionMismatch, StoreUnavailable.
    """
    calendar.check()
    return dispatch.store.calendars.put(name, calendar, revision)


def drop(dispatch: Platform, name: str, revision: int | None = None) -> None:
    """Remove a calendar that no task names.

    Args:
        revision: of the calendar as the caller knows it; None: whatever it is.

    Raises:
        NotFound, Conflict (tasks name it), RevisionMismatch, StoreUnavailable.
    """
    dispatch.store.calendars.drop(name, revision)
