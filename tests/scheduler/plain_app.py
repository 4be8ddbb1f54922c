"""A project that names our scheduler and forgot `Dispatch(app)`."""

import os

from celery import Celery

app = Celery("plain", broker_url=os.environ.get("REDIS_URL"))
app.conf.beat_scheduler = "dispatch_app.scheduler.beat:DispatchScheduler"
