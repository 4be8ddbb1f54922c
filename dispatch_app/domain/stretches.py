"""Stretches of time, single ones and such as come round every week: which moments they hold.

A stretch is a pair of its start and its end, which is not in it. Whatever is asked is found by
halving: no list is walked through.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from dispatch_app.domain.schedule import zones

DAY = 86_400_000
WEEK = 7 * DAY
#: 1970 began on a Thursday.
_FIRST_MONDAY = 4 * DAY

Stretch = tuple[int, int]


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Stretches in order, with those that overlap or touch made one."""
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


class Week:
    """What comes round every week on the wall clock of a zone.

    Args:
        windows: merged, ms since Monday 00:00 on the clock.
    """

    def __init__(self, zone: str, windows: Sequence[Stretch]) -> None:
        self._zone = zone
        self._edges = [edge for window in windows for edge in window]
        self._is_whole = self._edges == [0, WEEK]

    def next(self, moment: int, *, held: bool) -> int | None:
        """The first moment not before `moment` that is (or is not) in a window; None: none is."""
        if not self._edges or self._is_whole:
            return moment if held is self._is_whole else None
        while moment < zones.LAST:
            inside, until = self._look(moment)
            if inside is held:
                return moment
            moment = until
        return None

    def _look(self, moment: int) -> tuple[bool, int]:
        """Whether a moment is in a window, and until when that is sure."""
        segment = next(zones.segments(self._zone, zones.to_datetime(moment)))
        offset = round(segment.offset.total_seconds() * 1000)
        place = (moment + offset - _FIRST_MONDAY) % WEEK
        at = bisect_right(self._edges, place)
        edge = self._edges[at] if at < len(self._edges) else WEEK
        # edges are starts and ends in turn
        return at % 2 == 1, min(moment + edge - place, zones.to_moment(segment.end))


class Times:
    """Single stretches and weekly windows together.

    Args:
        singles: merged, ms.
    """

    def __init__(self, singles: Sequence[Stretch], week: Week) -> None:
        self._starts = [start for start, _ in singles]
        self._ends = [end for _, end in singles]
        self._week = week
        self._after = self._all_after()

    def hold(self, moment: int) -> bool:
        """Whether a moment is in any of them."""
        return self._held_by(moment) is not None or self._week.next(moment, held=True) == moment

    def next(self, moment: int, *, held: bool) -> int | None:
        """The first moment not before `moment` that is (or is not) in any of them; None: none."""
        return self._next_held(moment) if held else self._next_free(moment)

    def _held_by(self, moment: int) -> int | None:
        """Which single stretch holds a moment."""
        at = bisect_right(self._starts, moment) - 1
        return at if at >= 0 and moment < self._ends[at] else None

    def _next_held(self, moment: int) -> int | None:
        if self._held_by(moment) is not None:
            return moment
        at = bisect_right(self._starts, moment)
        found = self._week.next(moment, held=True)
        if at == len(self._starts):
            return found
        return self._starts[at] if found is None else min(found, self._starts[at])

    def _next_free(self, moment: int) -> int | None:
        at = self._held_by(moment)
        if at is not None:
            return self._after[at]
        free = self._week.next(moment, held=False)
        at = None if free is None else self._held_by(free)
        return free if at is None else self._after[at]

    def _all_after(self) -> list[int | None]:
        """The first free moment after each single stretch. Windows may fill the time between two
        of them, so each is worked out from those behind it."""
        found: list[int | None] = [None] * len(self._ends)
        for at in reversed(range(len(self._ends))):
            free = self._week.next(self._ends[at], held=False)
            behind = None if free is None else self._held_by(free)
            found[at] = free if behind is None else found[behind]
        return found
