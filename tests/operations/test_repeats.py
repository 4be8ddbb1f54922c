"""The same request again with its key: the same run or backfill, whatever has become of it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest

from dispatch_app.domain.errors import Conflict, IdempotencyMismatch, InvalidInput, NotFound
from dispatch_app.domain.run import Failure
from dispatch_app.domain.schedule import Cron
from dispatch_app.domain.task import Task
from dispatch_app.operations import backfills, dead_letters, runs, tasks
from dispatch_app.store.answers import Idempotency
from dispatch_app.store.backfills import BackfillFilter
from dispatch_app.store.runs import Outcome, RunFilter
from tests.domain.moments import HOUR
from tests.waiting import wait_for

HOURLY = Task(type="echo", schedule=Cron(cron="0 * * * *"))
NO = Failure(type="ValueError", message="no")
WORDS = ("trigger", "retry", "replay", "backfill")


class Request(NamedTuple):
    """What a client asks for, as often as it likes."""

    ask: Callable[[Idempotency | None], Any]
    task_id: str
    run_id: str


@pytest.fixture
def request_of(dispatch) -> Callable[[str], Request]:
    def request_of(word: str) -> Request:
        task_id = tasks.create(dispatch, HOURLY).id
        run_id = failed(dispatch, tasks.trigger(dispatch, task_id).id)
        asks = {
            "trigger": lambda key: tasks.trigger(dispatch, task_id, {"n": 1}, idempotency=key),
            "retry": lambda key: runs.retry(dispatch, run_id, idempotency=key),
            "replay": lambda key: dead_letters.replay(dispatch, run_id, idempotency=key),
            "backfill": lambda key: backfills.start(
                dispatch, task_id, 0, 3 * HOUR, idempotency=key
            ),
        }
        return Request(asks[word], task_id, run_id)

    return request_of


def failed(dispatch, run_id: str) -> str:
    """End a run for good, as a worker would."""
    dispatch.store.runs.start(run_id, 1, token="t", worker="w", lease=60_000)
    outcome = Outcome(status="failed", outcome="failed", error=NO, failures=1)
    dispatch.store.runs.finish(run_id, "t", outcome)
    return run_id


def made(dispatch, asked: Request) -> int:
    """How many runs and backfills of the task there are, without the one that was there before."""
    of_task = RunFilter(task_id=asked.task_id)
    found = dispatch.store.backfills.list(BackfillFilter(task_id=asked.task_id), 10).items
    return len(dispatch.store.runs.list(of_task, 10).items) - 1 + len(found)


@pytest.mark.parametrize("word", WORDS)
def test_the_same_request_again_makes_nothing_and_gets_the_same(dispatch, request_of, word, sent):
    asked = request_of(word)
    keys = [Idempotency("key", "print") for _ in range(3)]
    first = asked.ask(keys[0])
    messages = sent()
    assert [asked.ask(key) for key in keys[1:]] == [first, first]
    assert [key.replayed for key in keys] == [False, True, True]
    assert (made(dispatch, asked), sent()) == (1, messages)


@pytest.mark.parametrize("word", ["trigger", "retry", "backfill"])
def test_without_a_key_and_with_another_one_each_makes_one_of_its_own(dispatch, request_of, word):
    asked = request_of(word)
    keys = [None, None, Idempotency("a", "print"), Idempotency("b", "print")]
    assert len({asked.ask(key).id for key in keys}) == 4
    assert made(dispatch, asked) == 4


@pytest.mark.parametrize("word", WORDS)
def test_a_key_of_another_request_is_refused_and_makes_nothing(dispatch, request_of, word):
    asked = request_of(word)
    asked.ask(Idempotency("key", "print"))
    with pytest.raises(IdempotencyMismatch):
        asked.ask(Idempotency("key", "other"))
    assert made(dispatch, asked) == 1


@pytest.mark.parametrize("word", WORDS)
def test_the_answer_stays_when_all_that_it_speaks_of_is_gone(dispatch, request_of, word):
    asked = request_of(word)
    first = asked.ask(Idempotency("key", "print"))
    tasks.purge(dispatch, asked.task_id)
    again = Idempotency("key", "print")
    assert asked.ask(again) == first
    assert again.replayed
    with pytest.raises(NotFound):
        asked.ask(Idempotency("another", "print"))


@pytest.mark.parametrize("word", WORDS)
def test_the_answer_stays_when_the_task_is_cancelled(dispatch, request_of, word):
    asked = request_of(word)
    first = asked.ask(Idempotency("key", "print"))
    tasks.cancel(dispatch, asked.task_id, terminate=True)
    assert asked.ask(Idempotency("key", "print")) == first


@pytest.mark.parametrize("word", ["trigger", "retry", "backfill"])
def test_the_key_of_a_request_that_was_refused_is_free(dispatch, request_of, word):
    asked = request_of(word)
    tasks.cancel(dispatch, asked.task_id)
    with pytest.raises(Conflict):
        asked.ask(Idempotency("key", "print"))
    tasks.replace(dispatch, asked.task_id, HOURLY)
    key = Idempotency("key", "print")
    assert asked.ask(key).task_id == asked.task_id
    assert not key.replayed


@pytest.mark.parametrize("word", WORDS)
def test_of_twenty_same_requests_at_once_one_is_carried_out(dispatch, request_of, word):
    asked = request_of(word)
    keys = [Idempotency("key", "print") for _ in range(20)]
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(asked.ask, keys))
    assert answers == answers[:1] * 20
    assert [key.replayed for key in keys].count(False) == 1
    assert made(dispatch, asked) == 1


def test_what_was_skipped_is_answered_again_as_skipped(dispatch):
    task = Task(type="echo", schedule=HOURLY.schedule, overlap="skip")
    task_id = tasks.create(dispatch, task).id
    tasks.trigger(dispatch, task_id)
    first = tasks.trigger(dispatch, task_id, idempotency=Idempotency("key", "print"))
    again = tasks.trigger(dispatch, task_id, idempotency=Idempotency("key", "print"))
    assert (first.status, first.count) == ("skipped", 1)
    assert again == first
    assert dispatch.store.runs.get(first.id).count == 1


def test_a_task_is_answered_again_that_could_not_be_made_any_more(dispatch):
    """Its last occurrence has passed by then."""
    now = dispatch.store.now()
    task = Task(type="echo", schedule=Cron(cron="* * * * * *", end_time=now + 2_000))
    first = tasks.create(dispatch, task, idempotency=Idempotency("key", "print"))
    wait_for(lambda: dispatch.store.now() > now + 2_000, what="its last occurrence")
    assert tasks.create(dispatch, task, idempotency=Idempotency("key", "print")) == first
    with pytest.raises(InvalidInput):
        tasks.create(dispatch, task, idempotency=Idempotency("another", "print"))
