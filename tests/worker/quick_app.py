"""The user's project with a worker that hands back what it cannot finish within a second."""

import contextlib
import os
import time

import redis

from tests.end_to_end.users_app import app, note

app.conf.worker_soft_shutdown_timeout = 1.0


@app.task(name="slow_at_first", bind=True)
def slow_at_first(self, about=None):
    """Takes 20 s when it is called for the first time for a run, and no time after that."""
    about = about or self.request.id
    note(about, "begins")
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        calls = client.llen(f"seen:{about}")
    if calls == 1:
        time.sleep(20)
    return "quick this time"


@app.task(name="stubborn_at_first", bind=True)
def stubborn_at_first(self):
    """Takes 60 s when it is called for the first time for a run, whatever anybody does."""
    note(self.request.id, "begins")
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        calls = client.llen(f"seen:{self.request.id}")
    end = time.monotonic() + (60 if calls == 1 else 0)
    while time.monotonic() < end:
        with contextlib.suppress(BaseException):
            time.sleep(0.5)
    return "quick this time"
