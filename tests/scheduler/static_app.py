"""The user's project with a beat_schedule, in which one entry makes no sense."""

from celery.schedules import crontab

from tests.end_to_end.users_app import app

app.conf.beat_schedule = {
    "every fifth of a second": {"task": "add", "schedule": 0.2, "args": (2,), "kwargs": {"y": 3}},
    "nonsense": {"task": "add", "schedule": "now and then"},
    "at midnight": {"task": "add", "schedule": crontab(minute=0, hour=0), "args": (1,)},
}
