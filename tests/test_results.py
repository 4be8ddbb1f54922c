"""Celery's `AsyncResult` over runs of ours, and beside a result backend of the app's own."""

from __future__ import annotations

import threading
from typing import get_args

import pytest
from celery import Celery
from celery.exceptions import TaskRevokedError, TimeoutError
from celery.result import AsyncResult
from msgspec.json import encode

from dispatch_app.config import load
from dispatch_app.dispatch import Dispatch
from dispatch_app.domain.run import Failure, RunStatus
from dispatch_app.ids import new_id
from dispatch_app.operations import runs
from dispatch_app.results import STATES, RunBackend
from dispatch_app.store.runs import Outcome

LOST = Failure(type="KeyError", message="'gone'", traceback="Traceback: a line\nKeyError: 'gone'")


@pytest.fixture
def run(installation):
    """A run that nobody has started."""
    return installation.latest(installation.create("add", payload={"x": 1}))


@pytest.fixture
def result(installation, run) -> AsyncResult:
    return installation.app.AsyncResult(run.id)


def start(installation, run) -> None:
    installation.store.runs.start(run.id, 1, token="t", worker="w@host", lease=60_000)


def finish(installation, run, status: str = "succeeded", **fields) -> None:
    start(installation, run)
    outcome = Outcome(**{"status": status, "outcome": status, **fields})
    installation.store.runs.finish(run.id, "t", outcome)


def test_every_status_of_a_run_has_a_state():
    assert set(STATES) == set(get_args(RunStatus))


def test_a_run_that_waits_for_its_worker(result):
    assert (result.state, result.result, result.traceback) == ("PENDING", None, None)
    assert not result.ready()
    with pytest.raises(TimeoutError):
        result.get(timeout=0.1, interval=0.02)


def test_a_run_that_is_on(installation, run, result):
    start(installation, run)
    assert (result.state, result.result, result.ready()) == ("STARTED", None, False)
    with pytest.raises(TimeoutError):
        result.get(timeout=0.1, interval=0.02)


@pytest.mark.parametrize("value", [None, 5, "text", [1, {"a": 2.5}], {"b": None}])
def test_a_run_that_succeeded(installation, run, result, value):
    finish(installation, run, result=encode(value).decode())
    assert (result.state, result.result, result.get(timeout=1)) == ("SUCCESS", value, value)
    assert (result.successful(), result.failed(), result.traceback) == (True, False, None)
    assert (result.name, result.retries) == ("add", 0)


def test_a_run_that_failed(installation, run, result):
    finish(installation, run, "failed", error=LOST, failures=1)
    assert (result.state, result.failed(), result.traceback) == ("FAILURE", True, LOST.traceback)
    assert isinstance(result.result, KeyError)
    assert result.retries == 1
    with pytest.raises(KeyError, match="gone"):
        result.get(timeout=1)
    assert isinstance(result.get(timeout=1, propagate=False), KeyError)


def test_an_error_whose_class_is_not_here(installation, run, result):
    finish(
        installation, run, "failed", error=Failure(type="their.shop.SoldOut", message="all of it")
    )
    assert type(result.result).__name__ == "SoldOut"
    with pytest.raises(Exception, match="all of it"):
        result.get(timeout=1)


def test_a_run_that_will_be_tried_again(installation, run, result):
    finish(installation, run, "retrying", outcome="retried", error=LOST, delay=60_000, failures=1)
    assert (result.state, result.ready()) == ("RETRY", False)
    assert isinstance(result.result, KeyError)
    with pytest.raises(TimeoutError):
        result.get(timeout=0.1, interval=0.02)


@pytest.mark.parametrize("started", [False, True])
def test_a_run_that_was_cancelled(installation, run, result, started):
    if started:
        start(installation, run)
    runs.cancel(installation.dispatch, run.id, terminate=True)
    assert (result.state, result.ready()) == ("REVOKED", True)
    assert isinstance(result.result, TaskRevokedError)
    with pytest.raises(TaskRevokedError, match="cancelled by request"):
        result.get(timeout=1)


def test_a_run_that_is_asked_to_end_is_not_over_yet(installation, run, result):
    start(installation, run)
    runs.cancel(installation.dispatch, run.id)
    assert (result.state, result.ready()) == ("STARTED", False)
    finish(installation, run, "succeeded")
    assert (result.state, result.ready()) == ("REVOKED", True)


def test_a_run_that_expired(installation):
    task_id = installation.create("add", payload={"x": 1}, expires=1)
    run = installation.latest(task_id)
    installation.until(lambda: installation.store.now() > run.queued_at + 5)
    start(installation, run)
    with pytest.raises(TaskRevokedError, match="it was not started in time"):
        installation.app.AsyncResult(run.id).get(timeout=1)


def test_get_waits_for_the_end(installation, run, result):
    threading.Timer(0.3, finish, (installation, run), {"result": "7"}).start()
    assert result.get(timeout=10, interval=0.02) == 7


@pytest.mark.parametrize("ask", [lambda r: r.state, lambda r: r.result, lambda r: r.get(timeout=1)])
def test_an_id_that_is_no_run_is_said_to_be_none(installation, run, ask):
    """PENDING would mean anything from queued to lost (row 33)."""
    with pytest.raises(NotImplementedError, match="No result backend"):
        ask(installation.app.AsyncResult(new_id()))


def test_an_app_with_a_result_backend_of_its_own_keeps_it(installation, run):
    config = load(environ={"REDIS_URL": installation.server.url})
    for settings in ({"backend": "cache+memory://"}, {}):
        app = Celery("theirs", set_as_current=False, **settings)
        dispatch = Dispatch(app, config, default_queue="default")
        if not settings:
            app.conf.update(result_backend="cache+memory://")
        assert not isinstance(app.backend, RunBackend)
        app.backend.store_result("theirs", 5, "SUCCESS")
        assert app.AsyncResult("theirs").get(timeout=1) == 5
        assert app.AsyncResult(run.id).state == "PENDING"
        dispatch.store.close()
        app.close()
