"""How types are shown."""

from __future__ import annotations

from marshmallow import fields

from dispatch_api.smorest import Schema


class TypeSchema(Schema):
    """A registered Celery task that can be scheduled."""

    name = fields.String()
    description = fields.String()
    queue = fields.String(metadata={"description": "Where it goes when a task does not say."})
    payload_schema = fields.Dict(
        attribute="schema", metadata={"description": "JSON Schema of its payload."}
    )


class TypePage(Schema):
    """All types, by name."""

    items = fields.List(fields.Nested(TypeSchema))
    next = fields.String(allow_none=True)
