"""Somebody's Celery project. Its one line about us is `Dispatch(app)`; its tasks are plain Celery.

What hooks and signals were told is noted in Redis under `seen:<task id>`, where tests read it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import redis
from celery import Celery, Task, chain, group, shared_task, signals
from celery.exceptions import Ignore, Reject, SoftTimeLimitExceeded

from dispatch_app import Discard, Dispatch, RetryAfter

app = Celery("users", broker_url=os.environ.get("REDIS_URL"))
Dispatch(app, default_queue="default")


def note(about: str, *what: Any) -> None:
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        client.rpush(f"seen:{about}", msgspec.json.encode(what, enc_hook=repr))


class NotingTask(Task):
    """A base class of the user's own, with every hook that Celery has."""

    def before_start(self, task_id, args, kwargs):
        note(task_id, "before_start", kwargs)

    def on_success(self, retval, task_id, args, kwargs):
        note(task_id, "on_success", retval, kwargs)

    def on_retry(self, exc, task_id, args, kwargs, einfo):
        note(task_id, "on_retry", repr(exc), kwargs)

    def on_failure(self, exc, task_id, args, kwargs, einfo):
        note(task_id, "on_failure", repr(exc), kwargs)

    def after_return(self, status, retval, task_id, args, kwargs, einfo):
        note(task_id, "after_return", status, kwargs)


class HastyTask(NotingTask):
    """A base class whose hooks fail, once they have noted that they were called."""

    def on_success(self, *args):
        super().on_success(*args)
        raise OSError("on_success")

    def on_retry(self, *args):
        super().on_retry(*args)
        raise OSError("on_retry")

    def on_failure(self, *args):
        super().on_failure(*args)
        raise OSError("on_failure")

    def after_return(self, *args):
        super().after_return(*args)
        raise OSError("after_return")


@signals.task_prerun.connect
def noted_prerun(task_id, task, kwargs, **_):
    if task.name.startswith("signalled"):
        note(task_id, "task_prerun", kwargs)


@signals.task_postrun.connect
def noted_postrun(task_id, task, kwargs, retval, state, **_):
    if task.name.startswith("signalled"):
        note(task_id, "task_postrun", state, kwargs)


@signals.task_success.connect
def noted_success(sender, result, **_):
    if sender.name.startswith("signalled"):
        note(sender.request.id, "task_success", result, sender.request.kwargs)


@signals.task_failure.connect
def noted_failure(sender, task_id, exception, kwargs, **_):
    if sender.name.startswith("signalled"):
        note(task_id, "task_failure", repr(exception), kwargs)


@shared_task(name="add")
def add(x, y=1):
    """Adds two numbers."""
    return x + y


@app.task(name="added_later", payload_schema={"type": "object"})
def added_later(x):
    """Announces a schema that is laxer than the function."""
    return x


@app.task(name="noted_add")
def noted_add(x, y, about):
    note(about, "noted_add", x + y)
    return x + y


@app.task(name="whoami", bind=True)
def whoami(self, greeting):
    run = self.dispatch
    run.progress({"done": 1, "of": 2})
    run.log(greeting, "second line")
    return {
        "request": self.request.id,
        "kwargs": self.request.kwargs,
        "retries": self.request.retries,
        "run": run.id,
        "task": run.task_id,
        "attempt": run.attempt,
        "origin": run.origin,
        "scheduled_for": run.scheduled_for.isoformat(),
    }


@app.task(name="noting", base=NotingTask, bind=True)
def noting(self, value):
    if value == "bad":
        raise ValueError(value)
    if value == "again" and self.request.retries == 0:
        raise KeyError(value)
    return value


@app.task(name="hasty", base=HastyTask, bind=True)
def hasty(self, value):
    if value == "bad" or (value == "again" and self.request.retries == 0):
        raise KeyError(value)
    return value


@app.task(name="signalled")
def signalled(value):
    if value == "bad":
        raise ValueError(value)
    return value


@app.task(
    name="autoretrying", bind=True, autoretry_for=(KeyError,), retry_backoff=False,
    default_retry_delay=0.1, retry_kwargs={"max_retries": 5},
)  # fmt: skip
def autoretrying(self, failures):
    if self.request.retries < failures:
        raise KeyError(self.request.retries)
    return self.request.retries


@app.task(name="counting_down", bind=True)
def counting_down(self, countdown, times=1):
    if self.request.retries < times:
        raise self.retry(countdown=countdown)
    return self.request.retries


@app.task(name="retrying_quietly", bind=True)
def retrying_quietly(self):
    if self.request.retries == 0:
        self.retry(countdown=0, throw=False)
        return "this is not the result"
    return "this is"


@app.task(name="retrying_with", bind=True)
def retrying_with(self, value):
    if self.request.retries == 0:
        raise self.retry(kwargs={"value": value + 1}, countdown=0)
    return value


@app.task(name="retrying_for_good", bind=True)
def retrying_for_good(self):
    try:
        raise LookupError("the cause")
    except LookupError as error:
        raise self.retry(exc=error, countdown=0, max_retries=1) from error


@app.task(name="discarding", autoretry_for=(Exception,), retry_backoff=False)
def discarding():
    raise Discard("nothing to be done")


@app.task(name="waiting_for", bind=True)
def waiting_for(self, seconds):
    if self.dispatch.attempt == 1:
        raise RetryAfter(seconds, "come back later")
    return self.dispatch.attempt


@app.task(name="failing")
def failing(times=1_000_000, about=None):
    note(about, "failing")
    raise ValueError("as ever")


@app.task(name="silent", ignore_result=True)
def silent():
    return "nobody wants to know"


@app.task(name="ignoring")
def ignoring():
    raise Ignore


@app.task(name="rejecting")
def rejecting():
    raise Reject("not for me", requeue=False)


@app.task(name="composing", bind=True)
def composing(self):
    about = self.request.id
    group(noted_add.s(1, 2, about), noted_add.s(3, 4, about)).apply_async()
    chain(noted_add.si(10, 1, about), noted_add.si(20, 1, about)).apply_async()
    noted_add.delay(100, 1, about)
    return "sent"


@app.task(name="factorial")
def factorial(n):
    """Calls itself as a function, which Celery allows."""
    return 1 if n < 2 else n * factorial(n - 1)


@app.task(name="tidy")
def tidy():
    """Makes use of the soft limit."""
    try:
        time.sleep(60)
    except SoftTimeLimitExceeded:
        return "tidied up"


@app.task(name="tidying", bind=True, base=NotingTask)
def tidying(self, seconds=60, takes=0.0):
    """Takes its time, and some to tidy up when it is told to end."""
    note(self.request.id, "begins")
    try:
        time.sleep(seconds)
    except SoftTimeLimitExceeded:
        note(self.request.id, "is told")
        time.sleep(takes)
        note(self.request.id, "is tidy")
        return "tidied up"
    return "done"


@app.task(name="interruptible", bind=True, base=NotingTask)
def interruptible(self):
    """Takes its time, and leaves it to others what it means to be told to end."""
    note(self.request.id, "begins")
    time.sleep(60)


@app.task(name="asking", bind=True)
def asking(self, seconds=60, takes=0.0):
    """Reports progress until it learns that it is to end, as pools without processes need it."""
    note(self.request.id, "begins")
    end = time.monotonic() + seconds
    while not self.dispatch.cancelled and time.monotonic() < end:
        time.sleep(0.05)
        self.dispatch.progress(time.monotonic())
    note(self.request.id, "is told" if self.dispatch.cancelled else "ends")
    time.sleep(takes)
    return "asked"


@app.task(name="heeding", bind=True)
def heeding(self, seconds=60):
    """Asks whether it is to end, and does; says nothing meanwhile."""
    note(self.request.id, "begins")
    end = time.monotonic() + seconds
    try:
        while not self.cancelled and time.monotonic() < end:
            time.sleep(0.05)
        note(self.request.id, "is told" if self.cancelled else "ends")
    except SoftTimeLimitExceeded:
        note(self.request.id, "is interrupted")
    return "tidied up"


@app.task(name="endless")
def endless(about=None):
    """Does not let itself be interrupted by the soft limit."""
    while True:
        try:
            time.sleep(60)
        except SoftTimeLimitExceeded:
            note(about, "is told")


@app.task(name="stubborn", bind=True)
def stubborn(self):
    """Does not listen to anybody who asks it to end."""
    note(self.request.id, "begins")
    endless(self.request.id)


@app.task(name="deaf", bind=True)
def deaf(self):
    """Does not even end when its process is terminated."""
    for number in (signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    note(self.request.id, "begins")
    endless(self.request.id)


@app.task(name="dying", bind=True)
def dying(self, times=1_000_000):
    """Kills its process, as the kernel does when memory is short."""
    if self.dispatch.attempt <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return self.dispatch.attempt


@app.task(name="waiting", bind=True)
def waiting(self, seconds=60, about=None):
    """Takes its time; notes when it begins and when it ends."""
    note(about or self.request.id, "begins")
    time.sleep(seconds)
    note(about or self.request.id, "ends")
    return "done"


@app.task(name="reading")
def reading(path):
    """Needs a file that somebody may have to put there first."""
    return Path(path).read_text()


@app.task(name="marking")
def marking(label, about):
    note(about, label)


class Unpicklable(Exception):
    """An error that does not survive its way out of the process."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")
        self.lock = threading.Lock()


@app.task(name="unpicklable")
def unpicklable():
    raise Unpicklable(1, 2)


@app.task(name="unserializable")
def unserializable():
    return {1, 2, object}


@app.task(name="verbose")
def verbose(size):
    return "x" * size


@app.task(name="exiting")
def exiting(code):
    sys.exit(code)


@app.task(name="putting_off")
def putting_off(seconds):
    raise RetryAfter(float(seconds))
