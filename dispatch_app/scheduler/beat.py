"""DispatchScheduler: what `celery beat` calls over and over.

A tick reads what is due, plans, renders and commits, and then sleeps until the next moment. Any
number of beats may do so at once: of two that read the same moment, one commits and the other
finds that somebody was faster.
"""

from __future__ import annotations

import os
import socket
import time
from importlib.metadata import version
from typing import Any

from celery.beat import Scheduler
from celery.utils.log import get_logger

from dispatch_app.domain.errors import ConfigError, StoreUnavailable
from dispatch_app.domain.schedule import zones
from dispatch_app.operations import Platform
from dispatch_app.scheduler import static
from dispatch_app.scheduler.auditor import Auditor
from dispatch_app.scheduler.clock import ServerClock
from dispatch_app.scheduler.company import Company
from dispatch_app.scheduler.dispatching import advance, known
from dispatch_app.scheduler.recovery import reap
from dispatch_app.scheduler.wakeup import WakeUp
from dispatch_app.store.agenda import Due

logger = get_logger(__name__)

#: What the moments of tasks follow from, apart from what they say: another zone data or another
#: program may mean other ones.
RULES = f"zones {zones.VERSION}, dispatch {version('celery-dispatch')}"
#: Seconds before the next look, where another scheduler was faster.
_AFTER_LOSING = 0.02
#: The longest sleep while something is due that this program does not know: nobody is woken then
#: by what is due earlier than all else.
_BESIDE_STRANGERS = 0.25


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
        self._auditor = Auditor(app.dispatch)
        self._company = Company()
        self._clock = ServerClock(3 * app.dispatch.config.scheduler.heartbeat_interval)
        self._last_beat = self._last_reap = -1e9
        self._is_interrupted = False
        super().__init__(app, *args, **kwargs)

    def setup_schedule(self) -> None:
        """Say what is wrong with Redis, and store the entries of the app's own `beat_schedule`."""
        while True:
            self.app.dispatch.await_store(logger.warning)
            try:
                with self.dispatch.store.whole():
                    self.dispatch.store.replans.note_rules(RULES)
                    return static.sync(self.app)
            except StoreUnavailable as error:
                logger.error("%s Trying again.", error)

    def tick(self, *_: Any, **__: Any) -> float:
        """One look at the agenda, and the sleep after it.

        Returns:
            Seconds that the caller is to sleep: 0, or a pause where Redis is away.
        """
        try:
            with self.dispatch.store.whole():
                if self._is_interrupted and (misfits := self.dispatch.store.misfits()):
                    # each try might leave something half written
                    raise StoreUnavailable(" ".join(misfits))
                self._look()
                self._is_interrupted = False
        except StoreUnavailable as error:
            self._is_interrupted = True
            self._clock.interrupted()
            logger.error("%s Trying again in a second.", error)
            return 1.0
        return 0.0

    def _look(self) -> None:
        self._beat()
        # before the look: a newcomer between look and sleep ends the sleep
        self._wakeup.listen()
        started = time.monotonic()
        due = self.dispatch.store.agenda.due(part=self._company.part)
        self._clock.read(due.now, asked=started)
        advanced = advance(self.dispatch, due)
        self._company.saw(known(due), advanced)
        self._reap()
        self._auditor.look()
        self._wakeup.sleep(self._pause(due, advanced) - (time.monotonic() - started))

    def close(self) -> None:
        """Say goodbye and give back the connections."""
        self._wakeup.close()
        try:
            with self.dispatch.store.whole():
                self.dispatch.store.workers.leave("scheduler", self.name)
        except StoreUnavailable:
            logger.info("Redis is away: this scheduler will be missed soon enough")

    @property
    def info(self) -> str:
        """What beat's banner shows."""
        return "    . agenda -> Redis"

    def _pause(self, due: Due, advanced: int) -> float:
        """Seconds until the next look, counted from when `due` was read."""
        if known(due):
            # what follows from them is on the agenda by now; `due.next` does not know of it
            return 0.0 if advanced else _AFTER_LOSING
        config = self.dispatch.config
        # awake for its own heartbeat, and for leases that lapse (I4)
        longest = min(config.worker.poll_interval, config.scheduler.heartbeat_interval) / 1000
        if due.others:
            longest = min(longest, _BESIDE_STRANGERS)
        if due.next is None:
            return longest
        return min(longest, (due.next - due.now) / 1000 + self._company.delay)

    def _beat(self) -> None:
        interval = self.dispatch.config.scheduler.heartbeat_interval
        if time.monotonic() - self._last_beat >= interval / 1000:
            self._last_beat = time.monotonic()
            info = {"pid": os.getpid(), "host": socket.gethostname()}
            self.dispatch.store.workers.beat("scheduler", self.name, info, ttl=3 * interval)
            # where nothing fails any more, nobody else looks how old they are
            self.dispatch.store.dead_letters.trim()

    def _reap(self) -> None:
        if time.monotonic() - self._last_reap >= 1.0:
            self._last_reap = time.monotonic()
            reap(self.dispatch, self._clock)
