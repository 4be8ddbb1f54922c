"""The one place that makes clients of Redis, and that looks at a server before it is used.

No client here sends a command twice: redis-py would, on a lost answer, ten times and writes too.
Scripts are compare-and-set, so the caller decides what a lost answer means.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry
from redis.sentinel import Sentinel

from dispatch_app.domain.errors import ConfigError, StoreUnavailable, StoreUnfit

#: Connections of one client. A thread that finds none free waits for one: small plans of hosted
#: Redis allow 20 in all.
POOL_SIZE = 4
#: the oldest server that has all commands that the scripts use
OLDEST = (6, 0)


class SentinelUrl(NamedTuple):
    """What sentinel://[:password@]host:port,host:port/master_name/db says."""

    sentinels: list[tuple[str, int]]
    master: str
    db: int
    username: str | None
    password: str | None
    #: TLS options, if the query has any; for the sentinels and the server alike
    ssl: dict[str, str]


def open_client(
    url: str, *, timeout_s: float = 2.0, read_timeout_s: float | None = None
) -> redis.Redis:
    """A client that decodes texts and never repeats a command; connects when it is first used.

    Args:
        url: redis://, rediss://, unix:// or sentinel://; of its query, only db, password,
            username and what begins with ssl_ count.
        timeout_s: longest wait for a connection, for one from the pool, and for an answer.
        read_timeout_s: for a client of blocking commands: the longest block that they ask for;
            the answer may then come up to `timeout_s` later.

    Raises:
        ConfigError: the URL cannot be understood.
    """
    options: dict[str, Any] = {
        "decode_responses": True,
        # bytes that are no UTF-8 make one record unreadable, not the whole reply
        "encoding_errors": "surrogateescape",
        "protocol": 2,
        "socket_timeout": timeout_s + (read_timeout_s or 0),
        "health_check_interval": 0,
        "retry": Retry(NoBackoff(), 0),
    }
    if not url.startswith("unix://"):
        options |= {"socket_connect_timeout": timeout_s, "socket_keepalive": True}
    if url.startswith("sentinel://"):
        return _sentinel_client(parse_sentinel(url), options)
    options |= {"max_connections": POOL_SIZE, "timeout": timeout_s, **_place(url)}
    pool = redis.BlockingConnectionPool(**options)  # type: ignore[no-untyped-call]
    return redis.Redis.from_pool(pool)


def parse_sentinel(url: str) -> SentinelUrl:
    """The parts of a sentinel:// URL; ports default to 26379, the database to 0.

    Raises:
        ConfigError: it names no master, or a port or database that is no number.
    """
    parts = urlsplit(url)
    login, _, hosts = parts.netloc.rpartition("@")
    username, _, password = login.partition(":")
    master, _, db = parts.path.strip("/").partition("/")
    try:
        sentinels = [_host_and_port(host) for host in hosts.split(",")]
        number = int(db or 0)
    except ValueError:
        master = ""
    if not master:
        raise ConfigError(
            "redis.url has to look like sentinel://[:password@]host:26379,host:26379/master_name/0"
        )
    return SentinelUrl(
        sentinels=sentinels,
        master=unquote(master),
        db=number,
        username=unquote(username) or None,
        password=unquote(password) or None,
        ssl=_ssl_options(dict(parse_qsl(parts.query))),
    )


def problems_of(client: redis.Redis, replicas: int = 0) -> list[str]:
    """What makes this server unfit, one sentence each; empty: nothing.

    Args:
        replicas: that it should have.

    Raises:
        StoreUnavailable: it cannot be asked; the message names the setting that may help.
    """
    try:
        info: dict[str, Any] = client.info()
    except redis.RedisError as error:
        said = f"{error}".rstrip(".")
        raise StoreUnavailable(f"Redis does not answer: {said}.{_advice(error)}") from error
    found = (_age(info), _eviction(info), _full(info), _role(info), _few(info, replicas))
    return [text for text in found if text]


def refuse_unexpected_cluster(client: redis.Redis, key: str, expected: bool) -> None:
    """Refuse a server in cluster mode that nobody spoke of, or one that has not got our slot.

    Args:
        key: one of ours.

    Raises:
        StoreUnfit.
    """
    info: dict[str, Any] = client.info("server")
    if info.get("redis_mode", info.get("server_mode")) != "cluster":
        return
    if not expected:
        raise StoreUnfit(
            "Redis runs in cluster mode. Set REDIS_CLUSTER=true for all processes (API, beat, "
            "workers), so that Celery's queues are in one slot with all else."
        )
    try:
        client.exists(key)
    except redis.exceptions.MovedError as error:
        raise StoreUnfit(
            f"This node of the cluster has not got the slot of {key}: connect to the one that "
            f"has, {error.host}:{error.port}."
        ) from error


def _sentinel_client(url: SentinelUrl, options: dict[str, Any]) -> redis.Redis:
    ssl = {"ssl": True, **url.ssl} if url.ssl else {}
    # the query about who is master answers at once, even where reads may block
    ask = options | {"socket_timeout": options["socket_connect_timeout"], **ssl}
    login = {"db": url.db, "username": url.username, "password": url.password}
    asked = Sentinel(url.sentinels, sentinel_kwargs=ask)  # type: ignore[no-untyped-call]
    client: redis.Redis = asked.master_for(url.master, **login, **options, **ssl)  # type: ignore[no-untyped-call]
    return client


def _host_and_port(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError(text)
    return parts.hostname, parts.port or 26379


def _place(url: str) -> dict[str, Any]:
    """Where the server is and how to log in, without any other option that a query can set."""
    try:
        said = parse_url(url)  # type: ignore[no-untyped-call]
    except ValueError as error:
        raise ConfigError(f"redis.url cannot be understood: {error}") from None
    names = ("host", "port", "path", "db", "username", "password", "connection_class")
    return {name: said[name] for name in names if name in said} | _ssl_options(said)


def _ssl_options(query: dict[str, Any]) -> dict[str, Any]:
    options = {name: value for name, value in query.items() if name.startswith("ssl_")}
    if "ssl_cert_reqs" in options:
        # Celery's documentation spells it CERT_NONE, redis-py's none
        options["ssl_cert_reqs"] = options["ssl_cert_reqs"].removeprefix("CERT_").lower()
    return options


def _advice(error: Exception) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return " Set REDIS_TLS to the file of the CA that signed its certificate, or to insecure."
    if isinstance(error, redis.AuthenticationError):
        return " Set REDIS_PASSWORD, or put the password into REDIS_URL."
    return ""


def _age(info: dict[str, Any]) -> str:
    version = str(info.get("redis_version", ""))
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if not numbers or numbers >= OLDEST:
        return ""
    return f"Redis {version} is too old: 6.0 or newer is needed, or Valkey."


def _eviction(info: dict[str, Any]) -> str:
    policy = info.get("maxmemory_policy", "noeviction")
    if policy == "noeviction":
        return ""
    return f"Redis may throw tasks away (maxmemory-policy {policy}): set it to noeviction."


def _full(info: dict[str, Any]) -> str:
    limit = int(info.get("maxmemory", 0))
    # what the server itself does not count: buffers of its replicas and its log
    used = int(info.get("used_memory", 0)) - int(info.get("mem_not_counted_for_evict", 0))
    if not 0 < limit < used or info.get("maxmemory_policy", "noeviction") != "noeviction":
        return ""
    return (
        f"Redis is full and takes no writes: it uses {used:,} bytes, and maxmemory is {limit:,}. "
        "Raise it, or purge tasks."
    )


def _role(info: dict[str, Any]) -> str:
    if info.get("role") != "slave":
        return ""
    master = f"{info.get('master_host')}:{info.get('master_port')}"
    return f"Redis is a read-only replica: connect to its primary, {master}."


def _few(info: dict[str, Any], wanted: int) -> str:
    connected = int(info.get("connected_slaves", 0))
    if info.get("role") == "slave" or connected >= wanted:
        return ""
    return f"Redis has {connected} replicas, and redis.wait_replicas asks for {wanted}."
