"""dispatch up: Redis, API, beat and workers in one terminal."""

from __future__ import annotations

import http.client
import importlib.util
import socket
import sys
from contextlib import closing
from pathlib import Path

import click
import redis

from dispatch_app import __version__
from dispatch_app import config as configuration
from dispatch_app.commands import data_dir, embedded, options, stack
from dispatch_app.commands.supervisor import Log, Supervisor
from dispatch_app.config import Config
from dispatch_app.config_kinds import masked
from dispatch_app.domain.errors import ConfigError, StoreUnavailable
from dispatch_app.store.connection import open_client, problems_of

#: s that the start may take: until Redis has read its data, until the API answers
_REDIS_START, _API_START = 60.0, 30.0
#: addresses that mean "all of this machine", and where this machine finds them
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


@click.command()
@click.option("--port", metavar="PORT", help="Port of the API (server.port).")
@options.settings
def up(port: str | None, settings: dict[str, str]) -> None:
    """Run everything in this terminal, for development: API, beat, workers, and a Redis of its own
    where none is configured. Ctrl-C stops it; the data stays."""
    given = settings | ({"server.port": port} if port else {})
    config = configuration.load(given)
    _check_imports(config)
    with (
        data_dir.locked(Path(config.dispatch.data_dir)) as lock,
        closing(stack.listening(config)) as listener,
    ):
        code = _Up(config, given, listener, lock).run()
    sys.exit(code)


def _check_imports(config: Config) -> None:
    """Refuse a module that is not there, before a worker and a beat trip over it again and again.

    Raises:
        ConfigError: which one.
    """
    # where Celery looks, too
    sys.path.insert(0, str(Path.cwd()))
    for name in config.dispatch.imports:
        try:
            found = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            found = None
        if found is None:
            raise ConfigError(
                f"dispatch.imports: there is no module {name!r}, neither here nor installed."
            )


class _Up:
    """One run of the whole stack.

    Args:
        config: effective settings.
        given: those of them that the command line named, as texts.
        listener: the API's socket.
        lock: file descriptor of the lock on the data.
    """

    def __init__(
        self, config: Config, given: dict[str, str], listener: socket.socket, lock: int
    ) -> None:
        self._config, self._listener, self._lock = config, listener, lock
        configured = {config.origin_of(f"redis.{name}") for name in ("url", "address")}
        #: of the embedded server; None: there is a configured one
        self._redis_port = embedded.free_port() if configured == {"default"} else None
        self._url = config.redis_url
        if self._redis_port:
            self._url = f"redis://127.0.0.1:{self._redis_port}/0"
        self._services = stack.processes(config, listener.fileno())
        self._environ = stack.environment(given, self._url if self._redis_port else None)
        self._log = Log(sys.stdout, ["redis", *(each.name for each in self._services)])

    def run(self) -> int:
        """Start everything, keep it running until somebody asks to stop, end it; the exit code."""
        click.echo(f"dispatch {__version__} is starting ...")
        with Supervisor(self._log, self._environ, [self._lock]) as supervisor:
            trouble = self._start(supervisor)
            if not trouble and not supervisor.asked_to_stop:
                click.echo(self._panel())
                self._log.release()
                supervisor.run(lambda: False)
            self._log.say(trouble or "stopping; Ctrl-C once more kills what is left at once")
            # nobody is to wait for an answer of an API that is gone
            self._listener.close()
        self._log.say(f"has stopped; the data is in {self._place_of_data()}")
        return 1 if trouble else 0

    def _start(self, supervisor: Supervisor) -> str:
        """Start the services in order; what went wrong, if anything did."""
        if self._redis_port:
            supervisor.start(stack.redis(self._config, self._redis_port, self._lock))
            if not supervisor.run(self._redis_answers, _REDIS_START):
                return _late(supervisor, "Redis", _REDIS_START)
        self._look_at_redis()
        for service in self._services:
            supervisor.start(service)
        if not supervisor.run(self._api_answers, _API_START):
            return _late(supervisor, "the API", _API_START)
        return ""

    def _redis_answers(self) -> bool:
        """Whether the embedded server has read its data.

        Raises:
            ConfigError: another server was faster on its port.
        """
        with open_client(self._url, timeout_s=0.5) as client:
            try:
                client.ping()  # an error as long as it reads
                folder = Path(client.config_get("dir")["dir"])
            except redis.RedisError:
                return False
        if folder.resolve() != stack.redis_folder(self._config).resolve():
            raise ConfigError(f"Another Redis took port {self._redis_port}: start again.")
        return True

    def _look_at_redis(self) -> None:
        """Say what is wrong with the server.

        Raises:
            StoreUnavailable: it does not answer; the message says which, and who named it.
        """
        try:
            with open_client(self._url) as client:
                for problem in problems_of(client):
                    self._log.say(problem)
        except StoreUnavailable as error:
            names = [self._config.origin_of(f"redis.{name}") for name in ("url", "address")]
            origin = next((name for name in names if name != "default"), "our own")
            raise StoreUnavailable(f"{masked(self._url)} ({origin}): {error.message}") from None

    def _api_answers(self) -> bool:
        host, port = self._address()
        connection = http.client.HTTPConnection(host, port, timeout=0.5)
        try:
            with closing(connection):
                connection.request("GET", "/healthz")
                return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False

    def _address(self) -> tuple[str, int]:
        """Where this machine reaches the API."""
        host, port = self._listener.getsockname()[:2]
        return _ANY.get(host, host), port

    def _place_of_data(self) -> str:
        if self._redis_port:
            return f"{Path(self._config.dispatch.data_dir).absolute()}"
        return masked(self._url)

    def _panel(self) -> str:
        host, port = self._address()
        base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        return f"""
  dispatch {__version__} is up

  API      {base}/api/v1/tasks
  Docs     {base}/docs
  Health   {base}/readyz
  Data     {self._place_of_data()}
  Redis    {masked(self._url)}

  Try      curl -X POST {base}/api/v1/tasks -H 'Content-Type: application/json' \\
             -d '{{"type": "echo", "name": "hello", "payload": {{"text": "hello"}}}}'
  Stop     Ctrl-C
"""


def _late(supervisor: Supervisor, who: str, limit: float) -> str:
    """What to say of a start that did not end, unless somebody asked to stop meanwhile."""
    if supervisor.asked_to_stop:
        return ""
    return f"{who} did not answer within {limit:g} s, see above; stopping"
