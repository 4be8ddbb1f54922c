"""How gunicorn serves the API: read by `dispatch up` and by deploy/gunicorn.py.

The names are gunicorn's settings. WEB_CONCURRENCY is the number of its processes.
"""

from __future__ import annotations

import socket
import struct
import sys
from pathlib import Path
from typing import Any

from dispatch_app.config import load
from dispatch_app.domain.errors import ConfigError

try:
    _server = load().server
except ConfigError as error:
    sys.exit(error.message)

_host = f"[{_server.host}]" if ":" in _server.host else _server.host

bind = f"{_host}:{_server.port}"
worker_class = "gthread"
#: requests at once in a process; a client that waits for a result holds one
threads = 16
#: less than the 10 s that the strictest PaaS gives between SIGTERM and SIGKILL
graceful_timeout = 8
#: a router in front reuses its connections
keepalive = 5
#: the heartbeat file of a process must not wait for a disk
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
#: nobody here speaks to it, and two installations of one user would share its path
control_socket_disable = True


def when_ready(server: Any) -> None:
    """Limit how long a request may stand still: gunicorn's threads would wait for ever.

    A connection inherits these two from the socket that accepted it (Linux, BSD, macOS).
    """
    for listener in server.LISTENERS:
        _limit(listener.sock, socket.SO_RCVTIMEO, _server.read_timeout)
        _limit(listener.sock, socket.SO_SNDTIMEO, _server.write_timeout)


def _limit(listener: socket.socket, option: int, ms: int) -> None:
    # struct timeval; zero is no limit, for the system as in the settings
    value = struct.pack("ll", ms // 1000, ms % 1000 * 1000)
    listener.setsockopt(socket.SOL_SOCKET, option, value)
