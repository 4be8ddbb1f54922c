"""Every so often: anchored, so that it never drifts; of fixed length, so that it knows no DST."""

from __future__ import annotations

import msgspec

from dispatch_app.domain.durations import human
from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule.bounds import Recurring
from dispatch_app.domain.schedule.phrases import PHRASES, Language

#: Shortest and longest interval, ms: below a tenth of a second a scheduler is the wrong tool.
SHORTEST, LONGEST = 100, 100 * 365 * 86_400_000


class Interval(Recurring, frozen=True, omit_defaults=True, kw_only=True, tag="interval"):
    """Occurs at `start_time + n * every` (ms), or without one at `anchor + (n + 1) * every`."""

    every: int
    #: the moment of its creation, from which one without `start_time` counts; see `settled`
    anchor: int = 0

    def settled(self, key: str, moment: int) -> Interval:
        """The same, counted from its start or, if it has none, from `moment`."""
        anchor = moment if self.start_time is None else self.start_time
        return msgspec.structs.replace(self, anchor=anchor)

    def next_after(self, moment: int) -> int | None:
        """The first occurrence strictly after `moment`."""
        first = self.anchor + self.every if self.start_time is None else self.start_time
        steps = max(0, (moment - first) // self.every + 1)
        return self.within(first + steps * self.every)

    def check(self) -> None:
        """Refuse what cannot be planned.

        Raises:
            InvalidInput.
        """
        super().check()
        if not SHORTEST <= self.every <= LONGEST:
            raise InvalidInput({"every": "Has to be from 0.1 seconds to 100 years."})

    def describe(self, language: Language = "en") -> str:
        """It in words."""
        words = PHRASES[language].every.format(human(self.every))
        return words + self.bounds_in_words(language)
