"""A run's attempt as the Celery protocol-2 message that wakes a worker, in kombu's Redis form.

The message carries run id and attempt, and no payload: that comes with the lease. Celery and kombu
render one message per kind of task on a channel that keeps it instead of sending it; the rest are
copies with other ids. So routing, headers and priority steps are theirs, whatever their version.
https://docs.celeryq.dev/en/stable/internals/protocol.html
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec
from celery import Celery
from kombu import Producer
from kombu.transport import redis as kombu_redis
from kombu.transport.virtual import Channel as VirtualChannel

from dispatch_app.domain.errors import ConfigError, InvalidInput
from dispatch_app.domain.task import Task

#: Our words for kombu's priority steps; 0 is served first.
PRIORITY_STEPS = {"critical": 0, "high": 3, "normal": 6, "low": 9}

#: Header that tells a message of ours from one of the user's own `apply_async`.
ATTEMPT_HEADER = "dispatch_attempt"

#: How much earlier than the hard limit the soft one comes: a tenth of it, at most 5 s.
SOFT_MARGIN_MS = 5_000

# Stand-ins in the template. Digits that no real message has; JSON leaves them as they are.
_RUN_ID = "dispatch-run-id"
_TAG = "dispatch-delivery-tag"
_KWARGSREPR = "dispatch-kwargsrepr"
_ATTEMPT = 777_000_777_001
_FAILURES = 777_000_777_002

_HOLES = (f'"{_RUN_ID}"', f'"{_TAG}"', f'"{_KWARGSREPR}"', str(_ATTEMPT), str(_FAILURES))
_MOST_TEMPLATES = 10_000

_quote = msgspec.json.Encoder().encode


class Messages:
    """Renders messages for one Celery app.

    Args:
        app: whose routing, serializer and transport options hold.

    Raises:
        ConfigError: its broker is not Redis.
    """

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._templates: dict[tuple[Any, ...], tuple[str, list[str], list[int]]] = {}

    @property
    def unacked_key(self) -> str:
        """The key of the broker's hash of messages that a worker has taken and not acknowledged, by
        their delivery tags."""
        with self._app.connection_for_write() as connection:
            channel = _KeepingChannel(connection.transport)
            return f"{channel.global_keyprefix}{channel.unacked_key}"

    def render(
        self, run_id: str, attempt: int, failures: int, task: Task, copy: int = 0
    ) -> tuple[str, str]:
        """The key of the broker's list, and the message to push onto it.

        Args:
            attempt: counts from 1.
            failures: attempts that raised so far; Celery's `retries`.
            copy: how many messages were sent again for the run before this one.

        Raises:
            InvalidInput: the task's queue is routed to an exchange that fans out.
        """
        queue, parts, holes = self._template(task)
        values = (
            f'"{run_id}"',
            f'"{delivery_tag(run_id, attempt, copy)}"',
            _masked(tuple(task.payload)),
            str(attempt),
            str(failures),
        )
        filled = list(parts)
        for at, hole in enumerate(holes):
            filled[2 * at + 1] = values[hole]
        return queue, "".join(filled)

    def default_queue(self, task_type: str) -> str:
        """The queue to which the app's routing sends a type when a task does not say."""
        routed = self._app.amqp.router.route({}, task_type)
        queue = routed.get("queue")
        return queue.name if queue else str(self._app.conf.task_default_queue)

    def _template(self, task: Task) -> tuple[str, list[str], list[int]]:
        key = (task.type, task.queue, task.priority, task.timeout)
        template = self._templates.get(key)
        if template is None:
            if len(self._templates) >= _MOST_TEMPLATES:
                self._templates.clear()
            queue, text = self._rendered_by_celery(task)
            parts, holes = _split(text)
            template = self._templates[key] = (queue, parts, holes)
        return template

    def _rendered_by_celery(self, task: Task) -> tuple[str, str]:
        amqp = self._app.amqp
        options = amqp.router.route(
            {"queue": task.queue, "priority": PRIORITY_STEPS[task.priority]}, task.type
        )
        queue = options["queue"]
        if queue.exchange.type != "direct":
            raise InvalidInput(
                {"queue": f"{queue.name!r} is bound to a {queue.exchange.type} exchange; "
                          "dispatch sends to queues of direct exchanges only."}
            )  # fmt: skip
        message = amqp.as_task_v2(
            _RUN_ID,
            task.type,
            argsrepr="()",
            kwargsrepr=_KWARGSREPR,
            retries=_FAILURES,
            time_limit=task.timeout / 1000,
            soft_time_limit=soft_limit(task.timeout) / 1000,
            reply_to=self._app.thread_oid,
            # the task's own setting holds, as for a message that says nothing about it
            ignore_result=None,
        )
        with self._app.connection_for_write() as connection:
            channel = _KeepingChannel(connection.transport)
            Producer(channel, auto_declare=False).publish(
                message.body,
                exchange="",
                routing_key=queue.name,
                serializer=self._app.conf.task_serializer,
                compression=self._app.conf.task_compression,
                delivery_mode=queue.exchange.delivery_mode
                or self._app.conf.task_default_delivery_mode,
                headers={**message.headers, ATTEMPT_HEADER: _ATTEMPT},
                priority=options["priority"],
                **message.properties,
            )
        key, kept = channel.kept
        kept["properties"]["delivery_tag"] = _TAG
        return key, kombu_redis.dumps(kept)


class _KeepingChannel(kombu_redis.Channel):
    """kombu's Redis channel without a connection: it keeps the message that it is told to send."""

    def __init__(self, transport: Any) -> None:
        # past the Redis channel's own __init__, which would connect
        VirtualChannel.__init__(self, transport)

    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
        step = self._q_for_pri(queue, self._get_message_priority(message, reverse=False))
        self.kept = (f"{self.global_keyprefix}{step}", message)

    def close(self) -> None:
        """Nothing to close."""


def check_broker(app: Celery) -> None:
    """Refuse an app whose broker is not Redis.

    Raises:
        ConfigError: it is not.
    """
    with app.connection_for_write() as connection:
        driver = connection.transport.driver_type
    if driver != "redis":
        raise ConfigError(f"broker_url: dispatch needs a Redis broker, this app has {driver!r}.")


def delivery_tag(run_id: str, attempt: int, copy: int) -> str:
    """Under which the broker keeps a message that was taken and is not acknowledged: made from what
    it is about, so that one can ask for it."""
    return f"{run_id}/{attempt}" if copy == 0 else f"{run_id}/{attempt}/{copy}"


def soft_limit(timeout: int) -> int:
    """The soft time limit that belongs to a hard one, both in ms."""
    return timeout - min(SOFT_MARGIN_MS, timeout // 10)


def masked(payload: Iterable[str]) -> str:
    """The payload as monitors may see it: names, and no values."""
    return "{" + ", ".join(f"{name!r}: ***" for name in payload)[:1_000] + "}"


@lru_cache(maxsize=256)
def _masked(names: tuple[str, ...]) -> str:
    """`masked` as JSON text: most tasks have the same few names."""
    return _quote(masked(names)).decode()


def _split(text: str) -> tuple[list[str], list[int]]:
    """The template cut at its holes: texts and None in turn, and which value each hole takes."""
    parts, holes = [text], []
    found = sorted(
        (at, hole, number) for number, hole in enumerate(_HOLES) for at in _positions(text, hole)
    )
    parts, end = [], 0
    for at, hole, number in found:
        parts += [text[end:at], ""]
        holes.append(number)
        end = at + len(hole)
    return [*parts, text[end:]], holes


def _positions(text: str, hole: str) -> list[int]:
    positions, at = [], text.find(hole)
    while at >= 0:
        positions.append(at)
        at = text.find(hole, at + 1)
    return positions
