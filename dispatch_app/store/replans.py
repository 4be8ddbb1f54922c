"""Tasks that are planned anew, in pieces, because a calendar or the rules have changed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dispatch_app.store.agenda import DueMember
from dispatch_app.store.keys import Keys
from dispatch_app.store.scripts import Client, Scripts, reaching_redis

#: Tasks of one piece.
PIECE = 200


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A task as it is planned now. `next` is the text of its record, as compared later."""

    id: str
    definition: str | None
    revision: str
    next: str
    occurrence: str | None
    done: str


class Anew(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A task's new moment; or why there is none, and it is paused with this note."""

    id: str
    rev: str
    was: str
    next: int | None = None
    occurrence: int | None = None
    park: str | None = None


class Replans:
    """The pieces: a member of the agenda says what has changed, a cursor how far it is done."""

    def __init__(self, client: Client, keys: Keys, scripts: Scripts) -> None:
        self._client, self._keys, self._scripts = client, keys, scripts

    def piece(self, member: str) -> tuple[str | None, list[Planned]]:
        """The next tasks that a change concerns, and the cursor after them (None: that is all).

        Args:
            member: `c:<calendar>`, or any other: all tasks.
        """
        listing = self._keys.tasks()
        if member.startswith("c:"):
            listing = self._keys.tasks_by("calendar", member[2:])
        with reaching_redis():
            cursor: str | None = self._client.hget(self._keys.replans(), member)
            bottom = f"({cursor}" if cursor else "-"
            found: list[str] = self._client.zrangebylex(listing, bottom, "+", 0, PIECE)
            with self._client.pipeline(transaction=False) as pipe:
                ids = [name.split("~", 1)[1] for name in found]
                for task_id in ids:
                    fields = ["def", "rev", "next", "occurrence", "occ"]
                    pipe.hmget(self._keys.task(task_id), fields)
                records = pipe.execute(raise_on_error=False)
        planned = [
            Planned(
                id=task_id,
                definition=record[0],
                revision=record[1] or "",
                next=record[2],
                occurrence=record[3],
                done=record[4] or "0",
            )
            for task_id, record in zip(ids, records, strict=True)
            # a record that is no hash is parked when it is due
            if isinstance(record, list) and record[2]
        ]
        return found[-1] if len(found) == PIECE else None, planned

    def commit(self, member: DueMember, cursor: str | None, tasks: Sequence[Anew]) -> int:
        """Plan those anew that are still as they were read; returns how many.

        Args:
            cursor: up to which it is done then; None: that was all.
        """
        arguments = {
            "member": member.member,
            "due": member.due,
            "cursor": cursor,
            "entries": tasks,
        }
        return int(self._scripts.call("replan", arguments))

    def note_rules(self, rules: str) -> None:
        """Have all tasks planned anew if these rules (zone data, program) are not the last ones."""
        self._scripts.call("note_rules", {"rules": rules})
