"""Settings: command-line option > environment > JSON file named by CONFIG_FILE > default.

The sections below are the one table of keys: name, kind of value, default, meaning. What loads,
checks and shows settings, the example file and the tests of the documentation read it (`KEYS`).
Every key `section.name` is the environment variable SECTION_NAME as well.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dispatch_app import redis_url
from dispatch_app.config_kinds import (
    ADDRESS,
    FLAG,
    NAMES,
    PORT,
    SECRETS,
    TEXT,
    Kind,
    duration,
    number,
    url,
)
from dispatch_app.domain.errors import ConfigError


def usable_cores() -> int:
    """The cores that this process may use, at least 2."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS has no affinity
        cores = os.cpu_count() or 1
    return max(cores, 2)


def _key(kind: Kind, default: Any, text: str, secret: bool = False) -> Any:
    """One setting; a callable default is asked when the configuration is built."""
    meta = {"kind": kind, "help": text, "secret": secret}
    if callable(default):
        return dataclasses.field(default_factory=default, metadata=meta)
    return dataclasses.field(default=default, metadata=meta)


@dataclasses.dataclass(frozen=True)
class Server:
    """The API server."""

    host: str = _key(TEXT, "127.0.0.1", "address to bind to; 0.0.0.0 where a PaaS sets PORT")
    port: int = _key(PORT, 8080, "port to bind to; PORT is honoured too")
    read_timeout: int = _key(duration(0), 30_000, "longest wait for a request; 0: no limit")
    write_timeout: int = _key(duration(0), 30_000, "longest time for an answer; 0: no limit")


@dataclasses.dataclass(frozen=True)
class Redis:
    """The store, and the broker unless celery.broker_url names another."""

    address: str = _key(ADDRESS, "localhost:6379", "host:port")
    password: str = _key(TEXT, "", "password of the server at redis.address", secret=True)
    db: int = _key(number(0), 0, "database of the server at redis.address")
    url: str = _key(
        url("redis", "rediss", "unix", "sentinel"),
        "",
        "instead of address, password and db: redis://, rediss:// (TLS), unix:///path?db=0, "
        "sentinel://[:password@]host:26379,host:26379/master_name/db",
        secret=True,
    )
    tls: str = _key(
        TEXT, "", "verify, insecure, or the file of the CA that signed the server's certificate"
    )
    wait_replicas: int = _key(
        number(0), 0, "replicas that have to have a change before the API says that it is made"
    )
    wait_timeout: int = _key(duration(1), 1_000, "how long it waits for them")
    cluster: bool = _key(
        FLAG,
        False,
        "Redis runs in cluster mode: Celery's keys get the prefix with its hash tag too",
    )


@dataclasses.dataclass(frozen=True)
class Worker:
    """The Celery workers."""

    count: int = _key(number(1), 1, "worker nodes that `dispatch up` starts")
    max_concurrent: int = _key(
        number(1), usable_cores, "runs at once in one node (default: usable cores, at least 2)"
    )
    queue_size: int = _key(number(1), 100, "most runs that one task may have waiting")
    poll_interval: int = _key(duration(1), 1_000, "longest sleep of a scheduler between looks")
    stuck_after: int = _key(
        duration(1), 60_000, "a worker that starts nothing for so long, with a free slot, ends"
    )


@dataclasses.dataclass(frozen=True)
class Scheduler:
    """Defaults for tasks that do not say, and the heartbeat."""

    max_retries: int = _key(number(0, 1000), 3, "how often a failed attempt is tried again")
    default_timeout: int = _key(duration(1), 600_000, "hard time limit of one attempt")
    heartbeat_interval: int = _key(
        duration(100), 5_000, "beat of workers and schedulers; a lease lives three of them"
    )
    retry_backoff: int = _key(duration(0), 30_000, "delay before the first retry")
    redeliver_after: int = _key(duration(1), 30_000, "age of a lost message that is sent again")


@dataclasses.dataclass(frozen=True)
class Celery:
    """What Celery needs to know beyond Redis."""

    broker_url: str = _key(
        url(), "", "the store's Redis, if a process has to be told so in Celery's way", secret=True
    )


@dataclasses.dataclass(frozen=True)
class Dispatch:
    """This installation."""

    prefix: str = _key(TEXT, "{dispatch}:", "begins every key in Redis; keep a hash tag in it")
    api_keys: Mapping[str, str] = _key(
        SECRETS, dict, "who may call the API: name:secret,name:secret", secret=True
    )
    imports: tuple[str, ...] = _key(NAMES, (), "modules with your tasks: my.tasks,my.other")
    data_dir: str = _key(TEXT, ".dispatch", "folder of the embedded Redis and of written mails")
    keep_runs: int = _key(number(1), 100, "finished runs kept per task")
    keep_dead_letters: int = _key(number(0), 10_000, "dead letters kept, the oldest go first")
    dead_letters_age: int = _key(
        duration(1), 90 * 86_400_000, "how long a dead letter is kept: replayed or dropped by then"
    )
    result_limit: int = _key(number(0), 65_536, "bytes of a result that are kept")


@dataclasses.dataclass(frozen=True)
class Smtp:
    """Where the task type `email` delivers."""

    url: str = _key(
        url("smtp", "smtps"),
        "",
        "smtp://user:password@host:587 or smtps://; without it mails become files in data_dir",
        secret=True,
    )
    sender: str = _key(TEXT, "", "From of mails that do not say")


@dataclasses.dataclass(frozen=True)
class Http:
    """What the task type `http` may do."""

    allow_private: bool = _key(FLAG, False, "whether loopback and private addresses are allowed")
    response_limit: int = _key(number(0), 65_536, "bytes of a response that are kept")


@dataclasses.dataclass(frozen=True)
class Config:
    """All settings of one process, read once and handed down."""

    server: Server = Server()
    redis: Redis = Redis()
    worker: Worker = dataclasses.field(default_factory=Worker)
    scheduler: Scheduler = Scheduler()
    celery: Celery = Celery()
    dispatch: Dispatch = dataclasses.field(default_factory=Dispatch)
    smtp: Smtp = Smtp()
    http: Http = Http()
    #: where each value that is not a default came from
    origins: Mapping[str, str] = dataclasses.field(default_factory=dict)
    #: the URL of the store, whichever settings it was said in
    redis_url: str = "redis://localhost:6379/0"

    def origin_of(self, key: str) -> str:
        """Where the value of "section.name" came from: "default", "file /x.json",
        "environment WORKER_COUNT" or "option"."""
        return self.origins.get(key, "default")

    def value_of(self, key: str) -> Any:
        """The value of "section.name"."""
        section, _, name = key.partition(".")
        return getattr(getattr(self, section), name)


@dataclasses.dataclass(frozen=True)
class Key:
    """One setting, as the table above has it."""

    #: "section.name"
    name: str
    #: environment variables, the strongest first
    variables: tuple[str, ...]
    kind: Kind
    #: None: it depends on the machine
    default: Any
    help: str
    secret: bool


_SECTIONS = {
    "server": Server,
    "redis": Redis,
    "worker": Worker,
    "scheduler": Scheduler,
    "celery": Celery,
    "dispatch": Dispatch,
    "smtp": Smtp,
    "http": Http,
}


def _keys() -> Iterator[Key]:
    for section, cls in _SECTIONS.items():
        for field in dataclasses.fields(cls):
            name = f"{section}.{field.name}"
            also = ("PORT",) if name == "server.port" else ()
            default = None if field.default is dataclasses.MISSING else field.default
            yield Key(
                name=name,
                variables=(name.replace(".", "_").upper(), *also),
                kind=field.metadata["kind"],
                default={} if name == "dispatch.api_keys" else default,
                help=field.metadata["help"],
                secret=field.metadata["secret"],
            )


#: Every setting by its name, in the order of the sections.
KEYS: Mapping[str, Key] = {key.name: key for key in _keys()}

#: Strength of a source: what is said nearer to the command wins.
_DEFAULT, _FILE, _ENVIRONMENT, _OPTION = range(4)


@dataclasses.dataclass(frozen=True)
class _Said:
    """A value that somebody gave, with where."""

    value: Any
    origin: str
    strength: int


def load(
    options: Mapping[str, Any] | None = None, environ: Mapping[str, str] = os.environ
) -> Config:
    """The configuration that options, environment and file amount to.

    Args:
        options: "section.name" -> value, as text or as in the file; None: not given.
        environ: the environment; CONFIG_FILE in it names the file.

    Raises:
        ConfigError: in one line, what is wrong where, and what would be right.
    """
    said: dict[str, _Said] = {}
    if path := environ.get("CONFIG_FILE"):
        said.update(_from_file(Path(path)))
    said.update(_from_environment(environ))
    said.update(_from_options(options or {}))
    if said.get("server.port", _NOTHING).origin == "environment PORT":
        # where a PaaS names the port, its router comes from outside
        said.setdefault("server.host", _Said("0.0.0.0", "environment PORT", _DEFAULT))  # noqa: S104
    return _build(said)


def misspelt(environ: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each environment variable that looks like a setting misspelt. Not an error:
    the environment belongs to everybody."""
    known = [variable for key in KEYS.values() for variable in key.variables]
    for name in environ:
        if name not in known and (near := difflib.get_close_matches(name, known, 1, 0.9)):
            yield f"environment {name} is not a setting; did you mean {near[0]}?"


_NOTHING = _Said(None, "default", _DEFAULT)


def _from_file(path: Path) -> Iterator[tuple[str, _Said]]:
    for section, values in _object(path).items():
        if section not in _SECTIONS:
            near = difflib.get_close_matches(section, _SECTIONS, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(_SECTIONS)}"
            raise ConfigError(f"{path}: {section} is not a section; {hint}")
        if not isinstance(values, dict):
            raise ConfigError(f"{path}: {section} has to be an object of settings")
        for name, value in values.items():
            key = _known(f"{section}.{name}", f"{path}")
            if value is not None:  # null: as if not said
                yield key.name, _said(key, value, f"file {path}", _FILE)


def _object(path: Path) -> dict[str, Any]:
    """The JSON object in the file."""
    try:
        content = json.loads(path.read_text("utf-8-sig"), object_pairs_hook=_unique)
    except OSError as error:
        raise ConfigError(f"CONFIG_FILE {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{path} is not a JSON file: {error}") from None
    except RecursionError:
        raise ConfigError(f"{path} is not a JSON file for settings: nested too deeply") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path} has to hold one JSON object of sections: {', '.join(_SECTIONS)}")
    return content


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} stands there twice")
    return found


def _from_environment(environ: Mapping[str, str]) -> Iterator[tuple[str, _Said]]:
    for key in KEYS.values():
        # an empty variable is one that is not set, as compose files and shells have them
        variable = next((name for name in key.variables if environ.get(name)), None)
        if variable:
            yield key.name, _said(key, environ[variable], f"environment {variable}", _ENVIRONMENT)


def _from_options(options: Mapping[str, Any]) -> Iterator[tuple[str, _Said]]:
    for name, value in options.items():
        if value is not None:
            yield name, _said(_known(name, "option"), value, "option", _OPTION)


def _said(key: Key, value: Any, origin: str, strength: int) -> _Said:
    """The checked value."""
    try:
        is_text = isinstance(value, str) and strength > _FILE
        return _Said(key.kind.read(key.kind.parse(value) if is_text else value), origin, strength)
    except ValueError:
        shown = "" if key.secret else f", not {json.dumps(value, default=str)[:80]}"
        where = origin.removeprefix("file ")
        raise ConfigError(f"{where}: {key.name} has to be {key.kind.right}{shown}") from None


def _known(name: str, where: str) -> Key:
    if name in KEYS:
        return KEYS[name]
    section, _, last = name.partition(".")
    siblings = {key.partition(".")[2]: key for key in KEYS if key.startswith(f"{section}.")}
    # the right name in the wrong section, else a misspelt one in the right section
    elsewhere = [key for key in KEYS if key.endswith(f".{last}")]
    meant = elsewhere or [siblings[near] for near in difflib.get_close_matches(last, siblings, 1)]
    hint = f"did you mean {meant[0]}?" if meant else f"there are {', '.join(siblings.values())}"
    raise ConfigError(f"{where}: {name} is not a setting; {hint}")


def _build(said: Mapping[str, _Said]) -> Config:
    sections = {
        section: cls(
            **{
                field.name: said[name].value
                for field in dataclasses.fields(cls)
                if (name := f"{section}.{field.name}") in said
            }
        )
        for section, cls in _SECTIONS.items()
    }
    origins = {name: value.origin for name, value in said.items()}
    return Config(**sections, origins=origins, redis_url=_url_of(sections["redis"], said))


def _url_of(redis: Redis, said: Mapping[str, _Said]) -> str:
    """The URL of the store: redis.url, unless redis.address was said nearer to the command."""
    url, address = (said.get(f"redis.{name}", _NOTHING) for name in ("url", "address"))
    if redis.url and url.strength >= address.strength:
        _refuse_beside(url, said)
        base = redis.url
    else:
        base = redis_url.from_address(redis.address, redis.password, redis.db)
    try:
        return redis_url.with_tls(base, redis.tls)
    except ValueError as error:
        where = said["redis.tls"].origin.removeprefix("file ")
        raise ConfigError(f"{where}: redis.tls has to be {error}, not {redis.tls!r}") from None


def _refuse_beside(url: _Said, said: Mapping[str, _Said]) -> None:
    """A password or database said beside the URL would be left out, unnoticed."""
    for name in ("password", "db"):
        other = said.get(f"redis.{name}", _NOTHING)
        if other.value and other.strength >= url.strength:
            raise ConfigError(
                f"{other.origin.removeprefix('file ')}: redis.{name} has to be part of the URL "
                f"where redis.url is set too ({url.origin}); unset one of them"
            )
