"""No file names the machine that it was written on; the code keeps to the vocabulary."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.conventions.repository import ROOT, modules, read, tracked

#: What only one machine has: its folders for work and programs, and the places that its package
#: managers were pointed at. Each is written so that this file does not hold it.
MACHINE = [
    r"(?<![\w.~-])/(?:work|opt|mnt|Users)/\w",
    r"(?<![\w.~-])/home/(?!linuxbrew)\w",
    r"\b(?:extra-)?index[-_]url\b",
    r"--find-links\b",
    r"^registry ?=",
]
#: Words that mean something else to us, or nothing: docs/vocabulary.md has the right ones.
STRANGERS = re.compile(r"(?:^|_)(?:jobs?|execution|executions|cronjob)(?:_|$)|Job", re.ASCII)


def text_of(path: str) -> str:
    """The text of a tracked file, nothing where it is no text."""
    return (ROOT / path).read_bytes().decode("utf-8", "ignore")


@pytest.mark.parametrize("pattern", [*MACHINE, rf"(?<![\w.~-]){re.escape(str(ROOT))}\b"])
def test_no_file_knows_this_machine(pattern):
    found = [
        f"{path}: {match[0]}"
        for path in tracked()
        if (ROOT / path) != Path(__file__)
        for match in re.finditer(pattern, text_of(path), re.MULTILINE)
    ]
    assert found == []


@pytest.mark.parametrize("path", modules())
def test_code_speaks_of_tasks_runs_and_attempts(path):
    """In the names that it makes; text may say what others call it."""
    made = {
        node.name
        for node in ast.walk(ast.parse(read(path)))
        if isinstance(node, (ast.ClassDef, ast.FunctionDef))
    }
    made |= {
        node.id
        for node in ast.walk(ast.parse(read(path)))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    assert sorted(name for name in made if STRANGERS.search(name)) == []


@pytest.mark.parametrize("path", modules())
def test_no_module_is_named_for_nothing(path):
    assert Path(path).stem not in {"utils", "util", "helpers", "common", "base", "manager", "misc"}
