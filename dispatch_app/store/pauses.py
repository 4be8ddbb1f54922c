"""Pauses of everything, of a queue, of a type; and what they hold until they end."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.task import StoredTask
from dispatch_app.store.keys import Keys
from dispatch_app.store.scripts import Client, Scripts, reaching_redis

#: What a pause is of: everything, or a queue or type as the functions below name it.
ALL = "all"
#: Pauses of one installation: whoever shows a task reads all of them.
MOST = 200
#: Members that one step of a release moves.
PIECE = 500


def queue_scope(name: str) -> str:
    """The scope of a queue."""
    return f"queue:{name}"


def type_scope(name: str) -> str:
    """The scope of a type."""
    return f"type:{name}"


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """Whether what is in a scope runs, and who has said so."""

    scope: str
    #: False: it is the pause that was ended, or there was none
    paused: bool
    who: str | None = None
    #: ms
    at: int | None = None
    note: str = ""
    #: occurrences and runs that wait for its end, or for being released after it
    held: int = 0

    def __str__(self) -> str:
        kind, _, name = self.scope.partition(":")
        what = f"The {kind} {name}" if name else "Everything"
        return f"{what} is paused by {self.who}{f': {self.note}' if self.note else ''}"


class _Record(msgspec.Struct, frozen=True):
    who: str
    at: int
    note: str


_decode = msgspec.json.Decoder(_Record).decode

# `list` is a method below, so its type needs another name there
Found = list[Pause]


class Pauses:
    """The pauses of one installation."""

    def __init__(self, client: Client, keys: Keys, scripts: Scripts) -> None:
        self._client, self._keys, self._scripts = client, keys, scripts

    def pause(self, scope: str, who: str, note: str = "") -> Pause:
        """Hold what comes due in this scope, and what reaches a worker. The same again changes
        nothing; another note takes the place of the one before.

        Raises:
            InvalidInput: there are as many pauses as there may be.
        """
        return self._set(scope, pause=True, who=who, note=note)

    def resume(self, scope: str) -> Pause:
        """Let it go on; returns the pause that has ended, if there was one."""
        return self._set(scope, pause=False)

    def release(self, scope: str) -> int:
        """Put a piece of what an ended pause held back on the agenda; returns how much it was."""
        return int(self._scripts.call("release", {"scope": scope, "limit": PIECE}))

    def list(self) -> Found:
        """All pauses, by scope, with what each holds."""
        with reaching_redis():
            found = sorted(self._client.hgetall(self._keys.paused()).items())
            with self._client.pipeline(transaction=False) as pipe:
                for scope, _ in found:
                    pipe.zcard(self._keys.held(scope))
                counts = pipe.execute()
        return [
            _pause(scope, record, held=held)
            for (scope, record), held in zip(found, counts, strict=True)
        ]

    def of_everything(self) -> Pause | None:
        """The pause of everything, if there is one; without what it holds."""
        with reaching_redis():
            record: str | None = self._client.hget(self._keys.paused(), ALL)
        return _pause(ALL, record) if record else None

    def _set(self, scope: str, *, pause: bool, who: str = "", note: str = "") -> Pause:
        code, *rest = self._scripts.call(
            "set_pause", {"scope": scope, "pause": pause, "who": who, "note": note, "most": MOST}
        )
        if code == "FULL":
            raise InvalidInput({"scope": f"There are {MOST} pauses, and no more may be."})
        return _pause(scope, rest[0], paused=pause, held=rest[1])


def noted(task: StoredTask, paused: Mapping[str, str]) -> StoredTask:
    """The task with the pauses that stand in its way among its notes.

    Args:
        paused: scope -> record, of all pauses.
    """
    if not paused or task.definition is None or task.is_over or task.status == "running":
        return task
    scopes = (ALL, queue_scope(task.definition.queue), type_scope(task.definition.type))
    notes = [str(_pause(scope, paused[scope])) for scope in scopes if scope in paused]
    return msgspec.structs.replace(task, notes=(*task.notes, *notes))


def _pause(scope: str, record: str, *, paused: bool = True, held: int = 0) -> Pause:
    said = msgspec.structs.asdict(_decode(record)) if record else {}
    return Pause(scope=scope, paused=paused, held=held, **said)
