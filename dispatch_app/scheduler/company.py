"""The company of other schedulers, which need not know of each other, but get no further where all
of them plan the same: of what several have planned, one commits.

So whoever finds that others were faster keeps behind them: it looks at the agenda a little later
than the moment, when they are through, and at another part of what is due if that is much. This is
no order of rank and holds nobody up: whatever one that is behind finds due, it does.
"""

from __future__ import annotations

from dispatch_app.ids import chance
from dispatch_app.store.agenda import BATCH

#: The first so many batches of what is due are what one that is behind chooses from; the oldest
#: are among them, in case that nobody is ahead any more.
_PARTS = 8
#: Seconds by which it looks later, up to twice as many.
_DELAY = 0.02


class Company:
    """Whether other schedulers are faster than this one."""

    def __init__(self) -> None:
        self.is_behind = False

    @property
    def part(self) -> int:
        """At which batch of what is due to look, from 0."""
        return int(chance() * _PARTS) if self.is_behind else 0

    @property
    def delay(self) -> float:
        """Seconds after the moment at which to look."""
        return _DELAY * (1 + chance()) if self.is_behind else 0.0

    def saw(self, due: int, advanced: int) -> None:
        """Note how much was due at a look, and how much of that was left to this scheduler."""
        if 2 * advanced < due:
            self.is_behind = True
        elif 0 < due < BATCH:
            # there was no more, and it was this one's
            self.is_behind = False
