"""The Lua files as texts: their headers, what they include, what they define and call."""

from __future__ import annotations

import re
from pathlib import Path

#: The parts of a script's header, in their order; what has to be there, and what may be.
REQUIRED = ("What", "KEYS", "ARGV", "Reply")
PARTS = ("What", "Needs", "KEYS", "ARGV", "Reply", "Event", "Keeps")

_PART = re.compile(r"^-- (\w+):\s+(.*)$")
_INCLUDE = re.compile(r"^-- @include (\w+)$", re.MULTILINE)
_DEFINED = re.compile(r"^local (?:function )?(\w+)\b", re.MULTILINE)


def header(path: Path) -> dict[str, str]:
    """The parts of a script's header, each in one line."""
    parts: dict[str, str] = {}
    name = ""
    for line in path.read_text().splitlines():
        if not line.startswith("--") or line.startswith("-- @include"):
            break
        if match := _PART.match(line):
            name = match[1]
            parts[name] = match[2]
        else:
            parts[name] = f"{parts.get(name, '')} {line.removeprefix('--').strip()}"
    return parts


def rest_of_header(path: Path) -> list[str]:
    """The lines of a script's header that follow on `What`, as they are."""
    lines = path.read_text().splitlines()
    end = next(i for i, line in enumerate(lines) if line.startswith("-- @include"))
    parts = [i for i in range(1, end) if _PART.match(lines[i])]
    return [line.removeprefix("-- ") for line in lines[parts[0] : end]]


def summary(path: Path) -> str:
    """What the comment of an include says, up to its first function."""
    lines = []
    for line in path.read_text().splitlines():
        if line.startswith("-- @include"):
            continue
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    return " ".join(lines)


def included(path: Path) -> list[str]:
    """The names that it includes itself."""
    return _INCLUDE.findall(path.read_text())


def defined(path: Path) -> list[str]:
    """What an include gives to those who include it."""
    return _DEFINED.findall(path.read_text())


def used(path: Path) -> set[str]:
    """Every name in its code, without comments, texts and fields."""
    code = re.sub(r"--.*", "", path.read_text())
    code = re.sub(r"'[^'\n]*'|\"[^\"\n]*\"", "''", code)
    return set(re.findall(r"(?<![.\w])([A-Za-z_]\w*)\b(?!\s*=[^=])", code))
