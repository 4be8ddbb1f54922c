"""Task and Run to hash fields and back, and in which listings a task stands.

A definition is JSON with its schema version in front (`{"v":1,...`), so that a record that a newer
program wrote is parked, not misread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast, get_args

import msgspec

from dispatch_app.domain.backfill import Backfill, BackfillStatus
from dispatch_app.domain.errors import CorruptRecord
from dispatch_app.domain.run import Attempt, Failure, Origin, Run, RunStatus
from dispatch_app.domain.task import TASK_STATUSES, LastRun, OverlapPolicy, StoredTask, Task
from dispatch_app.store.keys import Keys

#: Version of the definitions and keys that this program writes.
SCHEMA_VERSION = 1
#: What a task can show: statuses of its own, and those of runs.
STATUSES = tuple(dict.fromkeys((*TASK_STATUSES, *get_args(RunStatus))))
#: What helps where a task cannot be read.
REMEDY = "Replace it (PUT) or purge it."
_MARK = f'{{"v":{SCHEMA_VERSION},'

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode
_task_decoder = msgspec.json.Decoder(Task)
_attempt_decoder = msgspec.json.Decoder(Attempt)
_failure_decoder = msgspec.json.Decoder(Failure)


def to_json(value: Any) -> str:
    """Any JSON value, or one of the domain's structs, as JSON text."""
    return _encode(value).decode()


def encode_task(task: Task) -> str:
    """A definition as the text that its record holds."""
    return _MARK + to_json(task)[1:]


def decode_task(text: str | None) -> Task:
    """The definition in a record.

    Raises:
        CorruptRecord: it is not there, no definition, or of another version.
    """
    if not text or not text.startswith(_MARK):
        raise CorruptRecord(
            f"Its definition is not one that this version reads: {text!r:.80}"
            if text
            else "It has no definition."
        )
    try:
        return _task_decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise CorruptRecord(f"Its definition cannot be read: {error}") from error


def listings_of(task: Task) -> list[str]:
    """The listings in which a task of this definition stands, without the prefix, except that of
    its status."""
    names = Keys("")
    return [
        names.tasks_by("type", task.type),
        names.tasks_by("queue", task.queue),
        *(names.tasks_by("tag", tag) for tag in task.tags),
        *(names.tasks_by("calendar", name) for name in task.calendars),
    ]


def listings_before(task: StoredTask) -> set[str]:
    """Those in which a task stands, as far as its record says it; whatever may be its status, where
    that is lost."""
    found = set(listings_of(task.definition) if task.definition else ())
    others = STATUSES if "status" in task.lost else ()
    return found | {Keys("").tasks_by("status", status) for status in others}


def pairs(flat: Iterable[str]) -> dict[str, str]:
    """The fields of a hash from a script's flat list."""
    items = iter(flat)
    return dict(zip(items, items, strict=True))


def stored_task(task_id: str, fields: Mapping[str, str]) -> StoredTask:
    """A task from its record.

    Raises:
        CorruptRecord: its definition cannot be read.
    """
    return _stored_task(task_id, fields, decode_task(fields.get("def")))


def unreadable_task(task_id: str, fields: Mapping[str, str], error: CorruptRecord) -> StoredTask:
    """A stand-in for a task whose definition cannot be read, so that a listing can show it."""
    task = _stored_task(task_id, fields, cast(Task, None))
    return msgspec.structs.replace(task, notes=(*task.notes, error.message))


def _stored_task(task_id: str, fields: Mapping[str, str], definition: Task) -> StoredTask:
    lost = lost_by(fields.get("rev"), fields.get("status"))
    damage = f"Its record is damaged: it has no {' and no '.join(lost)}. {REMEDY}" if lost else ""
    status = fields.get("status", "")
    status = status if status in STATUSES else "paused"
    created = _counter(fields.get("created"))
    last = fields.get("lr")
    note = fields.get("note")
    return StoredTask(
        id=task_id,
        definition=definition,
        revision=_counter(fields.get("rev")),
        status=status,
        next_run_at=_counter(fields.get("next")) or None if status == "scheduled" else None,
        created_at=created,
        updated_at=_counter(fields.get("updated")) or created,
        last_run=LastRun(
            id=last, status=fields.get("lrs", ""), finished_at=_counter(fields.get("lrf")) or None
        )
        if last
        else None,
        counts={key[2:]: _counter(n) for key, n in fields.items() if key.startswith("n:")},
        done=tuple(_counter(text) for text in fields.get("occ", "0").split(",")),
        notes=tuple(text for text in (note, damage) if text),
        lost=lost,
    )


def lost_by(revision: str | None, status: str | None) -> tuple[str, ...]:
    """What a task's record lacks beside its definition."""
    has_revision = revision and revision.isascii() and revision.isdecimal()
    found = {"revision": has_revision, "status": status in STATUSES}
    return tuple(name for name, is_there in found.items() if not is_there)


def stored_run(run_id: str, fields: Mapping[str, str], log: Iterable[str] = ()) -> Run:
    """A run from its record.

    Raises:
        CorruptRecord: its definition, or an attempt, cannot be read.
    """
    try:
        return Run(
            id=run_id,
            task_id=fields["task"],
            definition=decode_task(fields.get("def")),
            status=cast(RunStatus, fields["status"]),
            reason=fields.get("reason"),
            origin=cast(Origin, fields["origin"]),
            backfill_id=fields.get("backfill"),
            retry_of=fields.get("retry_of"),
            died_at=_moment(fields.get("died")),
            scheduled_for=int(fields["at"]),
            queued_at=_moment(fields.get("queued")),
            first_queued_at=_moment(fields.get("first") or fields.get("queued")),
            started_at=_first_start(fields),
            finished_at=_moment(fields.get("finished")),
            attempt=int(fields.get("attempt", 1)),
            failures=int(fields.get("failures", 0)),
            lost=int(fields.get("lost", 0)),
            retry_at=_moment(fields.get("retry_at")),
            cancel_requested_at=_moment(fields.get("cancel_at")),
            cancel_reason=fields.get("cancel"),
            progress=_json(fields.get("progress")),
            result=_json(fields.get("result")),
            error=_failure_decoder.decode(fields["error"]) if "error" in fields else None,
            attempts=tuple(_attempts(fields)),
            count=int(fields.get("count", 1)),
            last_scheduled_for=_moment(fields.get("last")),
            log=tuple(log),
        )
    except (KeyError, ValueError, RecursionError, msgspec.DecodeError) as error:
        raise CorruptRecord(f"The run {run_id} cannot be read: {error}") from error


def salvaged_run(run_id: str, fields: Mapping[str, str]) -> Run:
    """What can be read of a run whose record is damaged, and what cannot, with why."""
    damage: dict[str, str] = {}

    def part(name: str, read: Callable[[], T], without: T) -> T:
        try:
            return read()
        except (CorruptRecord, KeyError, ValueError, RecursionError) as error:
            damage[name] = str(error)
            return without

    error = fields.get("error")
    run = Run(
        id=run_id,
        task_id=fields.get("task", ""),
        definition=part(
            "definition", lambda: decode_task(fields.get("def")), Task(type=fields.get("type", ""))
        ),
        status=cast(RunStatus, fields.get("status", "failed")),
        reason=fields.get("reason"),
        origin=cast(Origin, fields.get("origin", "schedule")),
        backfill_id=fields.get("backfill"),
        retry_of=fields.get("retry_of"),
        died_at=part("died_at", lambda: _moment(fields.get("died")), None),
        scheduled_for=_counter(fields.get("at")),
        queued_at=_counter(fields.get("queued")) or None,
        started_at=part("started_at", lambda: _first_start(fields), None),
        finished_at=_counter(fields.get("finished")) or None,
        attempt=_counter(fields.get("attempt")) or 1,
        failures=_counter(fields.get("failures")),
        lost=_counter(fields.get("lost")),
        progress=part("progress", lambda: _json(fields.get("progress")), None),
        result=part("result", lambda: _json(fields.get("result")), None),
        error=part("error", lambda: _failure_decoder.decode(error) if error else None, None),
        attempts=part("attempts", lambda: tuple(_attempts(fields)), ()),
    )
    return msgspec.structs.replace(run, damage=damage or {"record": "a number in it is none"})


def stored_backfill(backfill_id: str, fields: Mapping[str, str]) -> Backfill:
    """A backfill from its record.

    Raises:
        CorruptRecord: it cannot be read.
    """
    try:
        return Backfill(
            id=backfill_id,
            task_id=fields["task"],
            status=cast(BackfillStatus, fields["status"]),
            start=int(fields["start"]),
            end=int(fields["end"]),
            overlap=cast(OverlapPolicy, fields["overlap"]),
            total=int(fields["total"]),
            made=int(fields["made"]),
            over=int(fields["over"]),
            cursor=int(fields["cursor"]),
            counts={key[2:]: int(n) for key, n in fields.items() if key.startswith("n:")},
            created_at=int(fields["created"]),
            finished_at=int(fields["finished"]) if "finished" in fields else None,
            note=fields.get("note"),
        )
    except (KeyError, ValueError) as error:
        raise CorruptRecord(f"The backfill {backfill_id} cannot be read: {error}") from error


def _attempts(fields: Mapping[str, str]) -> list[Attempt]:
    ended = [_attempt_decoder.decode(text) for key, text in fields.items() if key.startswith("a:")]
    # a try that was handed back comes before the next one of its number, in the same ms too
    ended.sort(key=lambda attempt: (attempt.number, attempt.outcome != "handed_back"))
    if fields["status"] == "running":
        ended.append(
            Attempt(
                number=int(fields["attempt"]),
                worker=fields.get("worker"),
                started_at=_moment(fields.get("started")),
            )
        )
    return ended


def _first_start(fields: Mapping[str, str]) -> int | None:
    starts = [attempt.started_at for attempt in _attempts(fields) if attempt.started_at]
    return min(starts, default=None)


def _counter(text: str | None) -> int:
    """A counter or a moment of a task, which can be shown whatever is in its record."""
    return int(text) if text and text.isdecimal() else 0


def _moment(text: str | None) -> int | None:
    return int(float(text)) if text else None


def _json(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)
