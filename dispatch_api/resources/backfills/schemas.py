"""How backfills are shown and asked for."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
from marshmallow import fields, pre_dump

from dispatch_api.fields import ID_TEXT, Choice, Moment, Word
from dispatch_api.smorest import PageQuery, Schema
from dispatch_app.domain.backfill import Backfill, BackfillStatus
from dispatch_app.domain.run import FINISHED
from dispatch_app.domain.task import OverlapPolicy

_COUNTS = tuple(sorted(FINISHED))


class BackfillSchema(Schema):
    """A window whose occurrences run again, or for the first time."""

    id = fields.String()
    task_id = fields.String()
    status = Choice(get_args(BackfillStatus))
    start = Moment()
    end = Moment()
    overlap = Choice(get_args(OverlapPolicy))
    total = fields.Integer(metadata={"description": "Occurrences in the window."})
    made = fields.Integer(metadata={"description": "Of those: made into runs, or skipped."})
    progress = fields.Float(metadata={"description": "How much of it is over, 0 to 1."})
    counts = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        metadata={"example": dict.fromkeys(_COUNTS, 0), "description": "Of what is over."},
    )
    created_at = Moment()
    finished_at = Moment(allow_none=True)
    note = fields.String(
        allow_none=True, metadata={"description": "Why it ended so, where that is not plain."}
    )

    @pre_dump
    def flat(self, backfill: Backfill, **kwargs: Any) -> dict[str, Any]:
        """With its progress, and every count."""
        return {
            **msgspec.structs.asdict(backfill),
            "progress": round(backfill.progress, 4),
            "counts": {**dict.fromkeys(_COUNTS, 0), **backfill.counts},
        }


class BackfillPage(Schema):
    """Some backfills, newest first."""

    items = fields.List(fields.Nested(BackfillSchema))
    next = fields.String(allow_none=True)


class BackfillQuery(PageQuery):
    """Which backfills."""

    task_id = Word(r"[A-Za-z0-9._:-]{1,128}", ID_TEXT)
    status = Choice(get_args(BackfillStatus))
