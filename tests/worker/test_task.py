"""What a Celery task becomes by adoption: its attempts, carried out here by Celery's own tracer."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from celery import Celery, Task, states
from celery.app.trace import trace_task
from celery.exceptions import Ignore, Reject, Retry
from celery.signals import task_prerun

from dispatch_app import Discard, RetryAfter
from dispatch_app.config import load
from dispatch_app.dispatch import Dispatch
from dispatch_app.domain.errors import DeadlinePassed
from dispatch_app.domain.retry import RetryPolicy
from dispatch_app.domain.task import Task as Definition
from dispatch_app.operations import runs, tasks
from dispatch_app.worker.task import TOKEN, DispatchTask, adopt
from tests.waiting import wait_for

AT_ONCE = RetryPolicy(delay=0, jitter=False)


class Attempts:
    """An app whose tasks are adopted, and a worker for one attempt at a time."""

    def __init__(self, url: str) -> None:
        self.app = Celery("theirs", set_as_current=False)
        self.dispatch = Dispatch(self.app, load(environ={"REDIS_URL": url}), default_queue="q")
        self.called: list[object] = []

    def run(self, function, *, payload=None, fields=None, **options):
        """Define a task, have it run once, and carry out the attempt.

        Returns:
            Celery's state of it, and the run.
        """
        task = self.task(function, **options)
        run = self.queued(payload=payload or {}, **(fields or {}))
        return self.attempt(task, run)

    def task(self, function, name="theirs", **options):
        """A task of this app only: Celery shares tasks with all apps of a process else."""
        function.__name__ = "theirs"  # Celery compiles a function of that name, even of a lambda
        return self.app.task(function, name=name, shared=False, **options)

    def queued(self, **fields):
        """A run of the task `theirs`."""
        definition = Definition(**{"type": "theirs", "retry": AT_ONCE, **fields})
        return self.dispatch.store.runs.latest(tasks.create(self.dispatch, definition).id)

    def attempt(self, task, run, **headers):
        """Carry out the attempt that the run is queued for; as `run` does."""
        ended = self.traced(task, run, **headers)
        state = ended.info.state if ended.info else states.SUCCESS
        return state, self.dispatch.store.runs.get(run.id)

    def traced(self, task, run, **headers):
        """What Celery makes of the message of that attempt."""
        adopt(self.app)
        request = {
            "id": run.id,
            "dispatch_attempt": run.attempt,
            TOKEN: "t",
            "hostname": "w@host",
            "delivery_info": {},
            "retries": run.failures,
            **headers,
        }
        return trace_task(task, run.id, [], {}, request, app=self.app)

    def close(self) -> None:
        self.dispatch.store.close()
        self.app.close()


@pytest.fixture
def attempts(redis_url):
    before = list(task_prerun.receivers)
    attempts = Attempts(redis_url)
    yield attempts
    attempts.close()
    task_prerun.receivers[:] = before
    task_prerun.sender_receivers_cache.clear()


def outcomes(run) -> list[str]:
    return [attempt.outcome for attempt in run.attempts]


# Adoption


class Own(Task):
    """A base class of the user's own, which does something around each call."""

    times = 0

    def __call__(self, *args, **kwargs):
        self.times += 1
        return ("around", super().__call__(*args, **kwargs))


def test_a_task_keeps_its_class_behind_ours(attempts):
    attempts.task(lambda: None, base=Own)
    adopt(attempts.app)
    task = attempts.app.tasks["theirs"]
    assert isinstance(task, DispatchTask)
    assert isinstance(task, Own)
    assert (type(task).__name__, type(task).__mro__[1]) == ("theirs", DispatchTask)
    adopted = type(task)
    adopt(attempts.app)
    assert type(task) is adopted


def test_every_task_of_the_app_is_adopted(attempts):
    class OfItsOwn(Own):
        name = "of.its.own"

        def run(self):
            """Does nothing."""

    attempts.app.register_task(OfItsOwn())
    adopt(attempts.app)
    assert "of.its.own" in attempts.app.tasks
    assert all(isinstance(task, DispatchTask) for task in attempts.app.tasks.values())


def test_a_call_of_ones_own_is_gone_through_once(attempts):
    state, run = attempts.run(lambda x: x, payload={"x": 1}, base=Own)
    assert (state, run.status, run.result) == (states.SUCCESS, "succeeded", ["around", 1])
    assert attempts.app.tasks["theirs"].times == 1


def test_the_lease_is_taken_before_all_other_receivers(attempts):
    seen = []

    def receiver(kwargs, task, **_):
        seen.append((kwargs, task.dispatch is not None))

    task_prerun.connect(receiver)
    attempts.run(lambda x: x, payload={"x": 1})
    assert seen == [({"x": 1}, True)]
    assert len([1 for _, known in task_prerun.receivers if "_on_prerun" in repr(known)]) == 1


def test_a_call_of_the_users_own_is_no_run(attempts):
    def theirs(self, x):
        return (x, self.dispatch)

    task = attempts.task(theirs, bind=True)
    adopt(attempts.app)
    assert task(1) == (1, None)
    assert task.apply((2,)).get() == (2, None)


def test_another_task_that_is_called_as_a_function_is_part_of_the_run(attempts):
    other = attempts.task(lambda: "other", "other")
    state, run = attempts.run(lambda: f"this and {other()}")
    assert (state, run.result, outcomes(run)) == (states.SUCCESS, "this and other", ["succeeded"])


# How an attempt ends


def raising(error):
    def theirs():
        raise error

    return theirs


def test_what_is_named_by_autoretry_for_is_retried_as_it_says(attempts):
    options = {"autoretry_for": (KeyError,), "retry_backoff": False, "default_retry_delay": 7}
    state, run = attempts.run(raising(KeyError("x")), fields={"max_retries": 0},
                              retry_kwargs={"max_retries": 1}, **options)  # fmt: skip
    assert (state, run.status, run.error.type) == (states.RETRY, "retrying", "KeyError")
    assert run.retry_at - run.attempts[0].finished_at == 7_000


def test_autoretry_for_ends_where_it_says(attempts):
    state, run = attempts.run(raising(KeyError("x")), autoretry_for=(KeyError,),
                              retry_kwargs={"max_retries": 0})  # fmt: skip
    assert (state, run.status, run.error.type) == (states.FAILURE, "failed", "KeyError")


@pytest.mark.parametrize(
    ("error", "state", "status", "outcome"),
    [
        (Discard("no use"), states.FAILURE, "failed", "failed"),
        (RetryAfter(9), states.RETRY, "retrying", "retried"),
        (Ignore(), states.IGNORED, "succeeded", "succeeded"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("autoretry", [(), (Exception,)], ids=["plain", "autoretry"])
def test_errors_with_a_meaning_keep_it(attempts, error, state, status, outcome, autoretry):
    ended, run = attempts.run(raising(error), autoretry_for=autoretry, retry_backoff=False)
    assert (ended, run.status, outcomes(run)) == (state, status, [outcome])


@pytest.mark.parametrize(
    ("requeue", "status", "outcome"),
    [(False, "failed", "failed"), (True, "queued", "handed_back")],
)
def test_a_rejected_message_ends_the_run_or_comes_again(attempts, requeue, status, outcome):
    state, run = attempts.run(raising(Reject("no", requeue=requeue)))
    assert (state, run.status, outcomes(run)) == (states.REJECTED, status, [outcome])
    assert (run.attempt, run.failures) == (1, not requeue)


def test_retry_after_says_when(attempts):
    _, run = attempts.run(raising(RetryAfter(9)))
    assert run.retry_at - run.attempts[0].finished_at == 9_000


@pytest.mark.parametrize(("option", "header"), [(True, False), (False, True)])
def test_a_result_is_not_kept_where_nobody_wants_it(attempts, option, header):
    task = attempts.task(lambda: "result", ignore_result=option)
    state, run = attempts.attempt(task, attempts.queued(), ignore_result=header)
    assert (state, run.status, run.result) == (states.SUCCESS, "succeeded", None)


def test_a_payload_that_does_not_fit_is_not_tried_again(attempts):
    state, run = attempts.run(lambda x: x, payload={"y": 1}, fields={"max_retries": 5})
    assert (state, run.status, outcomes(run)) == (states.FAILURE, "failed", ["failed"])
    assert run.error.message.startswith("The payload does not fit the function: ")


def test_without_typing_the_function_is_asked_and_its_error_is_one_like_any(attempts):
    state, run = attempts.run(lambda x: x, payload={"y": 1}, typing=False)
    assert (state, run.status, run.error.type) == (states.RETRY, "retrying", "TypeError")


def test_a_hook_that_fails_is_a_failed_attempt(attempts):
    class Failing(Task):
        def before_start(self, *_):
            raise OSError("the hook")

    state, run = attempts.run(lambda: None, base=Failing, fields={"max_retries": 0})
    assert (state, run.status, run.error.type) == (states.FAILURE, "failed", "OSError")


@pytest.mark.parametrize(
    ("error", "state", "status"),
    [
        (Discard("no use"), states.FAILURE, "failed"),
        (RetryAfter(9), states.RETRY, "retrying"),
    ],
    ids=repr,
)
def test_a_hook_decides_as_the_function_does(attempts, error, state, status):
    class Deciding(Task):
        def before_start(self, *_):
            raise error

    ended, run = attempts.run(lambda: attempts.called.append("called"), base=Deciding)
    assert (ended, run.status, run.failures) == (state, status, 1)
    assert attempts.called == []


@pytest.mark.parametrize("name", ["on_success", "on_failure", "on_retry", "after_return"])
@pytest.mark.parametrize("status", ["succeeded", "failed", "retrying"])
def test_a_hook_that_fails_afterwards_changes_nothing(attempts, name, status):
    """Row 65: the outcome is written down before Celery calls them."""

    def hook(self, *_):
        attempts.called.append(name)
        raise OSError("the hook")

    def theirs():
        if status != "succeeded":
            raise KeyError("x")
        return "result"

    base = type("Failing", (Task,), {name: hook})
    _, run = attempts.run(theirs, base=base, fields={"max_retries": int(status == "retrying")})
    assert (run.status, run.result) == (status, "result" if status == "succeeded" else None)
    assert (run.error.type if run.error else None) == (
        None if status == "succeeded" else "KeyError"
    )
    assert len(run.attempts) == 1
    expected = {
        "on_success": status == "succeeded",
        "on_failure": status == "failed",
        "on_retry": status == "retrying",
        "after_return": status != "retrying",
    }
    assert attempts.called == [name] * expected[name]


# The deadline


def within(seconds: float, **fields):
    """Fields of a task whose retries have so long."""
    return {"retry": RetryPolicy(delay=0, jitter=False, deadline=int(seconds * 1000), **fields)}


def test_a_retry_that_would_begin_after_the_deadline_is_none(attempts):
    late = {"retry": RetryPolicy(delay=61_000, jitter=False, deadline=60_000)}
    state, run = attempts.run(raising(KeyError("x")), fields=late)
    assert (state, run.status, run.error.type) == (states.FAILURE, "failed", "KeyError")
    assert run.reason == "its deadline leaves no time for another attempt"
    assert run.attempts[0].delay is None


def test_a_retry_within_the_deadline_is_one(attempts):
    soon = {"retry": RetryPolicy(delay=50_000, jitter=False, deadline=60_000)}
    state, run = attempts.run(raising(KeyError("x")), fields=soon)
    assert (state, run.status, run.attempts[0].delay) == (states.RETRY, "retrying", 50_000)


@pytest.mark.parametrize("seconds", [59, 61])
@pytest.mark.parametrize("way", ["RetryAfter", "countdown", "throw", "autoretry_for", "Retry"])
def test_the_deadline_holds_for_whoever_asks_for_another_attempt(attempts, seconds, way):
    cause = KeyError("cause")

    def theirs(self):
        if way == "RetryAfter":
            raise RetryAfter(seconds)
        if way == "countdown":
            raise self.retry(exc=cause, countdown=seconds)
        if way == "throw":
            return self.retry(exc=cause, countdown=seconds, throw=False)
        if way == "Retry":
            raise Retry(exc=cause, when=seconds)
        raise cause

    options = {"autoretry_for": (KeyError,)} if way == "autoretry_for" else {}
    state, run = attempts.run(
        theirs,
        bind=True,
        fields=within(60),
        retry_backoff=False,
        default_retry_delay=seconds,
        **options,
    )
    if seconds == 59:
        assert (state, run.status) == (states.RETRY, "retrying")
    else:
        assert (state, run.status, run.failures) == (states.FAILURE, "failed", 1)
        assert run.reason == "its deadline leaves no time for another attempt"
        assert run.error.type.endswith("RetryAfter" if way == "RetryAfter" else "KeyError")


def test_celery_is_told_why_a_retry_without_a_cause_is_none(attempts):
    def theirs(self):
        raise self.retry(countdown=61)

    task = attempts.task(theirs, bind=True)
    ended = attempts.traced(task, attempts.queued(**within(60)))
    assert ended.info.state == states.FAILURE
    assert isinstance(ended.info.retval, DeadlinePassed)


@pytest.mark.parametrize(("begun", "status"), [(1, "failed"), (0, "succeeded")])
def test_an_attempt_whose_message_comes_after_the_deadline_is_not_begun(attempts, begun, status):
    """The first one is: `expires` is for that."""
    task = attempts.task(lambda: attempts.called.append("called"))
    run = attempts.queued(**within(60))
    record = attempts.dispatch.store.keys.run(run.id)
    attempts.dispatch.store.client.hset(
        record, mapping={"queued": run.queued_at - 61_000, "attempt": 1 + begun}
    )
    state, run = attempts.attempt(task, attempts.dispatch.store.runs.get(run.id))
    assert run.status == status
    assert attempts.called == ["called"] * (not begun)
    if begun:
        assert state == states.FAILURE
        assert run.reason == "its deadline leaves no time for another attempt"
        assert "after the deadline of its retries" in run.error.message


# Celery's own retry


def retrying(attempts, **options):
    """Have a task call `self.retry` in its first attempt; the run after it, and the second one."""

    def theirs(self, x=0):
        if self.dispatch.attempt == 1:
            raise self.retry(**options)
        return x

    state, run = attempts.run(theirs, bind=True, default_retry_delay=60)
    assert (state, run.status) == (states.RETRY, "retrying")
    return run


@pytest.mark.parametrize(
    ("options", "delay"),
    [
        ({}, 60_000),
        ({"countdown": 0}, 0),
        ({"countdown": 1.5}, 1_500),
        ({"eta": timedelta(seconds=30)}, 30_000),
        ({"eta": timedelta(seconds=-30)}, 0),
    ],
    ids=str,
)
@pytest.mark.parametrize("zone", [None, timezone.utc, timezone(timedelta(hours=5))], ids=str)
def test_it_says_when(attempts, options, delay, zone):
    # a moment without a zone is one of UTC, as it is to Celery
    if "eta" in options:
        eta = (datetime.now(timezone.utc) + options["eta"]).astimezone(zone or timezone.utc)
        options = {"eta": eta if zone else eta.replace(tzinfo=None)}
    run = retrying(attempts, **options)
    assert delay - 5_000 * bool(options.get("eta")) <= run.retry_at - run.attempts[0].finished_at
    assert run.retry_at - run.attempts[0].finished_at <= delay


def test_the_next_attempt_gets_what_it_asked_for(attempts):
    run = retrying(attempts, kwargs={"x": 5}, countdown=0)
    assert run.definition.payload == {"x": 5}
    assert attempts.dispatch.store.tasks.get(run.task_id).definition.payload == {}


@pytest.mark.parametrize(
    ("fields", "limit", "status"),
    [
        ({"max_retries": 0}, None, "failed"),
        ({"max_retries": 0}, 1, "retrying"),
        ({"max_retries": 5}, 0, "failed"),
        ({"max_retries": 5}, None, "retrying"),
    ],
)
def test_the_bound_is_the_runs_unless_it_says_another(attempts, fields, limit, status):
    def theirs(self):
        raise self.retry(exc=KeyError("cause"), countdown=0, max_retries=limit)

    _, run = attempts.run(theirs, bind=True, fields=fields)
    assert (run.status, run.error.type) == (status, "KeyError")


def test_without_a_cause_too_many_retries_are_the_error(attempts):
    def theirs(self):
        raise self.retry(countdown=0)

    _, run = attempts.run(theirs, bind=True, fields={"max_retries": 0})
    assert (run.status, run.error.type) == ("failed", "celery.exceptions.MaxRetriesExceededError")
    assert f"Can't retry theirs[{run.id}]" in run.error.message


# Attempts that are not this worker's


def noting(attempts):
    return attempts.task(lambda: attempts.called.append("called"))


@pytest.mark.parametrize("why", ["held", "finished", "stale", "gone", "unreadable"])
def test_who_gets_no_lease_calls_nothing(attempts, why):
    task, run, store = noting(attempts), attempts.queued(), attempts.dispatch.store
    key = store.keys.run(run.id)
    if why == "held":
        store.runs.start(run.id, 1, token="another", worker="v@host", lease=60_000)
    elif why == "finished":
        runs.cancel(attempts.dispatch, run.id)
    elif why == "gone":
        tasks.purge(attempts.dispatch, run.task_id)
    elif why == "unreadable":
        store.client.hset(key, "def", '{"v":2}')
    before = store.client.hgetall(key)
    headers = {"dispatch_attempt": 7} if why == "stale" else {}
    assert attempts.traced(task, run, **headers).info.state == states.IGNORED
    assert attempts.called == []
    if why != "unreadable":
        assert store.client.hgetall(key) == before


@pytest.mark.parametrize("queue", ["q", "moved"])
def test_a_run_whose_queue_is_paused_is_not_started_and_goes_on_later(attempts, queue):
    """The queue from which its message came, which somebody may have moved."""
    task = attempts.task(lambda: attempts.called.append("called"))
    run = attempts.queued()
    info = {"delivery_info": {"exchange": "", "routing_key": queue}}
    pauses = attempts.dispatch.store.pauses
    pauses.pause(f"queue:{queue}", "ci", "slow")
    state, run = attempts.attempt(task, run, **info)
    # ignored: its message is acknowledged, and what is held has another one sent
    assert (state, run.status, run.attempts) == (states.IGNORED, "queued", ())
    assert run.reason == f"the queue {queue} is paused: slow"
    assert attempts.called == []
    assert pauses.resume(f"queue:{queue}").held == 1
    state, run = attempts.attempt(task, run, **info)
    assert (state, run.status, attempts.called) == (states.SUCCESS, "succeeded", ["called"])


@pytest.mark.parametrize(("terminate", "kept"), [(True, None), (False, "too late")])
def test_a_run_that_was_cancelled_meanwhile_is_that_whatever_the_function_does(
    attempts, terminate, kept
):
    def theirs(self):
        runs.cancel(attempts.dispatch, self.request.id, terminate=terminate)
        return "too late"

    state, run = attempts.run(theirs, bind=True)
    assert (state, run.status, run.result) == (states.IGNORED, "cancelled", kept)


def test_a_function_can_ask_whether_it_is_to_end(attempts):
    def theirs(self):
        before = self.cancelled
        runs.cancel(attempts.dispatch, self.request.id)
        wait_for(lambda: self.cancelled, 5)
        return [before, self.dispatch.cancelled]

    _, run = attempts.run(theirs, bind=True)
    assert (run.status, run.result) == ("cancelled", [False, True])


def test_a_call_that_is_no_run_is_never_asked_to_end(attempts):
    task = attempts.task(lambda self: self.cancelled, bind=True)
    adopt(attempts.app)
    assert task() is False


def test_what_a_base_class_of_theirs_calls_cancelled_stays(attempts):
    class Theirs(Task):
        cancelled = "their own"

    task = attempts.task(lambda self: self.cancelled, bind=True, base=Theirs)
    adopt(attempts.app)
    assert task() == "their own"


def test_a_message_goes_back_to_its_queue_where_redis_is_away(new_redis):
    server = new_redis()
    attempts = Attempts(server.url)
    task, run = noting(attempts), attempts.queued()
    server.kill()
    ended = attempts.traced(task, run)
    assert (ended.info.state, ended.info.retval.requeue) == (states.REJECTED, True)
    assert attempts.called == []
    attempts.close()
