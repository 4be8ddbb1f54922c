"""How runs are shown and asked for."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
from marshmallow import fields, pre_dump

from dispatch_api.fields import ID_TEXT, Choice, Flag, Moment, Seconds, Text, Word
from dispatch_api.smorest import PageQuery, Schema
from dispatch_app.domain.run import Origin, Run, RunStatus
from dispatch_app.domain.task import PRIORITIES

RUN_STATUSES: tuple[str, ...] = get_args(RunStatus)
#: Seconds that a run which is asked to end may be given.
LONGEST_GRACE = 86_400


class FailureSchema(Schema):
    """What an attempt raised."""

    type = fields.String()
    message = fields.String()
    traceback = fields.String(allow_none=True)


class AttemptSchema(Schema):
    """One try of a run."""

    number = fields.Integer()
    worker = fields.String(allow_none=True)
    started_at = Moment(allow_none=True)
    finished_at = Moment(allow_none=True)
    outcome = fields.String()
    error = fields.Nested(FailureSchema, allow_none=True)
    delay = Seconds(
        least=0,
        allow_none=True,
        metadata={"description": "Until the next attempt, as drawn, where a retry follows."},
    )


class RunSchema(Schema):
    """One execution of a task."""

    id = fields.String()
    task_id = fields.String()
    type = fields.String()
    status = Choice(RUN_STATUSES)
    reason = fields.String(
        allow_none=True, metadata={"description": "Why it is so, where that is not plain."}
    )
    origin = Choice(get_args(Origin))
    backfill_id = fields.String(allow_none=True)
    retry_of = fields.String(
        allow_none=True, metadata={"description": "The finished run that it is in place of."}
    )
    scheduled_for = Moment()
    last_scheduled_for = Moment(
        allow_none=True, metadata={"description": "Of skipped occurrences in a row: the last."}
    )
    count = fields.Integer(
        metadata={"description": "Of skipped occurrences: how many; of a run 1."}
    )
    queued_at = Moment(allow_none=True)
    started_at = Moment(allow_none=True)
    finished_at = Moment(allow_none=True)
    retry_at = Moment(allow_none=True)
    cancel_requested_at = Moment(
        allow_none=True,
        metadata={"description": "When it was asked to end; it is `running` until it has."},
    )
    cancel_reason = fields.String(allow_none=True)
    queue = fields.String()
    priority = Choice(PRIORITIES)
    progress = fields.Raw()
    result = fields.Raw()
    error = fields.Nested(FailureSchema, allow_none=True)
    attempts = fields.List(fields.Nested(AttemptSchema))
    log = fields.List(
        fields.String(), metadata={"description": "What the function wrote; not in listings."}
    )

    @pre_dump
    def flat(self, run: Run, **kwargs: Any) -> dict[str, Any]:
        """The run with what its definition says of it."""
        definition = run.definition
        return {
            **msgspec.structs.asdict(run),
            "type": definition.type,
            "queue": definition.queue,
            "priority": definition.priority,
        }


class CancelBody(Schema):
    """How to stop a run that runs."""

    grace = Seconds(
        least=0,
        most=LONGEST_GRACE,
        metadata={
            "description": "Seconds that it has to end by itself; three heartbeats if nothing is "
            "said. Once more shortens it, and never makes it longer."
        },
    )
    terminate = Flag(
        load_default=False, metadata={"description": "No grace at all, whatever `grace` says."}
    )
    reason = Text(500, metadata={"description": "Kept with the run; of several the first."})


class RunPage(Schema):
    """Some runs, newest first."""

    items = fields.List(fields.Nested(RunSchema))
    next = fields.String(allow_none=True)


class RunsOfTaskQuery(PageQuery):
    """Which runs of one task."""

    status = Choice(RUN_STATUSES)
    after = Moment(metadata={"description": "Made then or later."})
    before = Moment(metadata={"description": "Made then or earlier."})


class RunQuery(RunsOfTaskQuery):
    """Which runs."""

    task_id = Word(r"[A-Za-z0-9._:-]{1,128}", ID_TEXT)
    type = Text(255)
    queue = Text(128)
    backfill = Text(64, attribute="backfill_id", metadata={"description": "Id of a backfill."})
