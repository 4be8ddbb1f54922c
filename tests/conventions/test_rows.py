"""What users of other schedulers suffer from has a test that names it: "Row 24" in its docstring.

The rows are those of the list by which dispatch was designed; here are the ones about what has to
survive.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.conventions.repository import read, tracked

#: Row -> what hurts.
SURVIVAL = {
    2: "long tasks are started again while they run",
    3: "a worker that is killed loses its task without a trace",
    4: "after a crash the work comes back after an hour, or never",
    5: "a worker is up and consumes nothing after Redis was away",
    6: "two beats send everything twice",
    8: "a platform's SIGTERM turns running tasks into failures",
    9: "beat loses its lock and dies, hangs, or goes on without it",
    10: "the next beat waits for the lock of one that was killed",
    12: "a task that crashes takes the worker down again and again",
    14: "a run is running for ever, and nobody works on it",
    18: "a revoke is forgotten",
    19: "a hard time limit calls no hook, retries nothing, or for ever",
    21: "a long backoff is cut by the visibility timeout, or lost",
    24: "two workers run one message",
    27: "a write happens twice, as its reply was lost",
    38: "a long task blocks short ones that its worker has reserved",
    45: "the pool freezes, and nothing is logged",
    46: "workers' memory grows",
    55: "the connection is lost in the midst of a long task",
    57: "Redis in cluster mode",
    58: "TLS with a self-signed certificate",
    65: "a hook that fails loses the result",
    70: "several processes share one store",
    72: "a change of the leader skips runs",
}
_NAMED = re.compile(r"\b[Rr]ows? ([0-9]+(?:(?:, | and )[0-9]+)*)")


def docstrings(path: str) -> Iterator[str]:
    """Those of a module and of all that is in it."""
    for node in ast.walk(ast.parse(read(path))):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            yield ast.get_docstring(node) or ""


@pytest.fixture(scope="module")
def named() -> set[int]:
    """The rows that are named in tests."""
    tests = (path for path in tracked() if re.fullmatch(r"tests/.*/test_\w+\.py", path))
    texts = (text for path in tests for text in docstrings(path))
    numbers = (match[1] for text in texts for match in _NAMED.finditer(text))
    return {int(number) for some in numbers for number in re.findall("[0-9]+", some)}


@pytest.mark.parametrize("row", SURVIVAL, ids=str)
def test_a_test_names_it(row, named):
    assert row in named, SURVIVAL[row]
