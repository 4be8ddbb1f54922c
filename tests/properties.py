"""How long hypothesis searches: the same bounded examples in every run of the gate, and a failing
one is shown as it is.

`DISPATCH_TEST_SEARCH=20` looks for new ones instead, twenty times as many, and shrinks what fails.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

_GATE = (Phase.explicit, Phase.generate)
_SEARCH = int(os.environ.get("DISPATCH_TEST_SEARCH", "0"))


def bounded(examples: int, **options: object) -> settings:
    """Settings for a property: so many examples, always the same ones."""
    return settings(
        max_examples=examples * max(_SEARCH, 1),
        derandomize=not _SEARCH,
        phases=tuple(Phase) if _SEARCH else _GATE,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
        **options,
    )
