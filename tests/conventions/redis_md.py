"""docs/redis.md, made from store/keys.py and the headers of the Lua scripts.

python -m tests.conventions.redis_md > docs/redis.md
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from dispatch_app.store.keys import Keys
from tests.conventions.lua import header, included, rest_of_header, summary
from tests.conventions.repository import includes, scripts

_TOP = """\
# What is in Redis

Made from `dispatch_app/store/keys.py` and the headers of `dispatch_app/store/lua/*.lua` by
`python -m tests.conventions.redis_md > docs/redis.md`. Change those; a test compares.

Python never writes to Redis outside `dispatch_app/store`, and every change of a task or a run is one script, so that what
holds together is written together. All moments are milliseconds since 1970, UTC, by the clock of the server. The
invariants that scripts keep (I1, I2, ...) are at the end.

## Keys

Every key begins with the prefix of the installation (`dispatch.prefix`, by default `{dispatch}:`), whose braces keep all of
them in one slot of a cluster. Parts in angle brackets vary.

| key | type | what is in it, and when it dies |
| --- | --- | --- |
"""  # noqa: E501

_BROKER = """
Beside these there are the keys of the broker, which are kombu's: a list for each queue and priority step (`default`,
`default\\x06\\x163`, ...), `unacked`, `unacked_index`, `_kombu.binding.*`. Our scripts push to the lists and touch nothing else of
it. These names have no hash tag by themselves, so a cluster would put them into other slots than ours and refuse the scripts:
on a server in cluster mode `redis.cluster` gives them the prefix as well ([redis-servers.md](redis-servers.md#ways-to-reach-it)).
An installation lives on one node even so; nothing of it is sharded.

## Scripts

Each gets the prefix as its only key (`KEYS`) and one msgpack table as its only argument (`ARGV`); `?` marks what may be left
out, and `now?` is for tests, where time is given. Where a script answers with a word that means a refusal, the facade in
`dispatch_app/store` raises the error of `dispatch_app/domain/errors.py` that belongs to it.
"""  # noqa: E501

_INCLUDES = """
## What scripts share

One function or a few each, in `dispatch_app/store/lua/lib/`, put before a script by `-- @include name`.

| include | what it does | includes |
| --- | --- | --- |
"""  # noqa: E501

_INVARIANTS = """
## Invariants

What the scripts keep, and where a test breaks in at the worst point.

| | what holds | test |
| --- | --- | --- |
| I1 | Every occurrence that its policy wants run gets exactly one run, whatever scheduler dies, stalls or doubles. | `tests/invariants/test_i01_exactly_one_run.py` |
| I2 | A run's record and its message exist together, or neither does. | `tests/invariants/test_i02_run_and_message.py` |
| I3 | At most one attempt of a run holds a lease; only its holder can finish it. | `tests/invariants/test_i03_one_lease.py` |
| I4 | A run whose worker vanished gets its next attempt, or its final failure, within one lease time. | `tests/invariants/test_i04_vanished_workers.py` |
| I5 | A finished run stays finished: no late message, finish, retry or revoke reopens it. | `tests/invariants/test_i05_finished_stays_finished.py` |
| I6 | An active task with a future occurrence is on the agenda or held by a pause, at all times. | `tests/invariants/test_i06_no_task_forgotten.py` |
| I7 | What a client was told is stored is stored. | `tests/invariants/test_i07_stored_is_stored.py` |
| I8 | A change of the clock or of a zone runs no occurrence twice and loses none; `dst` decides what a gap or an overlap means. | `tests/domain/schedule/test_clock_changes.py` |
| I9 | What cannot be planned is parked with its reason and stops no other task. | `tests/store/lua/test_commit.py`, `tests/scheduler/test_beat.py` |
| I10 | Sizes, lists and batches have limits. (Limits of queues and of rates do not exist yet.) | `tests/store/lua/test_sizes.py`, `tests/api/test_bodies.py` |
"""  # noqa: E501


def keys() -> Iterator[tuple[str, str]]:
    """Each key with angle brackets for what varies, and its docstring in one line."""
    source = list(vars(Keys))
    for name in sorted((n for n in source if not n.startswith("_")), key=source.index):
        method = getattr(Keys(""), name)
        names = [f"<{parameter}>" for parameter in inspect.signature(method).parameters]
        yield method(*names), " ".join((inspect.getdoc(method) or "").split())


def document() -> str:
    """The whole file."""
    return (
        _TOP + "".join(_key_rows()) + _BROKER + "".join(_script_parts()) + _INCLUDES
        + "".join(_include_rows()) + _INVARIANTS
    )  # fmt: skip


def _key_rows() -> Iterator[str]:
    for name, text in keys():
        kind, _, rest = text.partition(": ")
        yield f"| `{name}` | {_cell(kind)} | {_cell(rest)} |\n"


def _script_parts() -> Iterator[str]:
    for path in scripts():
        what = header(path)["What"]
        lines = "\n".join(rest_of_header(path))
        yield f"\n### {path.stem}\n\n{what[:1].upper()}{what[1:]}\n\n```text\n{lines}\n```\n"


def _include_rows() -> Iterator[str]:
    for path in includes():
        others = ", ".join(f"`{name}`" for name in included(path))
        yield f"| `{path.stem}` | {_cell(summary(path))} | {others} |\n"


def _cell(text: str) -> str:
    """The text so that it stays in one cell of a table."""
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(document(), end="")
