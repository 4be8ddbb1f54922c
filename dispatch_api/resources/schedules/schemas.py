"""One schema per kind of schedule."""

from __future__ import annotations

from typing import Any

import msgspec
from marshmallow import ValidationError, fields, post_load, pre_dump

from dispatch_api.fields import (
    ID,
    ID_TEXT,
    Choice,
    Flag,
    Moment,
    Seconds,
    Text,
    Whole,
    Word,
)
from dispatch_api.smorest import Schema, Variant
from dispatch_app.domain import durations
from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.schedule import Cron, Interval, Kind, Once, Several, Steps
from dispatch_app.domain.schedule.bounds import LONGEST_JITTER
from dispatch_app.domain.schedule.interval import LONGEST, SHORTEST
from dispatch_app.domain.schedule.once import LONGEST_DELAY
from dispatch_app.domain.schedule.phrases import LANGUAGES
from dispatch_app.domain.schedule.several import MOST as MOST_SCHEDULES
from dispatch_app.domain.schedule.steps import MOST


class StepSchema(Schema):
    """So many days, weeks, months or years on the clock."""

    days = Whole(least=1, most=MOST["days"])
    weeks = Whole(least=1, most=MOST["weeks"])
    months = Whole(least=1, most=MOST["months"])
    years = Whole(least=1, most=MOST["years"])


_STEP = StepSchema()


class Every(Seconds):
    """Seconds, or a text of Go or ISO 8601 (`"1h30m"`, `"PT30S"`), shown as seconds; or steps on
    the clock, `{"months": 1}`."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return value if isinstance(value, dict) else super()._serialize(value, attr, obj, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, dict):
            step = _STEP.load(value)
            if len(step) != 1:
                raise ValidationError("Has to be one of days, weeks, months, years.")
            return step
        if not isinstance(value, str):
            return super()._deserialize(value, attr, data, **kwargs)
        try:
            return self.checked(durations.parse(value) / 1000)
        except ValueError as error:
            raise ValidationError(f"{error}.") from error


def _dst(**options: Any) -> Choice:
    return Choice(
        ["run_once", "skip", "run_twice"],
        metadata={"description": "What becomes of a fixed time that the clock skips or repeats."},
        **options,
    )


class Names(fields.List):
    """Names of calendars, each once."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(Word(ID.pattern, ID_TEXT), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return tuple(dict.fromkeys(super()._deserialize(value, attr, data, **kwargs)))


class InZone(Schema):
    """What all schedules have."""

    timezone = Text(64, load_default="UTC", metadata={"description": "A name of IANA's."})
    jitter = Seconds(
        least=0,
        most=LONGEST_JITTER // 1000,
        load_default=0,
        metadata={
            "description": "Seconds by which an occurrence is dispatched late, at most: spread "
            "evenly over tasks, the same for each occurrence, never past the next one."
        },
    )
    calendars = Names(
        load_default=(), metadata={"description": "Names; all of them have to allow a moment."}
    )
    description = fields.String(
        allow_none=True,
        metadata={
            "description": "The schedule in words, null where a stored one means nothing any more; "
            "the server says it, and looks at no other."
        },
    )

    @pre_dump
    def shown(self, schedule: Kind, **kwargs: Any) -> dict[str, Any]:
        """It as it was given, and in words."""
        try:
            words = schedule.describe()
        except InvalidInput:
            words = None
        return {**msgspec.structs.asdict(schedule), "description": words}

    @staticmethod
    def given(data: dict[str, Any]) -> dict[str, Any]:
        """What the domain looks at; the rest comes from a schedule that was shown."""
        return {name: data[name] for name in data.keys() - {"type", "description", "resolved"}}


class OnceSchema(InZone):
    """At one moment, given as a time or from now on; one that has passed is now."""

    type = Choice(["one-time"], required=True)
    start_time = Moment(
        load_default=None, allow_none=True, metadata={"example": "2026-01-31T09:00:00Z"}
    )
    delay = Seconds(
        least=0,
        most=LONGEST_DELAY // 1000,
        load_default=None,
        allow_none=True,
        metadata={"description": "Seconds from now, instead of `start_time`."},
    )

    @post_load
    def make(self, data: dict[str, Any], **kwargs: Any) -> Once:
        """The domain's."""
        return Once(**self.given(data))


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
            "type": ["number", "string", "object"],
            "description": 'Seconds, or such as "1h30m": a fixed length of time. Or steps on the '
            'clock of the zone, one of days, weeks, months and years: {"months": 1}.',
            "example": 60,
        },
    )
    dst = _dst(load_default=None, allow_none=True)

    @post_load
    def make(self, data: dict[str, Any], **kwargs: Any) -> Interval | Steps:
        """The domain's; it is anchored when the task is stored."""
        data = self.given(data)
        dst = data.pop("dst")
        if isinstance(data["every"], dict):
            ((unit, count),) = data.pop("every").items()
            return Steps(unit=unit, count=count, dst=dst or "run_once", **data)
        if dst is not None:
            raise ValidationError({"dst": ["A fixed length of time knows no change of the clock."]})
        return Interval(**data)

    @pre_dump
    def shown(self, schedule: Kind, **kwargs: Any) -> dict[str, Any]:
        """It as it was given, and in words."""
        shown = super().shown(schedule)
        if isinstance(schedule, Steps):
            shown["every"] = {schedule.unit: schedule.count}
        return {"dst": None, **shown}


class CronSchema(RecurringSchema):
    """By a cron expression: five fields, six with seconds first, @daily and its like, or
    "@every 1h30m", which becomes an interval."""

    type = Choice(["cron"], required=True)
    cron = Text(200, required=True, metadata={"example": "0 9 * * 1-5"})
    seconds = Choice(
        ["first", "last"],
        load_default="first",
        metadata={"description": "Where a sixth field stands: Quartz has it first, croniter last."},
    )
    day_or = Flag(
        load_default=True,
        metadata={
            "description": "False: day of month and day of week both have to match, whatever they "
            "begin with."
        },
    )
    dst = _dst(load_default="run_once")
    resolved = fields.String(
        allow_none=True,
        metadata={
            "description": "The expression with numbers, hashed from the task's id, for each `H`; "
            "the server says it, and looks at no other."
        },
    )

    @post_load
    def make(self, data: dict[str, Any], **kwargs: Any) -> Cron | Interval:
        """The domain's."""
        data = self.given(data)
        if not data["cron"].lower().startswith("@every "):
            return Cron(**data)
        try:
            every = durations.parse(data.pop("cron")[len("@every ") :].strip())
        except ValueError as error:
            raise ValidationError({"cron": [f"{error}."]}) from error
        return Interval(every=every, **{name: data[name] for name in _OF_INTERVALS})

    @pre_dump
    def shown(self, schedule: Kind, **kwargs: Any) -> dict[str, Any]:
        """It as it was given, and in words; without an `H` there is nothing to resolve."""
        shown = super().shown(schedule)
        return {**shown, "resolved": shown["resolved"] or None}


#: What "@every" can be said together with.
_OF_INTERVALS = ("timezone", "start_time", "end_time", "max_runs", "jitter", "calendars")
_INTERVAL = IntervalSchema()
#: The words of `type`; `recurring` is the word that the first users had for an interval.
KINDS = {
    "one-time": OnceSchema(),
    "interval": _INTERVAL,
    "recurring": _INTERVAL,
    "cron": CronSchema(),
}


class Schedule(Variant):
    """Any of them, or a list of them, checked by its own rules."""

    #: how many of them a list may have
    most = MOST_SCHEDULES

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(KINDS, **kwargs)

    def word_of(self, tag: str) -> str:
        """Steps are intervals, with an `every` of their own."""
        return "interval" if tag == "steps" else tag

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        if isinstance(value, Several):
            return [super(Schedule, self)._serialize(each, attr, obj) for each in value.schedules]
        return super()._serialize(value, attr, obj, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, list):
            return self._several(value)
        schedule = super()._deserialize(value, attr, data, **kwargs)
        try:
            schedule.check()
        except InvalidInput as error:
            raise ValidationError({**error.fields}) from error
        return schedule

    def _several(self, values: list[Any]) -> Several:
        if not 1 <= len(values) <= self.most:
            raise ValidationError(f"Has to be one schedule, or a list of 1 to {self.most}.")
        found, errors = [], {}
        for index, value in enumerate(values):
            try:
                if isinstance(value, list):
                    raise ValidationError("Has to be an object.")
                found.append(self._deserialize(value, None, None))
            except ValidationError as error:
                errors[index] = error.messages
        if errors:
            raise ValidationError(errors)
        return Several(schedules=tuple(found))


class PreviewBody(Schema):
    """What to preview."""

    schedule = Schedule(required=True)
    after = Moment(metadata={"description": "Default: now."})
    count = Whole(least=1, most=100, load_default=5)
    language = Choice(
        LANGUAGES, load_default="en", metadata={"description": "Of description and notes."}
    )
    task_id = Word(
        ID.pattern,
        ID_TEXT,
        metadata={"description": "From which cron's `H` is hashed; without it, an example."},
    )


class OccurrenceSchema(Schema):
    """One occurrence."""

    at = fields.String(metadata={"format": "date-time", "description": "In the schedule's zone."})
    dispatched_at = fields.String(
        metadata={"format": "date-time", "description": "Later, where it has jitter."}
    )
    note = fields.String(
        allow_none=True, metadata={"description": "What a change of the clock made of it."}
    )


class PreviewSchema(Schema):
    """What a schedule amounts to."""

    description = fields.String(metadata={"description": "The schedule in words."})
    occurrences = fields.List(fields.Nested(OccurrenceSchema))
    left_out = fields.List(
        fields.String(metadata={"format": "date-time"}),
        metadata={"description": "Where it names calendars: what they leave out."},
    )
