"""The user's project, with functions that are rough to their worker. The environment says how
long the worker and its broker are patient: `GRACE_S`, seconds after SIGTERM, and `VISIBILITY_S`,
seconds until a message that nobody speaks for comes back; and whether its main loop stands still as
soon as it is ready (`DEAF`)."""

from __future__ import annotations

import ctypes
import os
import threading
import time

from celery.signals import worker_ready

from tests.end_to_end.users_app import app, note

if "VISIBILITY_S" in os.environ:
    app.conf.broker_transport_options = {
        "visibility_timeout": float(os.environ["VISIBILITY_S"]),
        "unacked_restore_interval": 0.5,
        "unacked_restore_throttle": 1,
    }
if "GRACE_S" in os.environ:
    app.conf.worker_soft_shutdown_timeout = float(os.environ["GRACE_S"])

if "DEAF" in os.environ:
    worker_ready.connect(lambda **_: threading.Event().wait(), weak=False)


@app.task(name="enter", bind=True)
def enter(self, label, seconds):
    """Enters in a file outside of Redis that it begins, and that it ends."""
    append(f"begin {label} {self.dispatch.attempt}")
    time.sleep(seconds)
    append(f"end {label} {self.dispatch.attempt}")


def append(line: str) -> None:
    # one write of a short line is whole, whoever writes beside it
    ledger = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(ledger, f"{line}\n".encode())
    finally:
        os.close(ledger)


@app.task(name="holding_the_gil", bind=True)
def holding_the_gil(self, seconds):
    """Sleeps in C; no other thread of its process gets to run."""
    note(self.request.id, "begins")
    ctypes.PyDLL(None).usleep(int(seconds * 1_000_000))
    return "done"


@app.task(name="parting", bind=True)
def parting(self):
    """Has its process part from the worker a moment before it ends, as a slow exit does."""
    if self.dispatch.attempt == 1:
        os.closerange(3, 1024)
        time.sleep(0.3)
        os._exit(1)
