"""Our messages against those that Celery and kombu really put into Redis for the same options."""

from __future__ import annotations

import base64
import uuid
import zlib

import msgspec
import pytest
from celery import Celery
from kombu import Exchange, Queue

from dispatch_app.config import load
from dispatch_app.dispatch import Dispatch
from dispatch_app.domain.errors import ConfigError, InvalidInput
from dispatch_app.domain.task import PRIORITIES, Task
from dispatch_app.messages import (
    ATTEMPT_HEADER,
    PRIORITY_STEPS,
    Messages,
    delivery_tag,
    soft_limit,
)

#: What differs between a message of ours and Celery's, and why.
ALLOWED = {
    ("headers", "dispatch_attempt"): "which attempt of the run it wakes",
    ("headers", "kwargsrepr"): "names of the payload without its values, for monitors",
    ("properties", "delivery_tag"): "kombu draws one, ours says what the message is about",
}

RUN_ID = "01a20e39-5c67-75bb-a01b-2f641c6b1f00"

SETTINGS = {
    "plain": {},
    "prefix": {"broker_transport_options": {"global_keyprefix": "{tenant}:"}},
    "steps": {"broker_transport_options": {"priority_steps": [0, 5], "sep": "|"}},
    "gzip": {"task_compression": "gzip"},
    "transient": {"task_default_delivery_mode": "transient"},
    "routes": {"task_routes": {"add": {"queue": "routed"}}},
    "queues": {
        "task_queues": [Queue("reports", Exchange("direct one", type="direct"), routing_key="r")],
        "task_create_missing_queues": True,
    },
    "results": {"result_extended": True, "task_ignore_result": True},
}


def add(x, y=1):
    return x + y


@pytest.fixture
def app_with(redis_url):
    """Makes apps with settings of their own."""
    apps = []

    def make(settings) -> Celery:
        app = Celery("theirs", set_as_current=False)
        Dispatch(app, load(environ={"REDIS_URL": redis_url}), default_queue="default")
        app.conf.update(settings)
        app.task(name="add")(add)
        apps.append(app)
        return app

    yield make
    for app in apps:
        app.close()


def in_broker(redis_server) -> tuple[str, dict]:
    """The one message in the server, with the key of its list; it is taken out."""
    with redis_server.client() as client:
        lists = [key for key in client.scan_iter() if client.type(key) == "list"]
        assert len(lists) == 1, lists
        message = msgspec.json.decode(client.lpop(lists[0]))
        assert client.llen(lists[0]) == 0
        return lists[0], message


def flat(message: dict, *path: str) -> dict[tuple[str, ...], object]:
    """Path of each field -> its value."""
    fields: dict[tuple[str, ...], object] = {}
    for name, value in message.items():
        if isinstance(value, dict) and value:
            fields |= flat(value, *path, name)
        else:
            fields[(*path, name)] = value
    return fields


def differing(ours: dict, theirs: dict) -> set[tuple[str, ...]]:
    a, b = flat(ours), flat(theirs)
    return {path for path in a.keys() | b.keys() if a.get(path, "-") != b.get(path, "-")}


@pytest.mark.parametrize("priority", PRIORITIES)
@pytest.mark.parametrize("queue", ["default", "reports"])
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_a_message_is_what_celery_would_have_sent(
    redis_server, app_with, settings, queue, priority
):
    app = app_with(settings)
    task = Task(type="add", queue=queue, priority=priority, timeout=90_000, payload={"x": 1})
    key, text = Messages(app).render(RUN_ID, 3, 2, task)
    options = {
        "task_id": RUN_ID,
        "queue": queue,
        "priority": PRIORITY_STEPS[priority],
        "time_limit": task.timeout / 1000,
        "soft_time_limit": soft_limit(task.timeout) / 1000,
        "retries": 2,
    }
    app.send_task("add", (), {}, **options)
    their_key, theirs = in_broker(redis_server)
    assert key == their_key
    assert differing(msgspec.json.decode(text), theirs) == set(ALLOWED)


def test_a_message_is_what_apply_async_of_the_task_would_have_sent(redis_server, app_with):
    app = app_with({})
    key, text = app.dispatch.messages.render(RUN_ID, 1, 0, Task(type="add", queue="default"))
    app.tasks["add"].apply_async(
        (), {"x": 1}, task_id=RUN_ID, priority=6, time_limit=600.0, soft_time_limit=595.0
    )
    their_key, theirs = in_broker(redis_server)
    ours = msgspec.json.decode(text)
    assert key == their_key
    # theirs carries the payload, and what the task itself says of its result
    assert differing(ours, theirs) == {*ALLOWED, ("body",), ("headers", "ignore_result")}
    assert decoded(ours) == [[], {}, decoded(theirs)[2]]
    assert decoded(theirs)[:2] == [[], {"x": 1}]


def decoded(message: dict) -> list:
    body = base64.b64decode(message["body"])
    if message["headers"].get("compression"):
        body = zlib.decompress(body, wbits=31)
    return msgspec.json.decode(body)


def test_only_ids_tag_attempt_failures_and_names_change_between_messages(app_with):
    messages = app_with({}).dispatch.messages
    task = Task(type="add", queue="default", payload={"x": 1})
    _, first = messages.render(RUN_ID, 1, 0, task)
    other = str(uuid.uuid4())
    _, second = messages.render(other, 2, 1, Task(type="add", queue="default", payload={"z": 1}))
    first, second = msgspec.json.decode(first), msgspec.json.decode(second)
    assert differing(first, second) == {
        ("headers", "id"),
        ("headers", "root_id"),
        ("headers", "retries"),
        ("headers", "kwargsrepr"),
        ("headers", ATTEMPT_HEADER),
        ("properties", "correlation_id"),
        ("properties", "delivery_tag"),
    }
    assert second["headers"]["id"] == second["headers"]["root_id"] == other
    assert second["properties"]["correlation_id"] == other
    assert (second["headers"]["retries"], second["headers"][ATTEMPT_HEADER]) == (1, 2)


def test_every_message_has_a_delivery_tag_of_its_own_which_can_be_told_beforehand(app_with):
    messages = app_with({}).dispatch.messages
    task = Task(type="add", queue="default")
    sent = [
        (RUN_ID, 1, 0),
        (RUN_ID, 1, 1),
        (RUN_ID, 2, 0),
        (RUN_ID, 2, 2),
        (str(uuid.uuid4()), 1, 0),
    ]
    tags = []
    for run_id, attempt, copy in sent:
        _, text = messages.render(run_id, attempt, 0, task, copy)
        tags.append(msgspec.json.decode(text)["properties"]["delivery_tag"])
    assert tags == [delivery_tag(*each) for each in sent]
    assert len(set(tags)) == len(sent)


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({}, "unacked"),
        ({"global_keyprefix": "{tenant}:"}, "{tenant}:unacked"),
        ({"unacked_key": "taken"}, "taken"),
    ],
)
def test_where_the_broker_keeps_what_is_not_acknowledged(app_with, options, key):
    assert Messages(app_with({"broker_transport_options": options})).unacked_key == key


@pytest.mark.parametrize("name", ['say "hi"', "grüße", "line\nbreak", "\\", "x" * 5_000, "\u2028"])
def test_a_message_names_the_payload_and_holds_none_of_it(app_with, name):
    task = Task(type="add", queue="default", payload={name: "canary", "b": {"c": "canary"}})
    _, text = app_with({}).dispatch.messages.render(RUN_ID, 1, 0, task)
    assert "canary" not in text
    assert "canary" not in str(decoded(msgspec.json.decode(text)))
    shown = msgspec.json.decode(text)["headers"]["kwargsrepr"]
    assert shown == "{" + f"{name!r}: ***, 'b': ***"[:1_000] + "}"


@pytest.mark.parametrize(
    ("timeout", "soft"), [(1_000, 900), (50_000, 45_000), (60_000, 55_000), (3_600_000, 3_595_000)]
)
def test_the_soft_limit_comes_a_tenth_earlier_and_at_most_five_seconds(timeout, soft):
    assert soft_limit(timeout) == soft


def test_a_queue_that_fans_out_is_refused(app_with):
    app = app_with({"task_queues": [Queue("all", Exchange("all", type="fanout"))]})
    with pytest.raises(InvalidInput, match="fanout"):
        app.dispatch.messages.render(RUN_ID, 1, 0, Task(type="add", queue="all"))


def test_a_broker_that_is_not_redis_is_refused(app_with):
    app = app_with({"broker_url": "memory://"})
    with pytest.raises(ConfigError, match="needs a Redis broker"):
        app.dispatch.messages  # noqa: B018


def test_the_default_queue_is_where_the_apps_routing_sends_a_type(app_with):
    messages = app_with({"task_routes": {"report.*": {"queue": "reports"}}}).dispatch.messages
    assert messages.default_queue("report.daily") == "reports"
    assert messages.default_queue("anything") == "default"
