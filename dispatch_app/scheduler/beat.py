"""DispatchScheduler: what `celery beat` calls over and over.

A tick reads what is due, plans, renders and commits, and then sleeps until the next moment. Any
number of beats may do so at once: of two that read the same moment, one commits and the other
finds that somebody was faster.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from typing import Any

import msgspec
from celery.beat import Scheduler
from celery.utils.log import get_logger
from redis import ResponseError

from dispatch_app.domain.errors import (
    ConfigError,
    Conflict,
    CorruptRecord,
    DispatchError,
    NotFound,
    StoreUnavailable,
)
from dispatch_app.domain.planning import plan
from dispatch_app.domain.task import Task
from dispatch_app.operations import Platform
from dispatch_app.operations.tasks import make_run
from dispatch_app.scheduler import static
from dispatch_app.scheduler.clock import ServerClock
from dispatch_app.scheduler.recovery import reap
from dispatch_app.scheduler.wakeup import WakeUp
from dispatch_app.store.agenda import (
    BATCH,
    NO_ATTEMPT,
    Advance,
    Due,
    DueRun,
    DueTask,
    NextAttempt,
)
from dispatch_app.store.codec import decode_task

logger = get_logger(__name__)

#: Seconds before the next look, where another scheduler was faster.
_AFTER_LOSING = 0.02


class DispatchScheduler(Scheduler):
    """The agenda in Redis instead of a schedule in memory and a file.

    Args:
        app: a Celery app on which `Dispatch(app)` was called.

    Raises:
        ConfigError: it was not.
    """

    def __init__(self, app: Any, *args: Any, **kwargs: Any) -> None:
        if not hasattr(app, "dispatch"):
            raise ConfigError("Call dispatch_app.Dispatch(app) on this Celery app first.")
        self.dispatch: Platform = app.dispatch
        self.name = f"beat@{socket.gethostname()}/{os.getpid()}"
        self._wakeup = WakeUp(app.dispatch.opened())
        self._clock = ServerClock(3 * app.dispatch.config.scheduler.heartbeat_interval)
        self._last_beat = self._last_reap = -1e9
        super().__init__(app, *args, **kwargs)

    def setup_schedule(self) -> None:
        """Say what is wrong with Redis, and store the entries of the app's own `beat_schedule`."""
        while True:
            self.app.dispatch.await_store(logger.warning)
            try:
                return static.sync(self.app)
            except StoreUnavailable as error:
                logger.error("%s Trying again.", error)

    def tick(self, *_: Any, **__: Any) -> float:
        """One look at the agenda, and the sleep after it.

        Returns:
            Seconds that the caller is to sleep: 0, or a pause where Redis is away.
        """
        try:
            self._beat()
            # before the look: a newcomer between look and sleep ends the sleep
            self._wakeup.listen()
            started = time.monotonic()
            due = self.dispatch.store.agenda.due()
            self._clock.read(due.now, asked=started)
            advanced = advance(self.dispatch, due)
            self._reap()
            self._wakeup.sleep(self._pause(due, advanced) - (time.monotonic() - started))
        except StoreUnavailable as error:
            self._clock.interrupted()
            logger.error("%s Trying again in a second.", error)
            return 1.0
        return 0.0

    def close(self) -> None:
        """Say goodbye and give back the connections."""
        self._wakeup.close()
        try:
            self.dispatch.store.workers.leave("scheduler", self.name)
        except StoreUnavailable:
            logger.info("Redis is away: this scheduler will be missed soon enough")

    @property
    def info(self) -> str:
        """What beat's banner shows."""
        return "    . agenda -> Redis"

    def _pause(self, due: Due, advanced: int) -> float:
        """Seconds until the next look, counted from when `due` was read."""
        if due.tasks or due.runs:
            # what follows from them is on the agenda by now; `due.next` does not know of it
            return 0.0 if advanced else _AFTER_LOSING
        config = self.dispatch.config
        # awake for its own heartbeat, and for leases that lapse (I4)
        longest = min(config.worker.poll_interval, config.scheduler.heartbeat_interval) / 1000
        return longest if due.next is None else min(longest, (due.next - due.now) / 1000)

    def _beat(self) -> None:
        interval = self.dispatch.config.scheduler.heartbeat_interval
        if time.monotonic() - self._last_beat >= interval / 1000:
            self._last_beat = time.monotonic()
            info = {"pid": os.getpid(), "host": socket.gethostname()}
            self.dispatch.store.workers.beat("scheduler", self.name, info, ttl=3 * interval)

    def _reap(self) -> None:
        if time.monotonic() - self._last_reap >= 1.0:
            self._last_reap = time.monotonic()
            reap(self.dispatch, self._clock)


def advance(dispatch: Platform, due: Due) -> int:
    """Dispatch what is due: plan, render, commit; returns how many members moved on.

    What cannot be planned is parked with its error and stops nothing else.
    """
    entries: list[Advance | NextAttempt] = [
        *(_advance(dispatch, task, due.now) for task in due.tasks),
        *(_next_attempt(dispatch, run) for run in due.runs),
    ]
    advanced = 0
    for chunk in _chunks(entries):
        advanced += _commit(dispatch, chunk)
    return advanced


def _commit(dispatch: Platform, entries: list[Advance | NextAttempt]) -> int:
    """Commit; where the script stumbles over a record, find out over which, and park that one."""
    try:
        return dispatch.store.agenda.commit(entries)
    except ResponseError as error:
        if len(entries) > 1:
            return sum(_commit(dispatch, [entry]) for entry in entries)
        logger.error("%s is taken off the agenda: %s", entries[0].member, error)
        return dispatch.store.agenda.commit([_parked(entries[0], error)])


def _parked(entry: Advance | NextAttempt, error: Exception) -> Advance | NextAttempt:
    if isinstance(entry, Advance):
        return msgspec.structs.replace(entry, runs=[], park=f"Its record is damaged: {error}")
    return msgspec.structs.replace(entry, attempt=NO_ATTEMPT)


def _chunks(entries: list[Advance | NextAttempt]) -> list[list[Advance | NextAttempt]]:
    """Batches of at most BATCH runs in all: under `run_all` one entry may make a hundred."""
    chunks: list[list[Advance | NextAttempt]] = []
    size = BATCH
    for entry in entries:
        weight = max(1, len(entry.runs)) if isinstance(entry, Advance) else 1
        if size + weight > BATCH:
            chunks.append([])
            size = 0
        chunks[-1].append(entry)
        size += weight
    return chunks


def _advance(dispatch: Platform, due: DueTask, now: int) -> Advance:
    revision = due.revision or ""
    try:
        task: Task = _readable(due)
        steps = plan(task, due.due, due.occurrences, now)
        runs = [make_run(dispatch, task, moment, "schedule") for moment in steps.occurrences]
    except Exception as error:
        if not isinstance(error, DispatchError):
            logger.exception("Task %s cannot be planned", due.id)
        note = f"It cannot be planned: {error}"
        logger.error("Task %s is paused. %s", due.id, note)
        return Advance(member=due.member, due=due.due, rev=revision, type="", runs=[], park=note)
    return Advance(
        member=due.member, due=due.due, rev=revision, type=task.type, runs=runs, next=steps.next
    )


def _next_attempt(dispatch: Platform, due: DueRun) -> NextAttempt:
    attempt = due.attempt if due.status == "queued" else due.attempt + 1
    try:
        task = _readable(due)
        queue, message = dispatch.messages.render(due.id, attempt, due.failures, task)
    except Exception as error:
        logger.error("Run %s is cancelled: its next attempt cannot be sent: %s", due.id, error)
        with suppress(NotFound, Conflict):
            dispatch.store.runs.cancel(due.id, f"its next attempt could not be sent: {error}")
        queue, message, attempt = "", "", NO_ATTEMPT
    return NextAttempt(
        member=due.member, due=due.due, queue=queue, message=message, attempt=attempt
    )


def _readable(due: DueTask | DueRun) -> Task:
    if due.fault:
        raise CorruptRecord(due.fault)
    return decode_task(due.definition)
