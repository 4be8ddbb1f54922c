"""The occurrences of a task: its schedule together with calendars, jitter and `max_runs`.

`done` is a count for each schedule of the task: the occurrences of it that were dispatched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Protocol

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule import Interval, Kind, Several, Single

#: Occurrences in a row that calendars may leave out before the search for another one ends.
MOST_LEFT_OUT = 5_000

Done = tuple[int, ...]


class Allowing(Protocol):
    """What a calendar can answer."""

    def next_allowed(self, moment: int) -> int | None:
        """The first moment not before `moment` that it allows; None: there is none in its reach."""


class Timeline:
    """What is due when, as a pure function of moments and counts.

    Args:
        schedule: settled.
        key: the task's id; jitter is hashed from it.
        calendars: those that the schedule names, by name.

    Raises:
        InvalidInput: it names a calendar that is not there.
    """

    def __init__(
        self, schedule: Kind, key: str = "", calendars: Mapping[str, Allowing] | None = None
    ) -> None:
        self.members = schedule.schedules if isinstance(schedule, Several) else (schedule,)
        self._all = range(len(self.members))
        self._most = [getattr(each, "max_runs", None) for each in self.members]
        #: whether `max_runs` bounds it
        self.is_counted = any(most is not None for most in self._most)
        self._key = key
        self._calendars = [_named(each, calendars or {}) for each in self.members]
        self._jitter = max(each.jitter for each in self.members)
        only = self.members[0] if len(self.members) == 1 and not self._calendars[0] else None
        #: its occurrences are those of this one
        self._only = only
        #: and lie as far from one another, always
        self._regular = only if isinstance(only, Interval) else None

    @property
    def nothing_done(self) -> Done:
        """The counts at the beginning. Asked with these, `max_runs` bounds nothing."""
        return (0,) * len(self.members)

    def fitted(self, done: Done) -> Done:
        """Counts that were written for another number of schedules, for this one."""
        return (*done, *self.nothing_done)[: len(self.members)]

    def next_after(self, moment: int, done: Done) -> int | None:
        """The first occurrence strictly after `moment`; None: no more."""
        if self._only is not None:
            return self._only.next_after(moment) if self._open(done) else None
        found = [self._next_of(at, moment) for at in self._open(done)]
        return min((each for each in found if each is not None), default=None)

    def is_allowed(self, moment: int, done: Done) -> bool:
        """Whether the occurrence `moment` may still run: calendars and counts change."""
        if not self._open(done):
            return False
        return not any(self._calendars) or self.next_after(moment - 1, done) == moment

    def counted(self, moment: int, done: Done) -> Done:
        """The counts once the occurrence `moment` is dispatched."""
        if len(done) == 1:
            return (done[0] + 1,)
        mine = {at for at in self._open(done) if self._next_of(at, moment - 1) == moment}
        return tuple(count + (at in mine) for at, count in enumerate(done))

    def latest_until(self, known: int, until: int, done: Done) -> int:
        """The last occurrence that is not after `until`; `known` is one that is not."""
        following = self.next_after(known, done)
        if following is None or following > until:
            return known
        if self._regular:
            return following + self._steps(self._regular, following, until) * self._regular.every
        # next_after never decreases, so its last value up to `until` can be found by halving
        low, high = following, until
        while low < high:
            middle = (low + high + 1) // 2
            moment = self.next_after(middle - 1, done)
            if moment is not None and moment <= until:
                low = moment
            else:
                high = middle - 1
        return low

    def count(self, first: int, last: int, most: int, done: Done) -> int:
        """How many occurrences there are from `first` to `last`, both included; `most` at most,
        where they have to be counted one by one."""
        number, moment = 0, self.next_after(first - 1, done)
        if moment is not None and moment <= last and self._regular:
            return self._steps(self._regular, moment, last) + 1
        while moment is not None and moment <= last and number < most:
            number += 1
            moment = self.next_after(moment, done)
        return number

    def due_at(self, moment: int) -> int:
        """When the occurrence `moment` is dispatched: later than it by a lot within its jitter,
        hashed from task and occurrence, and so the same whoever works it out. It is always before
        the next occurrence, so that jitter changes no order."""
        jitter = self._jitter
        if not jitter:
            return moment
        after = min(filter(None, (each.next_after(moment) for each in self.members)), default=None)
        if after is not None:
            jitter = min(jitter, after - moment - 1)
        lot = int.from_bytes(sha256(f"{self._key}/{moment}".encode()).digest()[:8], "big")
        return moment + lot % (jitter + 1)

    @staticmethod
    def _steps(regular: Interval, first: int, until: int) -> int:
        """How many occurrences follow on `first` until then."""
        end = until if regular.end_time is None else min(until, regular.end_time)
        return (end - first) // regular.every

    def _open(self, done: Done) -> Sequence[int]:
        """Which schedules have occurrences left to count."""
        if not self.is_counted:
            return self._all
        pairs = enumerate(zip(self._most, done, strict=True))
        return [at for at, (most, count) in pairs if most is None or count < most]

    def _next_of(self, at: int, moment: int) -> int | None:
        """The first occurrence of one schedule after `moment` that its calendars allow."""
        schedule, calendars = self.members[at], self._calendars[at]
        found = schedule.next_after(moment)
        if not calendars:
            return found
        for _ in range(MOST_LEFT_OUT):
            allowed = found
            for calendar in calendars:
                allowed = None if allowed is None else calendar.next_allowed(allowed)
            if allowed is None or allowed == found:
                return allowed
            found = schedule.next_after(allowed - 1)
        return None


def _named(schedule: Single, calendars: Mapping[str, Allowing]) -> list[Allowing]:
    missing = [name for name in schedule.calendars if name not in calendars]
    if missing:
        raise InvalidInput({"calendars": f"There is no calendar {missing[0]!r}."})
    return [calendars[name] for name in schedule.calendars]
