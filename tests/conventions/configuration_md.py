"""The table of settings in docs/configuration.md, made from dispatch_app/config.py.

python -m tests.conventions.configuration_md

It writes the table anew, between its two comments; the rest of the file is written by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from dispatch_app.config import KEYS, Key
from tests.conventions.repository import ROOT, read

PATH = "docs/configuration.md"
BEGIN, END = "<!-- settings: begin -->\n", "<!-- settings: end -->\n"


def table() -> str:
    """Every setting: key of the file, variables, default, what it may be, what it means."""
    return "".join(f"{row}\n" for row in _rows())


def table_of(document: str) -> str:
    """The table that the file has now."""
    return document.partition(BEGIN)[2].partition(END)[0]


def _rows() -> Iterator[str]:
    yield "| key | environment | default | has to be | meaning |"
    yield "| --- | --- | --- | --- | --- |"
    for key in KEYS.values():
        variables = ", ".join(f"`{name}`" for name in key.variables)
        # the examples of durations stand once, below the table
        right = key.kind.right.partition(" such as ")[0].rstrip(",")
        cells = (f"`{key.name}`", variables, _default(key), right, key.help)
        yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _default(key: Key) -> str:
    """The default as the file has it; empty where there is none."""
    if key.default is None:
        return "depends on the machine"
    value = key.kind.write(key.default)
    return f"`{json.dumps(value)}`" if value not in ("", {}, []) else "nothing"


if __name__ == "__main__":
    above, _, rest = read(PATH).partition(BEGIN)
    below = rest.partition(END)[2]
    (ROOT / PATH).write_text(f"{above}{BEGIN}{table()}{END}{below}", encoding="utf-8")
