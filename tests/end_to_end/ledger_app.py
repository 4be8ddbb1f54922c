"""An app whose one type writes into a file what it did: a ledger outside of Redis."""

from __future__ import annotations

import os
import time

from celery import Celery

from dispatch_app import Dispatch

app = Celery("ledger")
Dispatch(app, default_queue="default")


@app.task(name="enter", bind=True)
def enter(self, label, seconds=0.0):
    """Enter that it begins and that it ends, with the attempt."""
    _write(f"begin {label} {self.dispatch.attempt}")
    time.sleep(seconds)
    _write(f"end {label} {self.dispatch.attempt}")
    return label


def _write(line: str) -> None:
    # one write of a short line, appended: whole, whoever else writes
    page = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(page, f"{line}\n".encode())
    finally:
        os.close(page)
