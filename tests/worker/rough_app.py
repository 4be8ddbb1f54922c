"""The user's project, with functions that are rough to their worker, and a broker set by the
environment: `VISIBILITY_S`, seconds until a message that nobody speaks for comes back."""

from __future__ import annotations

import ctypes
import os

from tests.end_to_end.users_app import app, note

if "VISIBILITY_S" in os.environ:
    app.conf.broker_transport_options = {
        "visibility_timeout": float(os.environ["VISIBILITY_S"]),
        "unacked_restore_interval": 0.5,
        "unacked_restore_throttle": 1,
    }


@app.task(name="holding_the_gil", bind=True)
def holding_the_gil(self, seconds):
    """Sleeps in C; no other thread of its process gets to run."""
    note(self.request.id, "begins")
    # the libc sleeps at most a second at a time; the third of a second makes it many calls
    ctypes.PyDLL(None).usleep(int(seconds * 1_000_000))
    return "done"
