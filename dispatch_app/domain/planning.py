"""Due occurrences and policies to a plan: which of them run, which are skipped, and what follows.

Next time = f(last scheduled time), never f(now): so a late, restarted or doubled scheduler plans
exactly what a punctual one would.
"""

from __future__ import annotations

import msgspec

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule import Once, settle
from dispatch_app.domain.task import Task
from dispatch_app.domain.timeline import Done, Timeline

#: Occurrences of one task that one plan dispatches under `run_all`; the rest stays due and follows
#: in the next plan, so that one task's backlog cannot starve the others.
MOST_AT_ONCE = 100
#: Skipped occurrences that one plan counts one by one.
MOST_COUNTED = 10_000
#: ms; an occurrence that is later than that counts as missed under `skip` (Quartz's threshold).
LATE = 60_000


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """Occurrences that do not run: from the first to the last of them, how many, and why."""

    first: int
    last: int
    count: int
    reason: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a task whose occurrence is due."""

    #: to dispatch, oldest first
    occurrences: tuple[int, ...] = ()
    #: those that do not run, all before the ones that do
    skipped: Skipped | None = None
    #: the next occurrence; None: that was the last
    next: int | None
    #: occurrences of each schedule that are dispatched then
    done: Done


def settled(task: Task, task_id: str, now: int, before: Task | None = None) -> Task:
    """The task with its schedule as it is stored; see `schedule.settle`."""
    if task.schedule is None:
        return task
    old = before.schedule if before else None
    return msgspec.structs.replace(task, schedule=settle(task.schedule, task_id, now, old))


def first_moment(task: Task, timeline: Timeline | None, now: int) -> int | None:
    """The first occurrence of a task that is created (or gets a new schedule) at `now`, ms.

    Args:
        timeline: that of its schedule; None if it has none.

    Returns:
        None if it runs at once: without a schedule, or one-time in the past.

    Raises:
        InvalidInput: no occurrence lies ahead.
    """
    if timeline is None:
        return None
    if isinstance(task.schedule, Once):
        moment = task.schedule.moment
        if not timeline.is_allowed(moment, timeline.nothing_done):
            raise InvalidInput({"schedule.calendars": "They do not allow the moment that it has."})
        return moment if moment > now else None
    first = timeline.next_after(now, timeline.nothing_done)
    if first is None:
        raise InvalidInput(
            {"schedule": "No occurrence of it lies ahead; look at its end_time and calendars."}
        )
    return first


def plan(
    task: Task,
    timeline: Timeline | None,
    due: int,
    done: Done,
    now: int,
    most: int = MOST_AT_ONCE,
) -> Plan:
    """What becomes of a task whose occurrence `due` has come.

    Args:
        timeline: of its schedule; None if it has none.
        due: the occurrence that is planned, ms; its moment (`Timeline.due_at`) has come.
        done: occurrences dispatched before, of each schedule.
        now: the server's clock, ms.
        most: occurrences to dispatch at once under `run_all`.
    """
    if timeline is None:
        return Plan(occurrences=(due,), next=None, done=done)
    if not timeline.is_allowed(due, done):
        # a calendar or a count has changed since it was planned
        return Plan(next=timeline.next_after(due, done), done=done)
    first, skipped = _oldest(task, timeline, due, done, now)
    if first is None:
        last = skipped.last if skipped else due
        return Plan(skipped=skipped, next=timeline.next_after(last, done), done=done)
    if task.misfire_policy == "run_all":
        return _all(timeline, first, done, now, most, skipped)
    return _latest(task, timeline, first, done, now, skipped)


def window(timeline: Timeline, start: int, end: int, most: int) -> list[int]:
    """The occurrences from `start` to `end`, both inclusive, ms; `most` at most, the first ones.
    `max_runs` does not bound them."""
    occurrences: list[int] = []
    moment = timeline.next_after(start - 1, timeline.nothing_done)
    while moment is not None and moment <= end and len(occurrences) < most:
        occurrences.append(moment)
        moment = timeline.next_after(moment, timeline.nothing_done)
    return occurrences


def _is_missed(task: Task, due: int, now: int) -> bool:
    """Whether what was due then is too late to run."""
    bound = task.misfire.catch_up
    if bound is not None and now - due > bound:
        return True
    return task.misfire_policy == "skip" and now - due > LATE


def _oldest(
    task: Task, timeline: Timeline, due: int, done: Done, now: int
) -> tuple[int | None, Skipped | None]:
    """The first occurrence that is not too late to run, if it is due, and those that are."""
    bound = task.misfire.catch_up
    if bound is None or timeline.due_at(due) >= now - bound:
        return due, None
    end = timeline.latest_until(due, now - bound - 1, done)
    first: int | None = end
    if timeline.due_at(end) < now - bound:
        first = timeline.next_after(end, done)
    reason = f"misfire: later than catch_up of {bound / 1000:g} s"
    skipped = _skipped(timeline, due, end if first != end else end - 1, done, reason)
    if first is None or timeline.due_at(first) > now:
        return None, skipped
    return first, skipped


def _all(
    timeline: Timeline, first: int, done: Done, now: int, most: int, skipped: Skipped | None
) -> Plan:
    occurrences: list[int] = []
    moment: int | None = first
    while moment is not None and len(occurrences) < most and timeline.due_at(moment) <= now:
        occurrences.append(moment)
        done = timeline.counted(moment, done)
        moment = timeline.next_after(moment, done)
    return Plan(occurrences=tuple(occurrences), skipped=skipped, next=moment, done=done)


def _latest(
    task: Task, timeline: Timeline, first: int, done: Done, now: int, skipped: Skipped | None
) -> Plan:
    last = _last_due(timeline, first, done, now)
    policy = task.misfire_policy
    if _is_missed(task, timeline.due_at(last), now):
        missed = _skipped(timeline, first, last, done, "misfire: skip", skipped)
        return Plan(skipped=missed, next=timeline.next_after(last, done), done=done)
    if last > first:
        skipped = _skipped(timeline, first, last - 1, done, f"misfire: {policy}", skipped)
    done = timeline.counted(last, done)
    return Plan(
        occurrences=(last,), skipped=skipped, next=timeline.next_after(last, done), done=done
    )


def _last_due(timeline: Timeline, first: int, done: Done, now: int) -> int:
    """The last occurrence whose moment has come; `first` is one."""
    last = timeline.latest_until(first, now, done)
    if last > first and timeline.due_at(last) > now:
        # only of the last one: jitter ends before the next occurrence
        last = timeline.latest_until(first, last - 1, done)
    return last


def _skipped(
    timeline: Timeline,
    first: int,
    end: int,
    done: Done,
    reason: str,
    before: Skipped | None = None,
) -> Skipped:
    """The occurrences from `first` to `end`, after those that were skipped before them."""
    count = timeline.count(first, end, MOST_COUNTED, done)
    last = timeline.latest_until(first, end, done)
    if before is None:
        return Skipped(first=first, last=last, count=count, reason=reason)
    return Skipped(
        first=before.first,
        last=last,
        count=before.count + count,
        reason=f"{before.reason}; {reason}",
    )
