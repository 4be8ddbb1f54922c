"""The Celery app that `celery -A dispatch_app` finds, for those who bring no app of their own."""

from celery import Celery

from dispatch_app.dispatch import Dispatch

app = Celery("dispatch")
dispatch = Dispatch(app, default_queue="default")
