"""The Celery app that `celery -A dispatch_app` finds, for those who bring no app of their own."""

import sys

from celery import Celery

from dispatch_app.dispatch import Dispatch
from dispatch_app.domain.errors import ConfigError

app = Celery("dispatch")
try:
    dispatch = Dispatch(app, default_queue="default")
except ConfigError as error:
    # celery would show a page of traceback around the one line that matters
    sys.exit(error.message)
