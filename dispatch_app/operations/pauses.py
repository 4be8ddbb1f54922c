"""Pause and resume everything, a queue, a type."""

from __future__ import annotations

from dispatch_app.operations import Platform
from dispatch_app.store.pauses import Pause


def pause(dispatch: Platform, scope: str, who: str, note: str = "") -> Pause:
    """Hold what comes due in a scope, and runs whose messages reach a worker; what runs goes on.
    The same again changes nothing.

    Args:
        scope: as `store.pauses` names it.
        who: has said so.

    Raises:
        InvalidInput (there are too many pauses), StoreUnavailable.
    """
    return dispatch.store.pauses.pause(scope, who, note)


def resume(dispatch: Platform, scope: str) -> Pause:
    """Let it go on; returns the pause that has ended, if there was one. Runs go on where they
    stopped; misfire policies say what becomes of the occurrences that were missed.

    Raises:
        StoreUnavailable.
    """
    return dispatch.store.pauses.resume(scope)
