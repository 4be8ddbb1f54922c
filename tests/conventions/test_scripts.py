"""Each script says what it does, includes what it uses, and takes its keys from one place."""

from __future__ import annotations

import inspect
from pathlib import Path

import msgspec
import pytest

from dispatch_app.domain.run import TRANSITIONS
from dispatch_app.store.keys import Keys
from dispatch_app.store.scripts import source
from tests.conventions.lua import PARTS, REQUIRED, defined, header, included, used
from tests.conventions.repository import LUA, includes, scripts
from tests.servers import RedisServer

PREFIX = "{p}:"
#: Keys that no script touches, with why.
PYTHON_ONLY = {
    "schema": "the version is looked at once, at the start",
    "confirmed": "a write between a script and WAIT",
}

SCRIPTS = pytest.mark.parametrize("path", scripts(), ids=lambda path: path.stem)
FILES = pytest.mark.parametrize(
    "path", [*scripts(), *includes()], ids=lambda path: f"{path.parent.stem}/{path.stem}"
)


@SCRIPTS
def test_a_script_says_what_it_does_takes_and_answers(path: Path):
    found = list(header(path))
    assert set(REQUIRED) <= set(found)
    assert found == [part for part in PARTS if part in found], "in this order, and no others"
    assert all(header(path).values())


@SCRIPTS
def test_a_script_has_the_prefix_as_its_only_key_and_one_argument(path: Path):
    assert header(path)["KEYS"] == "1 prefix"
    assert header(path)["ARGV"].startswith("1 msgpack {")
    text = source(path.stem)
    assert "KEYS[2]" not in text
    assert "ARGV[2]" not in text


@SCRIPTS
def test_a_script_finds_all_that_it_includes(path: Path):
    assert "@include" not in source(path.stem)


@SCRIPTS
def test_a_script_says_which_invariants_it_keeps_by_their_numbers(path: Path):
    kept = header(path).get("Keeps", "I1").split(":")[0].split(", ")
    assert set(kept) <= {f"I{number}" for number in range(1, 11)}


@FILES
def test_a_file_includes_what_it_uses_itself(path: Path):
    """Not by way of what it includes, which may include something else tomorrow."""
    homes = {name: lib.stem for lib in includes() for name in defined(lib)}
    needed = {homes[name] for name in used(path) - set(defined(path)) if name in homes}
    assert sorted(needed - set(included(path))) == []


@pytest.mark.parametrize("path", includes(), ids=lambda path: path.stem)
def test_every_include_is_included(path: Path):
    users = [other.stem for other in (*scripts(), *includes()) if path.stem in included(other)]
    assert users


@FILES
def test_no_key_is_put_together_outside_of_keys(path: Path):
    """But for the listings of a task, whose names the caller has from `Keys` itself."""
    if path.name != "keys.lua":
        lines = [line for line in path.read_text().splitlines() if "P .." in line]
        assert [line for line in lines if "P .. index" not in line] == []


def test_scripts_and_python_call_the_same_keys_by_the_same_names(redis_server: RedisServer):
    with redis_server.client() as client:
        theirs = client.eval(_asking(), 1, PREFIX)
    assert dict(zip(theirs[::2], theirs[1::2], strict=True)) == {
        name: key for name, key in _keys().items() if name not in PYTHON_ONLY
    }


def test_the_guard_of_the_scripts_is_the_table_of_the_domain(redis_server: RedisServer):
    asking = source("start").partition("-- What: ")[0] + "return cjson.encode(ALLOWED)"
    with redis_server.client() as client:
        guard = msgspec.json.decode(client.eval(asking, 1, PREFIX))
    found = {(before, after) for before, ways in guard.items() for after in ways}
    assert found == {(before, after) for before, _, after in TRANSITIONS if before}


def _asking() -> str:
    """A script that answers with the name and the value of every key in lib/keys.lua."""
    return (LUA / "lib" / "keys.lua").read_text() + (
        "local found = {}\n"
        "for name, key in pairs(K) do\n"
        "  found[#found + 1] = name\n"
        "  found[#found + 1] = type(key) == 'string' and key or key(7, 8)\n"
        "end\n"
        "return found\n"
    )


def _keys() -> dict[str, str]:
    """Name and value of every key in store/keys.py."""
    keys = Keys(PREFIX)
    found = {}
    for name, method in inspect.getmembers(keys, inspect.ismethod):
        if not name.startswith("_"):
            count = len(inspect.signature(method).parameters)
            found[name] = method(*(7, 8)[:count])
    return found
