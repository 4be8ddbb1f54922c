"""What a task's body may say, and how tasks are shown and asked for."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
from marshmallow import fields, post_load, pre_dump

from dispatch_api.fields import (
    Choice,
    Decimals,
    Flag,
    Moment,
    Number,
    Object,
    Seconds,
    Switch,
    Text,
    Whole,
    Word,
)
from dispatch_api.resources.runs.schemas import RUN_STATUSES, FailureSchema
from dispatch_api.resources.schedules.schemas import Schedule
from dispatch_api.smorest import PageQuery, Schema, dispatch
from dispatch_app.domain.retry import Backoff, RetryPolicy
from dispatch_app.domain.task import (
    MAX_LOST,
    PRIORITIES,
    TASK_STATUSES,
    Misfire,
    MisfirePolicy,
    OnWorkerLost,
    OverlapPolicy,
    StoredTask,
)

#: Bytes as compact JSON.
MOST_PAYLOAD = 64 * 1024
MOST_METADATA = 16 * 1024
MOST_TAGS = 50
#: Seconds that a request may wait for a result.
LONGEST_WAIT = 60

_TYPE = (r"[^\s\x00-\x1f\x7f]{1,255}", "1 to 255 characters without spaces: the Celery task's name")
_QUEUE = (r"[A-Za-z0-9._:-]{1,128}", "1 to 128 letters, digits and . _ : -")
_TAG = (r"[\w.:=/@+-]{1,64}", "1 to 64 letters, digits and . _ : = / @ + -")
_ERROR = (
    r"([^\W\d][\w.]{0,254}|[1-5]([0-9]{2}|[xX]{2}))",
    "the name of an exception, bare or with its module, or an HTTP status: 100 to 599, 1xx to 5xx",
)

#: A one-off task shows its run's status.
STATUSES = tuple(dict.fromkeys((*TASK_STATUSES, *RUN_STATUSES)))

EXAMPLE = {
    "type": "email",
    "name": "Send welcome email",
    "description": "Send a welcome email to new users",
    "priority": "high",
    "payload": {
        "to": "user@example.com",
        "subject": "Welcome!",
        "body": "Welcome to our service!",
    },
    "max_retries": 3,
    "timeout": 60,
    "schedule": {"type": "one-time", "start_time": "2023-04-10T15:00:00Z"},
}


class Words(fields.List):
    """A few words, each once, in the order given."""

    default_error_messages = {"many": "Has to be {most} items at most."}

    def __init__(self, word: tuple[str, str], most: int, **kwargs: Any) -> None:
        self._most = most
        metadata = {"maxItems": most, **kwargs.pop("metadata", {})}
        super().__init__(Word(*word), load_default=(), metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, list) and len(value) > self._most:
            raise self.make_error("many", most=self._most)
        return tuple(dict.fromkeys(super()._deserialize(value, attr, data, **kwargs)))


class Errors(Words):
    """Names of exceptions and HTTP statuses; statuses may be integers, and become texts."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(_ERROR, 50, **kwargs)
        plain = {"type": ["string", "integer"], "minimum": 100, "maximum": 599}
        self.inner.metadata = {**self.inner.metadata, **plain}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, list):
            value = [str(item) if type(item) is int else item for item in value]
        found = super()._deserialize(value, attr, data, **kwargs)
        return tuple(dict.fromkeys(name.lower() if name[0].isdigit() else name for name in found))


class Section(fields.Nested):
    """An object that is given whole or not at all, in a change too."""

    def _load(self, value: Any, partial: Any = None) -> Any:
        return super()._load(value)


class RetrySchema(Schema):
    """How long to wait before the next attempt, and which errors are worth one."""

    backoff = Choice(get_args(Backoff), load_default="exponential")
    delay = Seconds(
        least=0,
        load_default=lambda: dispatch.config.scheduler.retry_backoff,
        metadata={"description": "Before the first retry."},
    )
    factor = Number(least=1, most=100, load_default=2.0)
    max_delay = Seconds(least=0, load_default=3_600_000, metadata={"default": 3600})
    jitter = Flag(
        load_default=True,
        metadata={"description": "Draw each delay evenly between 0 and its full length."},
    )
    retry_on = Errors(
        metadata={
            "description": "Nothing but these is retried, if there are any: names of exceptions "
            "(bases count), HTTP statuses such as 503 or 5xx."
        }
    )
    dont_retry_on = Errors(metadata={"description": "These are not retried. Wins over retry_on."})
    deadline = Seconds(
        load_default=None,
        allow_none=True,
        metadata={
            "description": "No attempt after the first begins later than so many seconds after "
            "the run was first queued."
        },
    )

    @post_load
    def make(self, data: dict[str, Any], **kwargs: Any) -> RetryPolicy:
        """The domain's."""
        return RetryPolicy(**data)


class MisfireSchema(Schema):
    """What becomes of occurrences that could not be dispatched in their time."""

    policy = Choice(
        get_args(MisfirePolicy),
        load_default=None,
        allow_none=True,
        metadata={"description": "Default: run for what runs once, else run_last."},
    )
    catch_up = Seconds(
        load_default=None,
        allow_none=True,
        metadata={"description": "An occurrence that is later than so many seconds is skipped."},
    )

    @post_load
    def make(self, data: dict[str, Any], **kwargs: Any) -> Misfire:
        """The domain's."""
        return Misfire(**data)


class LastRunSchema(Schema):
    """The run of a task that changed last."""

    id = fields.String()
    status = Choice(RUN_STATUSES)
    finished_at = Moment(allow_none=True)


_COUNTS = ("runs", "succeeded", "failed", "cancelled", "expired", "skipped", "retried")


class TaskSchema(Schema):
    """What to run, when and how; and what became of it, which the server says."""

    id = fields.String(dump_only=True)
    status = Choice(STATUSES, dump_only=True)

    type = Word(
        *_TYPE, required=True, metadata={"description": "Name of the registered Celery task."}
    )
    name = Text(200, load_default="")
    description = Text(10_000, lines=True, load_default="")
    priority = Choice(PRIORITIES, load_default="normal")
    payload = Object(
        most=MOST_PAYLOAD,
        load_default=dict,
        metadata={"description": "Keyword arguments of the function; at most 64 KiB."},
    )
    queue = Word(*_QUEUE, metadata={"description": "Default: that of the type, else the app's."})
    tags = Words(_TAG, MOST_TAGS)
    max_retries = Whole(
        least=0, most=1000, load_default=lambda: dispatch.config.scheduler.max_retries
    )
    timeout = Seconds(
        load_default=lambda: dispatch.config.scheduler.default_timeout,
        metadata={"description": "Hard limit of one attempt."},
    )
    retry = Section(
        RetrySchema,
        load_default=lambda: RetryPolicy(delay=dispatch.config.scheduler.retry_backoff),
        metadata={
            "description": "Replaced whole, by PATCH too: what is not in the new one has its "
            "default again."
        },
    )
    on_worker_lost = Choice(
        get_args(OnWorkerLost),
        load_default="retry",
        metadata={
            "description": "Fail: a run whose worker vanished, or shut down in the midst of it, is "
            "not started again."
        },
    )
    max_lost = Whole(
        least=0,
        most=100,
        load_default=MAX_LOST,
        metadata={"description": "Lost attempts that are followed by another one."},
    )
    expires = Seconds(
        load_default=None,
        allow_none=True,
        metadata={"description": "A run that has not started so long after its time never does."},
    )
    misfire = Section(MisfireSchema, load_default=Misfire)
    overlap = Choice(
        get_args(OverlapPolicy),
        load_default="allow_all",
        metadata={
            "description": "What becomes of an occurrence while an earlier run is not finished."
        },
    )
    schedule = Schedule(
        load_default=None, allow_none=True, metadata={"description": "Null: it runs now."}
    )
    metadata = Object(
        most=MOST_METADATA,
        load_default=dict,
        metadata={"description": "Yours; never looked into. At most 16 KiB."},
    )
    enabled = Flag(load_default=True, metadata={"description": "False: it is paused."})

    revision = fields.Integer(dump_only=True)
    next_run_at = Moment(dump_only=True, allow_none=True)
    created_at = Moment(dump_only=True)
    updated_at = Moment(dump_only=True)
    last_run = fields.Nested(LastRunSchema, dump_only=True, allow_none=True)
    counts = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        dump_only=True,
        metadata={"example": dict.fromkeys(_COUNTS, 0)},
    )
    notes = fields.List(
        fields.String(), dump_only=True, metadata={"description": "Why it waits, if it does."}
    )

    @pre_dump
    def flat(self, stored: StoredTask, **kwargs: Any) -> dict[str, Any]:
        """The definition's fields beside those of its record; null where it cannot be read."""
        shown = dict.fromkeys(self.fields)
        if stored.definition is not None:
            shown.update(msgspec.structs.asdict(stored.definition))
            shown["misfire"] = {
                "policy": stored.definition.misfire_policy,
                "catch_up": stored.definition.misfire.catch_up,
            }
        shown.update(msgspec.structs.asdict(stored))
        shown["enabled"] = stored.status != "paused"
        shown["counts"] = {**dict.fromkeys(_COUNTS, 0), **stored.counts}
        return shown


class TaskChange(TaskSchema):
    """What to change; each field that is given replaces the old one whole."""


class TaskPage(Schema):
    """Some tasks, newest first."""

    items = fields.List(fields.Nested(TaskSchema))
    next = fields.String(allow_none=True)


class TaskQuery(PageQuery):
    """Which tasks."""

    status = Choice(STATUSES)
    type = Text(255)
    tag = Text(64)
    queue = Text(128)
    name = Text(
        200,
        attribute="name_prefix",
        metadata={
            "description": "How the name begins. There is no listing by name: a page looks at some "
            "2,000 tasks, and may be short, or empty, while `next` says that there are more."
        },
    )
    created_after = Moment(metadata={"description": "Then or later."})
    created_before = Moment(metadata={"description": "Then or earlier."})


class CancelQuery(Schema):
    """How to cancel."""

    terminate = Switch(metadata={"description": "Give what runs no grace."})
    purge = Switch(metadata={"description": "Remove it with its history."})


class ResultQuery(Schema):
    """How long to wait for the result."""

    wait = Decimals(
        least=0, most=LONGEST_WAIT, load_default=0.0, metadata={"description": "Seconds."}
    )


class ResultSchema(Schema):
    """What a task's latest run came to."""

    task_id = fields.String()
    run_id = fields.String(allow_none=True)
    status = Choice(STATUSES)
    result = fields.Raw()
    error = fields.Nested(FailureSchema, allow_none=True)
    started_at = Moment(allow_none=True)
    finished_at = Moment(allow_none=True)
    duration = Seconds(allow_none=True, metadata={"description": "Seconds."})


class TriggerBody(Schema):
    """What to run it with."""

    payload = Object(
        most=MOST_PAYLOAD,
        metadata={"description": "Replaces these fields of the payload, for this run."},
    )
    overlap = Choice(
        get_args(OverlapPolicy), metadata={"description": "Instead of the task's own policy."}
    )


class PauseBody(Schema):
    """Why."""

    note = Text(500, load_default="")


class BackfillBody(Schema):
    """The window, both ends included."""

    start = Moment(required=True)
    end = Moment(required=True)
    overlap = Choice(
        get_args(OverlapPolicy),
        load_default="allow_all",
        metadata={"description": "What becomes of one while earlier runs are not finished."},
    )
