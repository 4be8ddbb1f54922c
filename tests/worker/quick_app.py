"""The user's project with a worker that hands back what it cannot finish within a second."""

from tests.end_to_end.users_app import app

app.conf.worker_soft_shutdown_timeout = 1.0
