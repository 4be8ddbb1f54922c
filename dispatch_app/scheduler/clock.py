"""Whether the server's clock runs as time does.

The server's clock decides what is due: its host's may be wrong, but there is only one. When it
jumps, because somebody set it or because Redis failed over to another host, moments that lie ahead
stay where they are: a jump forward makes them due, and misfire decides; a jump back makes them
wait, and what has run does not run again. Leases are another matter: after a jump forward they look
lapsed although their workers live. So they are judged only by a clock that was watched for as long
as one lives: in that time every worker that lives has renewed its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from celery.utils.log import get_logger

logger = get_logger(__name__)

#: ms by which the two clocks may part between two looks
TOLERANCE = 1_000


class ServerClock:
    """Compares the server's clock with this host's monotonic one, look by look.

    Args:
        lease: ms that a lease lives.
        here: this host's monotonic clock, s.
    """

    def __init__(self, lease: int, here: Callable[[], float] = time.monotonic) -> None:
        self._lease, self.here = lease / 1000, here
        #: what the server said, ms, and between which two moments here it said so
        self._last: tuple[int, float, float] | None = None
        self._watched_since = here()

    @property
    def tells_lapsed_leases(self) -> bool:
        """Whether a lease that looks lapsed is so."""
        return self.here() - self._watched_since >= self._lease

    def read(self, now: int, asked: float) -> None:
        """Note what the server's clock says; a jump is logged.

        Args:
            now: the server's answer, ms.
            asked: when it was asked, by `here`.
        """
        answered = self.here()
        jump = self._jump(now, asked, answered)
        if abs(jump) > TOLERANCE:
            _log(jump)
        if abs(jump) > TOLERANCE or self._was_away(asked):
            self.interrupted()
        self._last = now, asked, answered

    def interrupted(self) -> None:
        """Redis was away, and no worker could renew a lease."""
        self._watched_since = self.here()

    def _jump(self, now: int, asked: float, answered: float) -> float:
        """ms by which the server's clock went more (or less) far than time since the last look;
        what the two answers may have been under way is no jump."""
        if self._last is None:
            return 0
        then, asked_then, answered_then = self._last
        most, least = (answered - asked_then) * 1000, (asked - answered_then) * 1000
        return max(now - then - most, 0) + min(now - then - least, 0)

    def _was_away(self, asked: float) -> bool:
        """Whether this process stood still for so long that its host may have, workers and all."""
        return self._last is not None and asked - self._last[2] > self._lease


def _log(jump: float) -> None:
    what = (
        "what has become due runs as its misfire policy says"
        if jump > 0
        else "what has run does not run again, what lies ahead waits until then"
    )
    logger.warning("The clock of Redis has jumped by %+.1f s: %s.", jump / 1000, what)
