"""How dead letters are shown, asked for, replayed and dropped."""

from __future__ import annotations

from typing import Any, get_args

from marshmallow import ValidationError, fields, post_load, validates_schema

from dispatch_api.fields import ID_TEXT, Choice, Digits, Moment, Number, Switch, Text, Whole, Word
from dispatch_api.resources.runs.schemas import RunSchema
from dispatch_api.smorest import PageQuery, Schema
from dispatch_app.operations.dead_letters import Definition
from dispatch_app.store.dead_letters import LetterFilter

#: Letters that one request replays, or drops, at most.
MOST_AT_ONCE = 1_000

_CURSOR = (r"[A-Za-z0-9_=-]{1,1000}", "`next` of the answer before, as it is")
_GO_ON = {"description": "`next` of the answer before."}
_NEXT = {"description": "The `cursor` with which to go on; null: that was all."}


class DeadLetterSchema(RunSchema):
    """A run that has failed for good."""

    died_at = Moment(metadata={"description": "When it failed for good."})
    damage = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        metadata={"description": "What of its record cannot be read, and why; as a rule nothing."},
    )


class DeadLetterPage(Schema):
    """Some dead letters, the youngest first."""

    items = fields.List(fields.Nested(DeadLetterSchema))
    next = fields.String(allow_none=True)
    total = fields.Integer(metadata={"description": "All that there are, whatever the filter."})


class Letters(Schema):
    """Which dead letters."""

    type = Text(255)
    task_id = Word(r"[A-Za-z0-9._:-]{1,128}", ID_TEXT)
    queue = Text(128)
    error = Word(
        r"[\w.<>]{1,255}",
        "the name of an exception, bare or with its module",
        metadata={"description": "Type of the last attempt's error, bare or with its module."},
    )
    failed_after = Moment(metadata={"description": "Then or later."})
    failed_before = Moment(metadata={"description": "Then or earlier."})

    @post_load
    def make(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """The fields of a filter as one."""
        names = set(LetterFilter.__struct_fields__)
        rest = {name: value for name, value in data.items() if name not in names}
        chosen = {name: value for name, value in data.items() if name in names}
        rest.pop("all", None)
        return {**rest, "where": LetterFilter(**chosen)}


class DeadLetterQuery(Letters, PageQuery):
    """Which dead letters, and which page of them."""


class DropQuery(Letters):
    """Which dead letters are dropped."""

    all = Switch(metadata={"description": "Needed where there is no filter, and only there."})
    limit = Digits(least=1, most=MOST_AT_ONCE, load_default=MOST_AT_ONCE)
    cursor = Word(*_CURSOR, metadata=_GO_ON)

    @validates_schema
    def one_or_the_other(self, data: dict[str, Any], **kwargs: Any) -> None:
        """Nobody drops all of them by leaving a filter out."""
        filtered = not set(LetterFilter.__struct_fields__).isdisjoint(data)
        if filtered and data["all"]:
            raise ValidationError("Goes with no filter.", "all")
        if not filtered and not data["all"]:
            raise ValidationError("Without a filter all are dropped: say so (all=true).", "all")


class ReplayBody(Schema):
    """With which definition."""

    definition = Choice(
        get_args(Definition),
        load_default="original",
        metadata={
            "description": "That with which the run failed, or that which its task has by now."
        },
    )


class ReplayManyBody(Letters, ReplayBody):
    """Which dead letters, and how fast."""

    rate = Number(
        least=0.01,
        most=1_000,
        load_default=None,
        allow_none=True,
        metadata={
            "description": "New runs a second, after those of earlier calls. Null: all at once."
        },
    )
    limit = Whole(least=1, most=MOST_AT_ONCE, load_default=MOST_AT_ONCE)
    cursor = Word(*_CURSOR, metadata=_GO_ON)


class RefusalSchema(Schema):
    """A dead letter that was not replayed. It stays."""

    id = fields.String()
    reason = fields.String()


class ReplayedSchema(Schema):
    """What became of them."""

    runs = fields.List(fields.String(), metadata={"description": "Ids of the new runs."})
    refused = fields.List(fields.Nested(RefusalSchema))
    next = fields.String(
        allow_none=True,
        metadata={"description": "`cursor` with which to go on; null: that was all."},
    )


class DroppedSchema(Schema):
    """What became of them."""

    dropped = fields.Integer()
    next = fields.String(
        allow_none=True,
        metadata={"description": "`cursor` with which to go on; null: that was all."},
    )
