"""What `dispatch up` runs: a command line and a place in the order of the end for each service."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from dispatch_app.commands import embedded
from dispatch_app.commands.supervisor import Service
from dispatch_app.config import Config
from dispatch_app.domain.errors import ConfigError

#: the order of the end: each stage with its s from SIGTERM to SIGKILL, less than 10 in all
_API, _BEAT, _WORKER, _REDIS = (0, 1.5), (1, 1.0), (2, 5.0), (3, 1.5)
#: s that runs may take to end by themselves before a stopping worker hands them back
_SOFT_SHUTDOWN = 3
#: the log has the time and the name already
_LOG_FORMAT = "[%(levelname)s] %(message)s"
_TASK_LOG_FORMAT = "[%(levelname)s] %(task_name)s[%(task_id)s]: %(message)s"


def redis_folder(config: Config) -> Path:
    """Where the embedded server keeps its data."""
    return Path(config.dispatch.data_dir).absolute() / "redis"


def redis(config: Config, port: int, lock: int) -> Service:
    """The embedded server; it inherits the lock on its data."""
    command = embedded.command(port, redis_folder(config))
    return Service("redis", command, *_REDIS, fds=(lock,))


def processes(config: Config, listener: int) -> list[Service]:
    """API, beat and workers; the API inherits its listening socket."""
    count = config.worker.count
    names = ["worker"] if count == 1 else [f"worker{number}" for number in range(1, count + 1)]
    api = ("-m", "gunicorn", "-c", "python:dispatch_api.gunicorn", "-b", f"fd://{listener}")
    return [
        Service("api", _python(*api, "dispatch_api.wsgi:app"), *_API, fds=(listener,)),
        Service("beat", _celery("beat", "--pidfile=", "-l", "INFO", "--"), *_BEAT),
        *(Service(name, _worker(config, name), *_WORKER) for name in names),
    ]


def environment(options: Mapping[str, str], redis_url: str | None) -> dict[str, str]:
    """The environment of the services.

    Args:
        options: settings of the command line, "section.name" -> text.
        redis_url: of the embedded server; None: the configured one.
    """
    environ = {**os.environ, "PYTHONUNBUFFERED": "1", "REMAP_SIGTERM": "SIGQUIT"}
    environ |= {name.replace(".", "_").upper(): text for name, text in options.items()}
    if redis_url:
        for name in ("REDIS_ADDRESS", "REDIS_PASSWORD", "REDIS_DB", "REDIS_TLS"):
            environ.pop(name, None)
        environ["REDIS_URL"] = redis_url
    return environ


def listening(config: Config) -> socket.socket:
    """The socket of the API: taken before anything starts, and kept while the API restarts.

    Raises:
        ConfigError: it cannot be had; the message says what to set.
    """
    host, port = config.server.host, config.server.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return socket.create_server((host, port), family=found[0][0])
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(
                f"Port {port} of {host} is taken by another program: "
                "stop that, or set SERVER_PORT to another port."
            ) from None
        raise ConfigError(
            f"The API cannot listen on port {port} of {host} ({error.strerror}): "
            "set SERVER_HOST or SERVER_PORT."
        ) from None


def _worker(config: Config, name: str) -> list[str]:
    return _celery(
        *("worker", "-n", f"{name}@%h", "-c", str(config.worker.max_concurrent), "-l", "INFO"),
        *("--without-gossip", "--without-mingle"),
        *("--", f"worker_soft_shutdown_timeout={_SOFT_SHUTDOWN}"),
    )


def _celery(*words: str) -> list[str]:
    formats = f"worker_log_format={_LOG_FORMAT}", f"worker_task_log_format={_TASK_LOG_FORMAT}"
    return _python("-m", "celery", "-q", "-A", "dispatch_app", *words, *formats)


def _python(*words: str) -> list[str]:
    return [sys.executable, *words]
