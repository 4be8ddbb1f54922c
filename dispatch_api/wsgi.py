"""What gunicorn loads: `dispatch_api.wsgi:app`."""

from dispatch_api import create_app
from dispatch_app.celery import dispatch

dispatch.opened()
app = create_app(dispatch)
