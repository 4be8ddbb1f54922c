"""A request that comes again with its Idempotency-Key: the answer is the one that it got then."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from dispatch_app.domain.errors import Conflict, InvalidInput, NotFound
from dispatch_app.store.answers import Answers, Idempotency

P = ParamSpec("P")
T = TypeVar("T")


def repeatable(
    read: Callable[[Answers, Idempotency], T | None],
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorator of an operation that takes an `idempotency`.

    Its script knows a request that was carried out before. But the operation may refuse before it
    comes to that: what the request asks for was there then, and is not any more.

    Args:
        read: finds the answer that was given then.
    """

    def decorate(operation: Callable[P, T]) -> Callable[P, T]:
        @wraps(operation)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return operation(*args, **kwargs)
            except (NotFound, Conflict, InvalidInput):
                answer = _earlier(read, args[0], kwargs.get("idempotency"))
                if answer is None:
                    raise
                return answer

        return wrapper

    return decorate


def _earlier(
    read: Callable[[Answers, Idempotency], T | None], dispatch: Any, idempotency: Any
) -> T | None:
    if idempotency is None or not dispatch.store.answers.knows(idempotency):
        return None
    return read(dispatch.store.answers, idempotency)
