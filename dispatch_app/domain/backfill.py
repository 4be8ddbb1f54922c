"""Backfill: the occurrences of a window, run again or for the first time."""

from __future__ import annotations

from typing import Literal

import msgspec

from dispatch_app.domain.task import OverlapPolicy

BackfillStatus = Literal["running", "done", "cancelled", "failed"]

#: Occurrences of one backfill.
MOST = 100_000


class Backfill(msgspec.Struct, frozen=True, kw_only=True):
    """One, as the store holds it; moments in ms."""

    id: str
    task_id: str
    #: running: runs are made, or some have not finished
    status: BackfillStatus
    #: the window, both ends included
    start: int
    end: int
    overlap: OverlapPolicy
    #: occurrences of the window when it was asked for
    total: int
    #: of those: how many were made into runs or skipped, and how many are over
    made: int
    over: int
    #: the last occurrence that was made; before the first, just before `start`
    cursor: int
    #: of those that are over: status -> how many
    counts: dict[str, int] = {}
    created_at: int
    finished_at: int | None = None
    #: why it ended as it did, where that is not plain
    note: str | None = None

    @property
    def progress(self) -> float:
        """How much of it is over, 0 to 1."""
        return min(1.0, self.over / self.total) if self.total else 1.0
