"""How pauses are shown."""

from __future__ import annotations

from marshmallow import fields

from dispatch_api.fields import Moment
from dispatch_api.smorest import Schema


class PauseSchema(Schema):
    """Whether what is in a scope runs, and who has said so."""

    scope = fields.String(metadata={"description": "all, queue:NAME or type:NAME"})
    paused = fields.Boolean(
        metadata={"description": "False in the answer to a resume: the rest says of which pause."}
    )
    who = fields.String(
        allow_none=True, metadata={"description": "The name of the key; null: there was no pause."}
    )
    at = Moment(allow_none=True)
    note = fields.String()
    held = fields.Integer(
        metadata={"description": "Occurrences that came due and runs that wait for its end."}
    )


class PausePage(Schema):
    """All pauses, by scope."""

    items = fields.List(fields.Nested(PauseSchema))
    next = fields.String(allow_none=True)
