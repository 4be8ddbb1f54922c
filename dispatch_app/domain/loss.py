"""What follows an attempt whose worker vanished: another one, now or after a moment, or the end.

Nobody knows whether the run killed its worker or died beside one that did. So the first loss costs
no time, the later ones keep the suspects apart, and their number is bounded.
"""

from __future__ import annotations

from dispatch_app.domain.task import Task

#: Waits are drawn from at most so many lease times.
_MOST_LEASES = 16


def why_given_up(task: Task, lost: int) -> str | None:
    """Why a run ends with its lost attempt; None: another attempt follows.

    Args:
        lost: its lost attempts, this one included.
    """
    if task.on_worker_lost == "fail":
        return "its worker's process vanished, and it may not be started twice"
    if lost > task.max_lost:
        times = f" {lost} times" if lost > 1 else ""
        return f"its worker's process vanished{times}"
    return None


def delay_after(lost: int, lease: int, chance: float) -> int:
    """Milliseconds until the attempt that follows a lost one; 0: at once.

    From the second loss on chance decides when a run begins, so that one that kills its worker each
    time meets fewer and fewer of those that died beside it.

    Args:
        lost: lost attempts of the run so far, at least 1.
        lease: how long a lease lives, ms.
        chance: a random number from [0, 1), drawn by the caller.
    """
    if lost <= 1:
        return 0
    return int(lease * min(2 ** min(lost - 1, 10), _MOST_LEASES) * chance)
