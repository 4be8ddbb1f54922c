"""dispatch: schedules, runs and shows Celery tasks, with everything kept in Redis."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Discard", "Dispatch", "RetryAfter", "__version__"]

if TYPE_CHECKING:
    from dispatch_app.dispatch import Dispatch
    from dispatch_app.domain.errors import Discard, RetryAfter

_HOMES = {
    "Dispatch": "dispatch_app.dispatch",
    "Discard": "dispatch_app.domain.errors",
    "RetryAfter": "dispatch_app.domain.errors",
}


def __getattr__(name: str) -> Any:
    """Load what users import when they do, so that the domain stays free of Celery (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
