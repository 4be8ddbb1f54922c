"""The web process: gunicorn -c deploy/gunicorn.py dispatch_api.wsgi:app

Binds to SERVER_HOST and SERVER_PORT, or to 0.0.0.0 and the PORT that a PaaS sets. Change here what
your place needs otherwise; https://docs.gunicorn.org/en/stable/settings.html has the names.
"""

from dispatch_api.gunicorn import (
    bind,
    control_socket_disable,
    graceful_timeout,
    keepalive,
    threads,
    when_ready,
    worker_class,
    worker_tmp_dir,
)

__all__ = [
    "bind",
    "control_socket_disable",
    "graceful_timeout",
    "keepalive",
    "threads",
    "when_ready",
    "worker_class",
    "worker_tmp_dir",
]
