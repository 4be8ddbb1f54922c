"""One schema per kind of schedule."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, post_load

from dispatch_api.fields import Choice, Moment, Seconds, Text, Whole
from dispatch_api.smorest import Schema, Variant
from dispatch_app.domain import durations
from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule import Cron, Interval, Once
from dispatch_app.domain.schedule.interval import LONGEST, SHORTEST


class Every(Seconds):
    """Seconds, or a text of Go or ISO 8601: `"1h30m"`, `"PT30S"`; shown as seconds."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str):
            return super()._deserialize(value, attr, data, **kwargs)
        try:
            return self.checked(durations.parse(value) / 1000)
        except ValueError as error:
            raise ValidationError(f"{error}.") from error


class InZone(Schema):
    """What all schedules have."""

    timezone = Text(64, load_default="UTC", metadata={"description": "A name of IANA's."})


class OnceSchema(InZone):
    """At one moment; one that has passed is now."""

    type = Choice(["one-time"], required=True)
    start_time = Moment(required=True, metadata={"example": "2026-01-31T09:00:00Z"})

    @post_load
    def make(self, data: dict[str, Any], **kwargs: Any) -> Once:
        """The domain's."""
        del data["type"]
        return Once(**data)


class RecurringSchema(InZone):
    """What all schedules with more than one occurrence have."""

    start_time = Moment(load_default=None, allow_none=True)
    end_time = Moment(
        load_default=None, allow_none=True, metadata={"description": "An occurrence at it runs."}
    )
    max_runs = Whole(least=1, most=10**9, load_default=None, allow_none=True)


class IntervalSchema(RecurringSchema):
    """Every so often, counted from `start_time`, else from the task's creation."""

    type = Choice(["interval", "recurring"], required=True)
    every = Every(
        least=SHORTEST / 1000,
        most=LONGEST // 1000,
        required=True,
        metadata={
            "type": ["number", "string"],
            "description": 'Seconds, or such as "1h30m".',
            "example": 60,
        },
    )

    @post_load
    def make(self, data: dict[str, Any], **kwargs: Any) -> Interval:
        """The domain's; it is anchored when the task is stored."""
        del data["type"]
        return Interval(**data)


class CronSchema(RecurringSchema):
    """By a cron expression: five fields, six with seconds first, or @daily and its like."""

    type = Choice(["cron"], required=True)
    cron = Text(200, required=True, metadata={"example": "0 9 * * 1-5"})
    dst = Choice(
        ["run_once", "skip", "run_twice"],
        load_default="run_once",
        metadata={"description": "What becomes of a fixed time that the clock skips or repeats."},
    )

    @post_load
    def make(self, data: dict[str, Any], **kwargs: Any) -> Cron:
        """The domain's."""
        del data["type"]
        return Cron(**data)


_INTERVAL = IntervalSchema()
#: The words of `type`; `recurring` is the word that the first users had for an interval.
KINDS = {
    "one-time": OnceSchema(),
    "interval": _INTERVAL,
    "recurring": _INTERVAL,
    "cron": CronSchema(),
}


class Schedule(Variant):
    """Any of them, checked by its own rules."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(KINDS, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        schedule = super()._deserialize(value, attr, data, **kwargs)
        try:
            schedule.check()
        except InvalidInput as error:
            raise ValidationError({**error.fields}) from error
        return schedule


class PreviewBody(Schema):
    """What to preview."""

    schedule = Schedule(required=True)
    after = Moment(metadata={"description": "Default: now."})
    count = Whole(least=1, most=100, load_default=5)


class OccurrenceSchema(Schema):
    """One occurrence."""

    at = fields.String(metadata={"format": "date-time", "description": "In the schedule's zone."})
    note = fields.String(
        allow_none=True, metadata={"description": "What a change of the clock made of it."}
    )


class PreviewSchema(Schema):
    """What a schedule amounts to."""

    description = fields.String(metadata={"description": "The schedule in words."})
    occurrences = fields.List(fields.Nested(OccurrenceSchema))
