"""The auditor: looks through all books, a slice now and then, and mends what is out of step."""

from __future__ import annotations

import time

from celery.utils.log import get_logger

from dispatch_app.operations import Platform
from dispatch_app.operations.audit import a_slice
from dispatch_app.store.audits import WALKS, Findings

logger = get_logger(__name__)

#: ms from the start of a scheduler to its first slice, which is not to hold up what is due; from
#: one slice of a walk to the next; and from its end to the next walk.
_FIRST, _PACE, _REST = 1_000, 1_000, 30_000
#: Lines that one slice may log.
_LINES = 20


class Auditor:
    """Carries on the walks, which all schedulers of an installation share."""

    def __init__(self, dispatch: Platform) -> None:
        self._dispatch = dispatch
        #: when to ask for the next slice of each walk, by this host's monotonic clock, s
        self._due = dict.fromkeys(WALKS, time.monotonic() + _FIRST / 1000)

    def look(self) -> int:
        """The slices that it is time for; returns how much was out of step.

        Raises:
            StoreUnavailable: Redis is away.
        """
        found = 0
        for walk, due in self._due.items():
            if time.monotonic() >= due:
                wait, findings = self._slice(walk)
                self._due[walk] = time.monotonic() + wait / 1000
                _log(findings)
                found += len(findings)
        return found

    def _slice(self, walk: str) -> tuple[int, Findings]:
        """ms until the next one, and what was out of step."""
        audits = self._dispatch.store.audits
        wait, was = audits.claim(walk)
        if wait:
            return min(wait, _REST), []
        cursor, found = a_slice(self._dispatch, walk, was)
        wait = _PACE if cursor else self._rest(walk)
        audits.note(walk, was, cursor, wait=wait, found=found)
        return wait, found

    def _rest(self, walk: str) -> int:
        """ms from the end of a walk to the next one."""
        if walk == "all":
            return _REST
        return min(_REST, self._dispatch.config.scheduler.redeliver_after)


def _log(found: Findings) -> None:
    for finding in found[:_LINES]:
        done = "" if finding.kind == "damaged" else " It is mended."
        logger.warning("Audit: %s.%s", finding, done)
    if len(found) > _LINES:
        logger.warning("Audit: and %s more", len(found) - _LINES)
