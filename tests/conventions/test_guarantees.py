"""docs/guarantees.md promises nothing for which it does not name a test that exists."""

from __future__ import annotations

import re

from tests.conventions.repository import ROOT, read

PAGE = "docs/guarantees.md"
_TEST = re.compile(r"`([\w/]+/test_\w+\.py)`")


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    table = re.search(r"\n(\|.*\n)+", read(PAGE).partition(f"## {heading}\n")[2])
    assert table, heading
    lines = table.group().strip().splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_every_invariant_has_its_promise_and_a_test_named_for_it():
    promises = rows("The ten promises")
    assert [row[0] for row in promises] == [f"I{number}" for number in range(1, 11)]
    for number, row in enumerate(promises, 1):
        assert f"invariants/test_i{number:02}_" in row[-1]


def test_every_row_names_a_test():
    for heading in ("The ten promises", "What each fault costs"):
        for row in rows(heading):
            assert _TEST.search(row[-1]), row


def test_every_test_that_is_named_exists():
    named = set(_TEST.findall(read(PAGE)))
    assert len(named) > 20
    assert [path for path in sorted(named) if not (ROOT / "tests" / path).is_file()] == []
