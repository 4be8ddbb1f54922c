"""The tasks of the load: each writes into the ledger when it begins and when it ends."""

from __future__ import annotations

import os
import signal
import time

from celery import Celery

from dispatch_app import Dispatch

app = Celery("chaos")
Dispatch(app)


def note(what: str, context) -> None:
    """One line of the ledger; a line of this length is written whole, whoever writes beside."""
    lease = context.lease
    line = f"{what} {context.id} {context.attempt} {lease.token} {time.monotonic():.3f}\n"
    ledger = os.open(os.environ["CHAOS_LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(ledger, line.encode())
    finally:
        os.close(ledger)


@app.task(bind=True)
def work(self, seconds: float = 0.0) -> int:
    """Takes its time."""
    note("begin", self.dispatch)
    time.sleep(seconds)
    note("end", self.dispatch)
    return self.dispatch.attempt


@app.task(bind=True)
def flaky(self, until: int) -> int:
    """Raises in every attempt before `until`."""
    note("begin", self.dispatch)
    if self.dispatch.attempt < until:
        raise ValueError("not yet")
    note("end", self.dispatch)
    return self.dispatch.attempt


@app.task(bind=True)
def failing(self) -> None:
    """Raises."""
    note("begin", self.dispatch)
    raise ValueError("never")


@app.task(bind=True)
def poison(self) -> None:
    """Takes its process with it."""
    note("begin", self.dispatch)
    os.kill(os.getpid(), signal.SIGKILL)
