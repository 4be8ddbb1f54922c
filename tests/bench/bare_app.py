"""The yardstick of workers and beats: Celery as it comes, with Redis for its results.

`BENCH_PREFETCH` is its prefetch multiplier, `BENCH_IDLE` a number of schedule entries that are not
due, beside one that is due every second.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.schedules import crontab

URL = os.environ.get("REDIS_URL", "")

app = Celery("bare", broker=URL, backend=URL, set_as_current=False)
app.conf.update(
    broker_connection_retry_on_startup=True,
    worker_prefetch_multiplier=int(os.environ.get("BENCH_PREFETCH", "4")),
    task_default_queue="bare",
    beat_schedule={
        "due": {"task": "echo", "schedule": 1.0},
        **{
            f"idle-{n}": {"task": "echo", "schedule": crontab(hour="3", month_of_year="2")}
            for n in range(int(os.environ.get("BENCH_IDLE", "0")))
        },
    },
)


@app.task(name="echo", shared=False)
def echo(**payload: Any) -> dict[str, Any]:
    """Give back the payload, as ours does."""
    return payload


@app.task(name="email", shared=False)
def email(**payload: Any) -> None:
    """Only ever sent."""
