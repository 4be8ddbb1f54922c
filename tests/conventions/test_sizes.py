"""Short modules, short functions, short scripts."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from tests.conventions.repository import includes, modules, read, scripts

LONGEST_MODULE = 400
LONGEST_FUNCTION = 50
LONGEST_SCRIPT = 120
#: Half of the functions are no longer; nine of ten are no longer.
USUAL_FUNCTION, LONG_FUNCTION = 6, 20


def functions(path: str) -> Iterator[tuple[str, int]]:
    """Each function of a module with the lines of its body, docstrings not counted."""
    for node in ast.walk(ast.parse(read(path))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            length = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            yield f"{path}:{node.lineno} {node.name}", length


@pytest.mark.parametrize("path", modules())
def test_a_module_fits_into_a_head(path):
    assert len(read(path).splitlines()) <= LONGEST_MODULE, "make two of it"


@pytest.mark.parametrize("path", modules())
def test_no_function_needs_scrolling(path):
    too_long = [f"{where}: {lines}" for where, lines in functions(path) if lines > LONGEST_FUNCTION]
    assert too_long == []


def test_most_functions_are_short_verbs():
    lengths = sorted(lines for path in modules() for _, lines in functions(path))
    assert median(lengths) <= USUAL_FUNCTION
    assert lengths[len(lengths) * 9 // 10] <= LONG_FUNCTION


@pytest.mark.parametrize("path", [*scripts(), *includes()], ids=lambda path: path.stem)
def test_a_script_is_short(path: Path):
    assert len(path.read_text().splitlines()) <= LONGEST_SCRIPT
