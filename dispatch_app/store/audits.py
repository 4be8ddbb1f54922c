"""The auditor's walks through all books, its checks, and what it has come upon.

A walk goes through listings by lexical cursor, and through the others (agenda, pauses, dead
letters) by ZSCAN, piece by piece; nothing looks at more than a piece at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import redis

from dispatch_app.store.keys import Keys
from dispatch_app.store.misfits import is_wrong_type
from dispatch_app.store.scripts import Client, Scripts, reaching_redis

#: Records of one piece: it bounds the time for which the server does nothing else.
PIECE = 200
#: ms for which a scheduler has a slice of a walk to itself.
_LEASE = 10_000
#: Books without a record that one piece passes by.
_EMPTY = 50
#: ms after which a message is sent again of which nothing can be told: what waits in its queue is
#: all of other programs.
_UNTOLD = 3_600_000

_NAMES = Keys("")
_UNFINISHED = ("queued", "running", "retrying", "waiting")
_FINISHED = ("succeeded", "failed", "cancelled", "expired", "skipped")
_TASKS = ("scheduled", "paused", "completed", *_UNFINISHED, *_FINISHED)

#: What each walk goes through first, in this order: runs that are on their way; everything.
_FIXED = {
    "unfinished": [_NAMES.runs_by("status", status) for status in _UNFINISHED],
    "all": [
        _NAMES.tasks(),
        *(_NAMES.tasks_by("status", status) for status in _TASKS),
        _NAMES.agenda(),
        _NAMES.runs(),
        *(_NAMES.runs_by("status", status) for status in (*_UNFINISHED, *_FINISHED)),
        _NAMES.dead(),
    ],
}
WALKS = tuple(_FIXED)
#: What a whole walk goes through then: books of each pause, each type, each task.
_GROUPS = ("pauses", "types", "tasks")


class Book(msgspec.Struct, frozen=True, array_like=True):
    """A listing, the agenda, or what a pause holds; `name` is its place in its group."""

    group: str
    name: str

    @property
    def key(self) -> str:
        """Its key without the prefix."""
        if self.group == "pauses":
            return _NAMES.held(self.name)
        if self.group == "types":
            return _NAMES.runs_by("type", self.name)
        return _NAMES.runs_by("task", self.task) if self.task else self.name

    @property
    def task(self) -> str | None:
        """The task whose runs it lists, if it is one's."""
        return self.name.split("~", 1)[1] if self.group == "tasks" else None

    @property
    def scope(self) -> str | None:
        """The scope of the pause whose book it is."""
        return self.name if self.group == "pauses" else None

    @property
    def holds(self) -> str:
        """tasks, runs, letters or members (of the agenda)."""
        if self.key == _NAMES.dead():
            return "letters"
        if self.group == "pauses" or self.key == _NAMES.agenda():
            return "members"
        return "tasks" if self.key.split(":")[0] == "tasks" else "runs"


class Piece(msgspec.Struct, frozen=True):
    """Some members of a book, and the cursor after them ("": that was all of the walk)."""

    book: Book
    members: list[str]
    next: str
    #: why it cannot be read: its key holds something else
    fault: str | None = None


class Finding(msgspec.Struct, frozen=True, array_like=True):
    """Something that was out of step: `kind` is record, listing, agenda, message, lease, overlap,
    pause, or damaged, which nobody can mend."""

    kind: str
    task_id: str
    run_id: str
    words: str

    def __str__(self) -> str:
        if self.run_id:
            return f"Run {self.run_id}: {self.words}"
        return f"Task {self.task_id}: {self.words}" if self.task_id else self.words


class AuditedTask(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A task as it was read: its listings as its definition has them, and where it has no moment
    the one that is planned now."""

    member: str
    id: str
    rev: str
    listings: list[str]
    next: int | None = None
    occurrence: int | None = None


class TaskRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be known of a task to look through its books."""

    member: str
    id: str
    definition: str | None
    revision: str
    status: str | None
    next: str | None
    done: str


class DoubtedRun(msgspec.Struct, frozen=True, array_like=True):
    """A run that is queued for so long that its message may be lost."""

    id: str
    definition: str | None
    attempt: int
    copies: str | None


class DoubtedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Where the message of a queued attempt is, if it is not lost: in its queue, or with a worker
    under one of these delivery tags."""

    id: str
    attempt: int
    queue: str
    tags: list[str]


Findings = list[Finding]


class Audits:
    """The walks: each has a cursor in Redis, so that several schedulers share it."""

    def __init__(self, client: Client, keys: Keys, scripts: Scripts) -> None:
        self._client, self._keys, self._scripts = client, keys, scripts

    def claim(self, walk: str) -> tuple[int, str]:
        """Ask for the next slice of a walk.

        Returns:
            ms to wait, because another scheduler has it or it is not time; if they are 0: the
            cursor at which it begins.
        """
        wait, *cursor = self._scripts.call("claim_audit", {"walk": walk, "lease": _LEASE})
        return int(wait), cursor[0] if cursor else ""

    def note(self, walk: str, was: str, cursor: str, *, wait: int, found: Findings) -> bool:
        """Write down how far a walk is, and what it came upon; False: somebody was faster.

        Args:
            wait: ms until it goes on.
        """
        counts = Counter(each.kind for each in found)
        asked = {"walk": walk, "was": was, "cursor": cursor, "wait": wait, "found": counts}
        return bool(self._scripts.call("note_audit", asked))

    def figures(self) -> dict[str, int]:
        """How much of each kind was out of step so far (`found:<kind>`), and when each walk came
        to its end last (`finished:<walk>`), ms."""
        with reaching_redis():
            fields: dict[str, str] = self._client.hgetall(self._keys.audit())
        kept = ("found:", "finished:")
        return {name: int(text) for name, text in fields.items() if name.startswith(kept)}

    def piece(self, walk: str, cursor: str) -> Piece:
        """The next members on a walk."""
        book, after = _decode(cursor) if cursor else (Book("fixed", _FIXED[walk][0]), "")
        fault = None
        with reaching_redis():
            for _ in range(_EMPTY):
                try:
                    members, after = self._members(book, after)
                except redis.ResponseError as error:
                    if not is_wrong_type(error):
                        raise
                    members, after, fault = [], "", str(error)
                following = book if after else self._following(walk, book)
                cursor = _encode(following, after) if following else ""
                if members or fault or not following:
                    break
                book = following
        return Piece(book, members, cursor, fault)

    def read_tasks(self, members: Sequence[str]) -> list[TaskRecord]:
        """The records of tasks, given as a listing names them."""
        ids = [member.split("~", 1)[-1] for member in members]
        with reaching_redis(), self._client.pipeline(transaction=False) as pipe:
            for task_id in ids:
                pipe.hmget(self._keys.task(task_id), ["def", "rev", "status", "next", "occ"])
            records = pipe.execute(raise_on_error=False)
        found = []
        for member, task_id, record in zip(members, ids, records, strict=True):
            fields = record if isinstance(record, list) else [None] * 5
            found.append(
                TaskRecord(
                    member=member,
                    id=task_id,
                    definition=fields[0],
                    revision=fields[1] or "",
                    status=fields[2],
                    next=fields[3],
                    done=fields[4] or "0",
                )
            )
        return found

    def check_tasks(self, book: Book, entries: list[AuditedTask], *, mend: bool) -> Findings:
        """Tasks against all books that know of them."""
        asked = {"listing": book.key, "entries": entries, "mend": mend}
        return _findings(self._scripts.call("audit_tasks", asked))

    def check_runs(
        self, book: Book, ids: list[str], *, lease: int, patience: int, mend: bool
    ) -> tuple[Findings, list[DoubtedRun]]:
        """Runs against all books that know of them; and those whose message may be lost.

        Args:
            lease: ms for a running run that has none.
            patience: ms after which a queued run is doubted.
        """
        asked = {"listing": book.key, "task": book.task, "ids": ids, "lease": lease,
                 "patience": patience, "mend": mend}  # fmt: skip
        found, doubted = self._scripts.call("audit_runs", asked)
        return _findings(found), [DoubtedRun(*each) for each in doubted]

    def check_members(self, book: Book, members: list[str], *, mend: bool) -> Findings:
        """Members of the agenda, or of what a pause holds, against their records."""
        asked = {"members": members, "scope": book.scope, "mend": mend}
        return _findings(self._scripts.call("audit_agenda", asked))

    def check_letters(self, members: list[str], *, mend: bool) -> Findings:
        """Members of the listing of dead letters against the runs that they name."""
        return _findings(self._scripts.call("audit_letters", {"members": members, "mend": mend}))

    def check_messages(
        self, entries: list[DoubtedMessage], *, unacked: str, mend: bool
    ) -> Findings:
        """Messages of queued runs; those that are lost are sent again by a scheduler.

        Args:
            unacked: the broker's key of what workers have not acknowledged.
        """
        asked = {"entries": entries, "unacked": unacked, "untold": _UNTOLD, "mend": mend}
        return _findings(self._scripts.call("send_again", asked))

    def _members(self, book: Book, after: str) -> tuple[list[str], str]:
        """Some members of a book, and after which of them it goes on ("": that was all)."""
        key = f"{self._keys.prefix}{book.key}"
        if book.holds in ("members", "letters"):
            position, found = self._client.zscan(key, int(after or 0), count=PIECE)
            return [name for name, _ in found], str(position) if int(position) else ""
        bottom = f"({after}" if after else "-"
        names: list[str] = self._client.zrangebylex(key, bottom, "+", 0, PIECE)
        return names, names[-1] if len(names) == PIECE else ""

    def _following(self, walk: str, book: Book) -> Book | None:
        """The book after this one; None: it is the last."""
        if book.group == "fixed":
            names = _FIXED[walk]
            if book.name != names[-1]:
                return Book("fixed", names[names.index(book.name) + 1])
            return self._first(_GROUPS if walk == "all" else ())
        if name := self._name_after(book.group, book.name):
            return Book(book.group, name)
        return self._first(_GROUPS[_GROUPS.index(book.group) + 1 :])

    def _first(self, groups: Sequence[str]) -> Book | None:
        names = ((group, self._name_after(group, "")) for group in groups)
        return next((Book(group, name) for group, name in names if name), None)

    def _name_after(self, group: str, name: str) -> str | None:
        """The name in a group that follows another one ("": the first)."""
        if group == "tasks":
            bottom = f"({name}" if name else "-"
            found = self._client.zrangebylex(self._keys.tasks(), bottom, "+", 0, 1)
            return next(iter(found), None)
        key = self._keys.paused() if group == "pauses" else self._keys.types()
        return min((each for each in self._client.hkeys(key) if each > name), default=None)


def _findings(reply: list[Any]) -> Findings:
    return [Finding(*each) for each in reply]


def _encode(book: Book, after: str) -> str:
    return msgspec.json.encode((book.group, book.name, after)).decode()


def _decode(cursor: str) -> tuple[Book, str]:
    group, name, after = msgspec.json.decode(cursor, type=tuple[str, str, str])
    return Book(group, name), after
