"""Due occurrences and policies to a plan: which of them run, and the moment after them.

Next time = f(last scheduled time), never f(now): so a late, restarted or doubled scheduler plans
exactly what a punctual one would.
"""

from __future__ import annotations

import msgspec

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule import Once, latest_until, settle
from dispatch_app.domain.task import Task

#: Occurrences of one task that one plan dispatches under `run_all`; the rest stays due and follows
#: in the next plan, so that one task's backlog cannot starve the others.
MOST_AT_ONCE = 100


class Plan(msgspec.Struct, frozen=True):
    """The occurrences to dispatch, oldest first, and the next one (None: that was the last)."""

    occurrences: tuple[int, ...]
    next: int | None


def settled(task: Task, task_id: str, now: int, before: Task | None = None) -> Task:
    """The task with its schedule as it is stored; see `schedule.settle`."""
    if task.schedule is None:
        return task
    old = before.schedule if before else None
    return msgspec.structs.replace(task, schedule=settle(task.schedule, task_id, now, old))


def first_moment(task: Task, now: int) -> int | None:
    """When a task that is created (or gets a new schedule) at `now` is due first, ms.

    Returns:
        None if it runs at once: without a schedule, or one-time in the past.

    Raises:
        InvalidInput: no occurrence lies ahead.
    """
    schedule = task.schedule
    if schedule is None:
        return None
    if isinstance(schedule, Once):
        return schedule.moment if schedule.moment > now else None
    moment = schedule.next_after(now)
    if moment is None:
        raise InvalidInput({"schedule": "No occurrence of it lies ahead; look at its end_time."})
    return moment


def plan(task: Task, due: int, done: int, now: int, most: int = MOST_AT_ONCE) -> Plan:
    """What becomes of a task whose occurrence `due` has come.

    Args:
        due: the occurrence on the agenda, ms; not after `now`.
        done: occurrences dispatched before.
        now: the server's clock, ms.
        most: occurrences to dispatch at once under `run_all`.
    """
    schedule = task.schedule
    if schedule is None or isinstance(schedule, Once):
        return Plan((due,), None)
    left = most if schedule.max_runs is None else min(most, schedule.max_runs - done)
    if left <= 0:
        return Plan((), None)
    if task.misfire.policy == "run_last":
        occurrences = [latest_until(schedule, due, now)]
    else:
        occurrences = [due]
        while len(occurrences) < left:
            moment = schedule.next_after(occurrences[-1])
            if moment is None or moment > now:
                break
            occurrences.append(moment)
    ended = schedule.max_runs is not None and done + len(occurrences) >= schedule.max_runs
    return Plan(tuple(occurrences), None if ended else schedule.next_after(occurrences[-1]))


def window(task: Task, start: int, end: int, most: int) -> list[int]:
    """The occurrences of a task's schedule from `start` to `end`, both inclusive, ms.

    Raises:
        InvalidInput: no schedule, none in the window, or more than `most`.
    """
    schedule = task.schedule
    if schedule is None or isinstance(schedule, Once):
        raise InvalidInput({"schedule": "Only a task with a cron or interval schedule has these."})
    if end < start:
        raise InvalidInput({"end": "The window ends before it begins."})
    occurrences: list[int] = []
    moment = schedule.next_after(start - 1)
    while moment is not None and moment <= end:
        if len(occurrences) == most:
            raise InvalidInput({"end": f"More than {most} occurrences; choose a shorter window."})
        occurrences.append(moment)
        moment = schedule.next_after(moment)
    if not occurrences:
        raise InvalidInput({"start": "The schedule has no occurrence in this window."})
    return occurrences
