"""What is in the repository: its files, as git knows them."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("dispatch_app", "dispatch_api")
LUA = ROOT / "dispatch_app" / "store" / "lua"


@cache
def tracked() -> tuple[str, ...]:
    """The paths of all files under version control that are still there, from the root, sorted."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return tuple(sorted(path for path in listed.split("\0") if path and (ROOT / path).is_file()))


def modules() -> list[str]:
    """The Python modules of the packages."""
    return [path for path in tracked() if path.endswith(".py") and path.startswith(PACKAGES)]


def scripts() -> list[Path]:
    """The Lua scripts, without what they include."""
    return sorted(LUA.glob("*.lua"))


def includes() -> list[Path]:
    """The Lua functions that scripts include."""
    return sorted((LUA / "lib").glob("*.lua"))


def read(path: str) -> str:
    """The text of a file."""
    return (ROOT / path).read_text(encoding="utf-8")
