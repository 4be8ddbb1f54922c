"""Tasks planned anew where a calendar has changed, or the rules by which all are planned: the zone
data, or the program.

What is due already stays as it was planned; what lies ahead is looked for from now on.
"""

from __future__ import annotations

from functools import cache

from celery.utils.log import get_logger

from dispatch_app.domain.errors import DispatchError, StoreUnavailable
from dispatch_app.domain.schedule import zones
from dispatch_app.operations import Platform
from dispatch_app.operations.timelines import Calendars, calendars_of, timeline_of
from dispatch_app.store.agenda import DueMember
from dispatch_app.store.codec import decode_task
from dispatch_app.store.replans import Anew, Planned

logger = get_logger(__name__)

#: How the members begin that say so: a calendar, the rules.
REPLANS = ("c:", "z:")


def replan(dispatch: Platform, member: DueMember, now: int) -> int:
    """The next piece of what a change concerns; 0: somebody was faster."""
    calendars = cache(calendars_of(dispatch))
    cursor, planned = dispatch.store.replans.piece(member.member)
    anew = [found for task in planned if (found := _anew(task, now, calendars))]
    for task in anew if member.member == "z:" else ():
        # nobody has asked for it, as one does who changes a calendar
        if task.next is not None:
            logger.warning("Task %s: its next moment is another one: %s", task.id, _moved(task))
    return dispatch.store.replans.commit(member, cursor, anew)


def _anew(planned: Planned, now: int, calendars: Calendars) -> Anew | None:
    """The new moment of a task; None: it stays as it is."""
    try:
        return _next(planned, now, calendars)
    except StoreUnavailable:
        raise
    except (DispatchError, ValueError) as error:
        note = f"It cannot be planned: {error}"
        logger.error("Task %s is paused. %s", planned.id, note)
        return Anew(id=planned.id, rev=planned.revision, was=planned.next, park=note)


def _next(planned: Planned, now: int, calendars: Calendars) -> Anew | None:
    timeline = timeline_of(decode_task(planned.definition), planned.id, calendars)
    occurrence = int(planned.occurrence or planned.next)
    if timeline is None or occurrence <= now:
        return None
    done = timeline.fitted(tuple(int(text) for text in planned.done.split(",")))
    moment = timeline.next_after(now, done)
    if moment is None:
        raise DispatchError("no occurrence lies ahead; look at its end_time and calendars.")
    due = timeline.due_at(moment)
    if str(due) == planned.next:
        return None
    return Anew(
        id=planned.id,
        rev=planned.revision,
        was=planned.next,
        next=due,
        occurrence=None if due == moment else moment,
    )


def _moved(task: Anew) -> str:
    """The moment before and after, in words."""
    before, after = (zones.in_words("UTC", at) for at in (int(task.was), task.next or 0))
    return f"{after}, not {before}"
