"""The user's project with a worker that hands back what it cannot finish within a second."""

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
