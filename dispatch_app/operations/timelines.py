"""The occurrences of tasks, with the calendars that their schedules name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule import Kind, Several, settle
from dispatch_app.domain.task import Task
from dispatch_app.domain.timeline import Allowing, Timeline
from dispatch_app.operations import Platform

#: Gives the calendars by name; called only where a schedule names one.
Calendars = Callable[[], Mapping[str, Allowing]]

#: Occurrences that calendars leave out, at most, in one preview.
MOST_LEFT_OUT = 100


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a schedule amounts to; moments in ms."""

    #: settled
    schedule: Kind
    #: each occurrence, and when it is dispatched (later, with jitter)
    occurrences: list[tuple[int, int]]
    #: those in between that calendars leave out
    left_out: list[int]

    @property
    def is_jittered(self) -> bool:
        """Whether occurrences may be dispatched later than at their moment."""
        members = (
            self.schedule.schedules if isinstance(self.schedule, Several) else (self.schedule,)
        )
        return any(each.jitter for each in members)


def timeline_of(task: Task, task_id: str, calendars: Calendars) -> Timeline | None:
    """The occurrences of a task; None if it has no schedule.

    Raises:
        InvalidInput: it names a calendar that is not there.
    """
    return _timeline(task.schedule, task_id, calendars) if task.schedule else None


def calendars_of(dispatch: Platform) -> Calendars:
    """The calendars as they are now."""
    return dispatch.store.calendars.known


def preview(dispatch: Platform, schedule: Kind, task_id: str, after: int, count: int) -> Preview:
    """The next occurrences of a schedule that is stored nowhere.

    Args:
        task_id: from which cron's `H` and jitter are hashed.
        after: ms; what counts from a task's creation counts from then.
        count: of occurrences, at most.

    Raises:
        InvalidInput: it names a calendar that is not there.
        StoreUnavailable.
    """
    schedule = settle(schedule, task_id, after)
    timeline = _timeline(schedule, task_id, calendars_of(dispatch))
    found: list[tuple[int, int]] = []
    done = timeline.nothing_done
    moment = timeline.next_after(after, done)
    while moment is not None and len(found) < count:
        found.append((moment, timeline.due_at(moment)))
        done = timeline.counted(moment, done)
        moment = timeline.next_after(moment, done)
    last = found[-1][0] if found else after
    return Preview(
        schedule=schedule,
        occurrences=found,
        left_out=_left_out(schedule, after, last, {at for at, _ in found}),
    )


def _left_out(schedule: Kind, after: int, last: int, found: set[int]) -> list[int]:
    """The occurrences up to `last` that are not among those that calendars let through."""
    left: list[int] = []
    moment = schedule.next_after(after) if schedule.calendars else None
    while moment is not None and moment <= last and len(left) < MOST_LEFT_OUT:
        if moment not in found:
            left.append(moment)
        moment = schedule.next_after(moment)
    return left


def _timeline(schedule: Kind, task_id: str, calendars: Calendars) -> Timeline:
    try:
        return Timeline(schedule, task_id, calendars() if schedule.calendars else None)
    except InvalidInput as error:
        raise error.under("schedule") from error
