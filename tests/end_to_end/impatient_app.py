"""The user's project with settings of its own: messages that nobody acknowledges come back after
2 s, and workers look for such messages each second. Celery's own ETA messages run twice so."""

from tests.end_to_end.users_app import app

app.conf.broker_transport_options = {
    "visibility_timeout": 2,
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 1,
}
