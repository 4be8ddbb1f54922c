"""The app's own `beat_schedule` becomes stored tasks, so that its entries run as beat users expect.

An entry keeps its next moment over restarts; one that was taken out of the configuration is purged.
Apps that share an installation leave each other's entries alone: an id has its app's name in it.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from celery import Celery
from celery.beat import ScheduleEntry
from celery.schedules import crontab, maybe_schedule, schedule
from celery.utils.log import get_logger

from dispatch_app.domain.errors import InvalidInput, NotConfirmed, NotFound, StoreUnavailable
from dispatch_app.domain.retry import RetryPolicy
from dispatch_app.domain.schedule import Cron, Interval
from dispatch_app.domain.task import Priority, Task
from dispatch_app.messages import PRIORITY_STEPS
from dispatch_app.operations import tasks as operations

logger = get_logger(__name__)

_NAME = re.compile("[A-Za-z]{4,}")


def sync(app: Celery) -> None:
    """Store the entries of the configuration, and purge those that are no longer in it.

    Raises:
        StoreUnavailable: Redis is away.
    """
    stored: set[str] = set()
    for name, entry in (app.conf.beat_schedule or {}).items():
        try:
            task_id = _task_id(app, name)
            if task_id in stored:
                raise InvalidInput({"name": f"Another entry has the id {task_id!r} already."})
            _store(app, task_id, name, entry)
            stored.add(task_id)
        except StoreUnavailable:
            raise
        except Exception as error:
            # whatever somebody wrote into one entry, the others run
            logger.error("The entry %r of beat_schedule is left out: %s", name, error)
    tasks = app.dispatch.store.tasks
    ours = _task_id(app, "")
    for task_id in {known for known in tasks.static_ids() if known.startswith(ours)} - stored:
        try:
            tasks.purge(task_id)
        except NotFound:
            logger.info("Another beat has purged %s already", task_id)


def _store(app: Celery, task_id: str, name: str, entry: dict[str, Any]) -> None:
    try:
        operations.replace(app.dispatch, task_id, task_of(app, name, entry))
    except NotConfirmed as error:
        # it is stored; no client has to be told so
        logger.warning("%s: %s", task_id, error)
    app.dispatch.store.tasks.mark_static(task_id)


def task_of(app: Celery, name: str, entry: dict[str, Any]) -> Task:
    """The definition that an entry of `beat_schedule` amounts to.

    Raises:
        InvalidInput: it cannot be expressed.
    """
    read = ScheduleEntry(name=name, app=app, **_known(entry))
    if not read.task:
        raise InvalidInput({"task": "It names no task."})
    options = dict(read.options or {})
    defaults = app.dispatch.config.scheduler
    expires = options.get("expires")
    return Task(
        type=read.task,
        name=name,
        description="from beat_schedule",
        priority=_priority(options.get("priority")),
        payload=dict(read.kwargs or {}),
        args=tuple(read.args or ()),
        queue=str(options.get("queue") or ""),
        tags=("beat_schedule",),
        max_retries=defaults.max_retries,
        timeout=defaults.default_timeout,
        retry=RetryPolicy(delay=defaults.retry_backoff),
        expires=None if expires is None else int(_seconds(expires) * 1000),
        schedule=schedule_of(app, read.schedule),
    )


def schedule_of(app: Celery, given: Any) -> Cron | Interval:
    """Celery's schedule as ours.

    Raises:
        InvalidInput: a solar or a custom one, or a crontab whose meaning cron cannot say.
    """
    found = maybe_schedule(given, app=app)
    if isinstance(found, crontab):
        return Cron(cron=_expression(found), timezone=str(found.tz))
    if type(found) is schedule:
        return Interval(every=int(found.run_every.total_seconds() * 1000))
    raise InvalidInput({"schedule": f"{type(found).__name__} is not crontab, seconds or timedelta"})


def _expression(found: crontab) -> str:
    fields = [
        _field(found._orig_minute),
        _field(found._orig_hour),
        _field(found._orig_day_of_month),
        _field(found._orig_month_of_year),
        _field(found._orig_day_of_week),
    ]
    if not fields[2].startswith("*") and not fields[4].startswith("*"):
        # Celery wants both to match, cron either (crontab(5))
        raise InvalidInput(
            {"schedule": "day_of_month and day_of_week together mean AND to Celery, OR to cron"}
        )
    return " ".join(fields)


def _field(value: Any) -> str:
    if isinstance(value, (set, frozenset, list, tuple)):
        return ",".join(str(item) for item in sorted(value))
    # Celery takes names of any length, cron those of three letters
    return _NAME.sub(lambda name: name[0][:3], str(value).replace(" ", ""))


def _known(entry: dict[str, Any]) -> dict[str, Any]:
    names = ("task", "schedule", "args", "kwargs", "options")
    return {name: entry[name] for name in names if name in entry}


def _priority(step: int | None) -> Priority:
    """Our word for the step that kombu would choose: the highest that is not above the number."""
    if step is None:
        return "normal"
    words: list[Priority] = [word for word, at in PRIORITY_STEPS.items() if at <= step]  # type: ignore[misc]
    return words[-1]


def _seconds(expires: Any) -> float:
    return expires.total_seconds() if isinstance(expires, timedelta) else float(expires)


def _task_id(app: Celery, name: str) -> str:
    owner, what = (re.sub(r"[^A-Za-z0-9._-]", "-", part) for part in (app.main or "app", name))
    return f"beat:{owner[:40]}:{what[:80]}"
