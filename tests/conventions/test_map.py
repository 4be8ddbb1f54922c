"""docs/map.md has a line for every file, and none for what is not there."""

from __future__ import annotations

from pathlib import PurePosixPath

from tests.conventions.repository import ROOT, read, tracked

PAGE = "docs/map.md"
#: Columns of a caption, where a name is not too long for it.
CAPTION = 26


def lines_of_map() -> dict[str, str]:
    """Path -> caption. Folders end with a slash; a name may be a path of several parts."""
    found: dict[str, str] = {}
    folders: list[str] = []
    for line in read(PAGE).partition("```text\n")[2].partition("```")[0].splitlines():
        name, _, caption = line.strip().partition(" ")
        if not name:
            continue
        depth = (len(line) - len(line.lstrip())) // 2
        path = "".join(folders[:depth]) + name
        assert path not in found, f"{PAGE}: {path} stands there twice"
        found[path] = caption.strip()
        if name.endswith("/"):
            folders[depth:] = [name]
    return found


def expected() -> set[str]:
    """What the map has to name: every file, but of the tests only folders and what is on top."""
    wanted = set()
    for path in tracked():
        folder = str(PurePosixPath(path).parent)
        in_tests = folder.startswith("tests/")
        wanted.add(f"{folder}/" if in_tests else path)
    return wanted


def line_to_add(path: str) -> str:
    """What to write, and where."""
    parts = path.rstrip("/").split("/")
    if parts[0] == "tests":
        depth, name = 1, path.removeprefix("tests/")
    else:
        depth, name = len(parts) - 1, parts[-1]
    under = "/".join(parts[:depth]) or "the top"
    return f"under {under}:\n{'  ' * depth + name:<{CAPTION}}WHAT IT IS FOR"


def test_every_file_is_on_the_map():
    missing = sorted(expected() - set(lines_of_map()))
    assert not missing, f"add to {PAGE}\n" + "\n".join(map(line_to_add, missing))


def test_everything_on_the_map_is_there():
    """On the disk, if not yet under version control."""
    gone = [path for path in lines_of_map() if not (ROOT / path).exists()]
    assert not gone, f"take out of {PAGE}: {', '.join(gone)}"


def test_every_line_says_what_the_thing_is_for():
    mute = [path for path, caption in lines_of_map().items() if not caption and path in expected()]
    assert mute == []


def test_the_message_is_the_line():
    assert line_to_add("dispatch_app/builtin/fax.py") == (
        "under dispatch_app/builtin:\n    fax.py                WHAT IT IS FOR"
    )
    assert line_to_add("tests/store/lua/") == (
        "under tests:\n  store/lua/              WHAT IT IS FOR"
    )
    assert line_to_add("NEWS.md") == "under the top:\nNEWS.md                   WHAT IT IS FOR"
