"""The run as the user's function sees it."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from dispatch_app.operations import runs
from dispatch_app.store.runs import LOG_LINES
from dispatch_app.worker.context import LINE_LIMIT, LISTEN_EVERY, RunContext
from tests.waiting import wait_for


@pytest.fixture
def context(installation):
    """A run that this test is carrying out, as a worker does."""
    run = installation.latest(installation.create("add", payload={"x": 1}))
    lease = installation.store.runs.start(run.id, 1, token="t", worker="w@host", lease=60_000)
    return RunContext(lease, installation.store)


def stored(installation, context):
    return installation.store.runs.get(context.id)


def test_it_knows_what_it_is_for(installation, context):
    run = stored(installation, context)
    assert (context.id, context.task_id, context.attempt) == (run.id, run.task_id, 1)
    assert (context.task, context.origin) == (run.definition, "schedule")
    assert context.scheduled_for.utcoffset() == timedelta(0)
    assert context.scheduled_for.timestamp() * 1000 == run.scheduled_for
    assert context.cancelled is False


@pytest.mark.parametrize("value", [0.4, {"done": 4, "of": 10}, [1, "ä"], "half", None, True])
def test_progress_is_any_json_and_the_last_one_is_shown(installation, context, value):
    context.progress("before")
    context.progress(value)
    assert stored(installation, context).progress == value


def test_progress_that_is_no_json_is_the_callers_mistake(installation, context):
    with pytest.raises(TypeError):
        context.progress(object())
    assert stored(installation, context).progress is None


def test_lines_are_kept_in_their_order(installation, context):
    context.log("one")
    context.log("two", "three")
    context.log()
    assert stored(installation, context).log == ("one", "two", "three")


def test_the_log_has_a_bound_and_so_has_each_line(installation, context):
    context.log(*(f"line {number}" for number in range(LOG_LINES)))
    context.log("x" * 10 * LINE_LIMIT)
    log = stored(installation, context).log
    assert len(log) == LOG_LINES
    assert (log[0], log[-1]) == ("line 1", "x" * LINE_LIMIT)


def test_a_line_that_is_no_utf_8_is_kept_as_it_can_be(installation, context):
    context.log("file \udcff.txt")
    assert stored(installation, context).log == ("file \\udcff.txt",)


@pytest.mark.parametrize("say", [lambda c: c.log(), lambda c: c.progress(1)])
@pytest.mark.parametrize("terminate", [True, False])
def test_who_speaks_learns_that_the_run_was_cancelled(installation, context, say, terminate):
    context.progress(1)
    runs.cancel(installation.dispatch, context.id, terminate=terminate)
    before = stored(installation, context)
    assert context.cancelled is False  # what it has heard is not a second old
    say(context)
    assert context.cancelled is True
    assert stored(installation, context) == before


@pytest.mark.parametrize("terminate", [True, False])
def test_who_asks_learns_it_too_and_it_stays_so(installation, context, terminate):
    runs.cancel(installation.dispatch, context.id, terminate=terminate)
    wait_for(lambda: context.cancelled, 5)
    assert context.cancelled is True


def test_redis_is_asked_once_a_second_at_most_and_no_more_once_it_is_known(installation, context):
    def calls() -> int:
        stats = installation.store.client.info("commandstats")
        return stats.get("cmdstat_evalsha", {}).get("calls", 0)

    context.log()
    before, began = calls(), time.monotonic()
    for _ in range(1_000):
        assert context.cancelled is False
    assert calls() - before <= time.monotonic() - began
    runs.cancel(installation.dispatch, context.id)
    wait_for(lambda: context.cancelled, 5)
    before = calls()
    time.sleep(LISTEN_EVERY)
    assert context.cancelled is True
    assert calls() == before


def test_where_redis_is_away_what_was_known_last_counts(new_redis, new_installation):
    server = new_redis()
    installation = new_installation(server)
    run = installation.latest(installation.create("add", payload={"x": 1}))
    lease = installation.store.runs.start(run.id, 1, token="t", worker="w@host", lease=60_000)
    context = RunContext(lease, installation.store)
    server.kill()
    time.sleep(LISTEN_EVERY)
    assert context.cancelled is False


def test_who_speaks_learns_that_the_run_is_somebody_elses(installation, context):
    with installation.server.client() as client:
        client.hset(installation.store.keys.run(context.id), "token", "another")
    context.progress(1)
    assert context.cancelled is True


@pytest.mark.parametrize(
    ("args", "kwargs", "expected"),
    [
        (None, {"x": 2}, ((), {"x": 2})),
        ([3], None, ((3,), {"x": 1})),
        ([], {}, ((), {})),
    ],
)
def test_the_next_attempt_may_get_other_arguments(context, args, kwargs, expected):
    context.replace_arguments(args, kwargs)
    assert (context.changed.args, context.changed.payload) == expected
    assert context.task.payload == {"x": 1}
