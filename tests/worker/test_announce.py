"""What a worker says that it can do."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from celery import Celery, Task

from dispatch_app.config import load
from dispatch_app.dispatch import Dispatch
from dispatch_app.monitor.health import idle_workers
from dispatch_app.operations.payloads import check_payload
from dispatch_app.worker.announce import Announcement, schema_of, types_of


@pytest.fixture
def app(redis_url):
    app = Celery("theirs", set_as_current=False, autofinalize=True)
    Dispatch(app, load(environ={"REDIS_URL": redis_url}), default_queue="default")
    app.conf.task_routes = {"report.*": {"queue": "reports"}}
    yield app
    app.close()


def plain(x, y=1):
    """Adds."""


def anything(**fields):
    pass


def keywords(*, needed, free=None):
    pass


def positional(*args):
    pass


def annotated(x: int, y: "Missing" = None):  # noqa: F821, UP037
    pass


@pytest.mark.parametrize(
    ("function", "properties", "required", "closed"),
    [
        (plain, {"x", "y"}, ["x"], True),
        (anything, set(), None, False),
        (keywords, {"needed", "free"}, ["needed"], True),
        (positional, set(), None, True),
        (annotated, {"x", "y"}, ["x"], True),
    ],
)
def test_the_schema_has_the_parameters_of_the_function(app, function, properties, required, closed):
    schema = schema_of(app.task(function))
    assert set(schema["properties"]) == properties
    assert schema.get("required") == required
    assert (schema.get("additionalProperties") is False) is closed
    check_payload(schema, dict.fromkeys(required or [], 1))


def test_self_of_a_bound_task_is_no_parameter(app):
    def bound(self, x):
        pass

    schema = schema_of(app.task(bound, bind=True))
    assert set(schema["properties"]) == {"x"}


def test_the_parameters_of_an_autoretrying_task_are_those_of_its_function(app):
    schema = schema_of(app.task(plain, autoretry_for=(Exception,), name="retrying"))
    assert schema == schema_of(app.task(plain, name="once"))


def test_a_class_of_ones_own(app):
    class Own(Task):
        name = "own"

        def run(self, x, y=2):
            """Does it."""

    task = app.register_task(Own())
    assert set(schema_of(task)["properties"]) == {"x", "y"}


def test_what_is_announced(app):
    app.task(plain, name="plain")
    app.task(plain, name="report.daily")
    app.task(plain, name="own", payload_schema={"type": "object", "title": "mine"})
    types = {known.name: known for known in types_of(app)}
    assert types["plain"].description == "Adds."
    assert (types["plain"].queue, types["report.daily"].queue) == ("default", "reports")
    assert types["own"].schema == {"type": "object", "title": "mine"}
    assert not [name for name in types if name.startswith("celery.")]


@pytest.fixture
def announced(redis_url):
    """Makes a worker of an app with that default queue, which announces at each call."""
    made = []

    def worker(name: str, queue: str):
        app = Celery(name, set_as_current=False, autofinalize=True)
        Dispatch(app, load(environ={"REDIS_URL": redis_url}), default_queue=queue)
        app.task(plain, name="plain")
        made.append(app)
        process = SimpleNamespace(app=app, hostname=f"{name}@host", concurrency=1, pid=1)
        return process, Announcement(process)

    yield worker
    for app in made:
        app.dispatch.store.close()
        app.close()


def test_of_two_apps_that_know_a_type_neither_takes_its_queue_from_the_other(announced):
    (ours, first), (theirs, second) = announced("ours", "default"), announced("theirs", "celery")
    store = ours.app.dispatch.store
    first.perform(ours)
    second.perform(theirs)
    assert store.types.get("plain").queue == "default"
    first.stop(ours)
    second.perform(theirs)
    assert store.types.get("plain").queue == "celery"
    first.perform(ours)
    second.stop(theirs)
    first.perform(ours)
    assert store.types.get("plain").queue == "default"


def test_a_worker_whose_main_loop_stands_still_is_told_of(installation):
    """Row 5: it says that it lives, and serves its queue, and takes nothing."""
    installation.worker(app="tests.worker.rough_app", DEAF="1", wait=False)
    installation.create("add", payload={"x": 1})
    told = installation.until(lambda: idle_workers(installation.store, patience=1_000), "a word")
    assert "takes nothing from the queue 'default'" in told[0]


@pytest.mark.parametrize("pool", ["prefork", "threads", "solo"])
def test_a_worker_whose_slots_are_busy_is_not_idle(installation, pool):
    installation.worker("-P", pool, "-c", "1")
    long, waits = (installation.create("waiting", payload={"seconds": 3}) for _ in range(2))
    run = installation.reached(long, "running")
    installation.until(lambda: installation.store.now() > run.started_at + 2_500)
    assert installation.status_of(waits) == "queued"
    assert idle_workers(installation.store, patience=1_000) == []
    (info,) = installation.store.workers.alive("worker").values()
    assert info["idle_for"] == 0
