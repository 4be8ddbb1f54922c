import contextlib
import time

import pytest
import redis

from dispatch_app.domain.errors import ConfigError, StoreUnavailable
from dispatch_app.store.connection import open_client, parse_sentinel, problems_of
from tests.sentinels import Sentinel
from tests.servers import RedisServer, free_port
from tests.tls import CERTIFICATE, tls_in_front_of
from tests.waiting import wait_for


@pytest.fixture
def opened():
    """`open_client`, closed at the end."""
    with contextlib.ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(open_client(*args, **options))


def test_a_sound_server_has_no_problems(redis_url, opened):
    client = opened(redis_url)
    assert problems_of(client) == []
    client.set("k", "ä")
    assert client.get("k") == "ä"


def test_the_server_is_of_the_kind_that_the_test_is_for(redis_url, new_redis, server_kind, opened):
    for url in (redis_url, new_redis().url):
        server = opened(url).info("server")
        assert ("valkey_version" in server) is (server_kind == "valkey")
        assert server["redis_version"].startswith("6.2.") is (server_kind == "redis6")


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_a_server_that_may_evict_is_reported(new_redis, opened, policy):
    client = opened(new_redis("--maxmemory-policy", policy).url)
    assert problems_of(client) == [
        f"Redis may throw tasks away (maxmemory-policy {policy}): set it to noeviction."
    ]


def test_an_evicting_server_is_reported_where_config_is_forbidden(new_redis, opened):
    server = new_redis("--maxmemory-policy", "allkeys-lru", "--rename-command", "CONFIG", "")
    assert len(problems_of(opened(server.url))) == 1


def test_a_replica_is_reported_with_its_primary(new_redis, opened):
    primary = new_redis()
    replica = new_redis("--replicaof", "127.0.0.1", str(primary.port))
    assert problems_of(opened(replica.url)) == [
        f"Redis is a read-only replica: connect to its primary, 127.0.0.1:{primary.port}."
    ]


def test_a_server_older_than_6_0_is_reported(redis_url):
    """The age is all that is not real here: there is no such server to start."""

    class Old(redis.Redis):
        def info(self):
            return super().info() | {"redis_version": "5.0.14"}

    with Old.from_url(redis_url, decode_responses=True) as client:
        assert problems_of(client) == [
            "Redis 5.0.14 is too old: 6.0 or newer is needed, or Valkey."
        ]


def test_a_server_that_is_away_is_unavailable(opened):
    with pytest.raises(StoreUnavailable, match=r"Redis does not answer: .*refused"):
        problems_of(opened(f"redis://127.0.0.1:{free_port()}"))


def test_a_missing_password_is_named(new_redis, opened):
    server = new_redis("--requirepass", "geheim")
    with pytest.raises(StoreUnavailable, match="Set REDIS_PASSWORD"):
        problems_of(opened(server.url))
    right = server.url.replace("//", "//:geheim@")
    assert problems_of(opened(right)) == []


def test_no_command_is_sent_twice_when_its_answer_is_lost(new_redis, opened):
    """Row 27: redis-py's defaults counted 2 here."""
    server = new_redis()
    client = opened(server.url, timeout_s=0.2)
    client.ping()
    began = time.monotonic()
    with server.frozen(), pytest.raises(redis.TimeoutError):
        client.incr("n")
    assert time.monotonic() - began < 1
    assert client.incr("m") == 1
    assert wait_for(lambda: client.get("n")) == "1"


def test_a_blocking_read_outlasts_the_timeout_of_other_commands(redis_url, opened):
    """Row 44."""
    reader = opened(redis_url, timeout_s=0.3, read_timeout_s=0.6)
    assert reader.blpop(["empty"], timeout=0.6) is None


def test_a_blocking_read_of_a_frozen_server_ends_soon(new_redis, opened):
    server = new_redis()
    reader = opened(server.url, timeout_s=0.2, read_timeout_s=0.3)
    began = time.monotonic()
    with server.frozen(), pytest.raises(redis.TimeoutError):
        reader.blpop(["empty"], timeout=0.3)
    assert time.monotonic() - began < 1


def test_a_query_cannot_bring_repeats_back(redis_url, opened):
    client = opened(f"{redis_url}?retry_on_timeout=yes&health_check_interval=3&socket_timeout=99")
    options = client.connection_pool.connection_kwargs
    assert options["socket_timeout"] == 2.0
    assert options["health_check_interval"] == 0
    assert "retry_on_timeout" not in options


def test_a_client_comes_back_after_its_server_did(new_redis, opened):
    server = new_redis()
    client = opened(server.url)
    client.ping()
    server.kill()
    with pytest.raises(redis.ConnectionError):
        client.ping()
    server.start()
    assert client.ping()


def test_a_unix_socket_is_reached(new_redis, tmp_path, opened):
    path = tmp_path / "r.sock"
    server = new_redis("--unixsocket", str(path))
    opened(f"unix://{path}?db=3").set("k", 1)
    with server.client() as same:
        assert "db3" in same.info("keyspace")


def test_a_self_signed_certificate_is_refused_with_the_setting_that_helps(redis_server, opened):
    """Row 58."""
    with tls_in_front_of(redis_server.port) as port:
        with pytest.raises(StoreUnavailable, match="Set REDIS_TLS to the file of the CA"):
            problems_of(opened(f"rediss://localhost:{port}"))
        for query in ("ssl_cert_reqs=none", "ssl_cert_reqs=CERT_NONE", _trusting()):
            assert problems_of(opened(f"rediss://localhost:{port}?{query}")) == []


def _trusting() -> str:
    return f"ssl_cert_reqs=required&ssl_ca_certs={CERTIFICATE}"


def test_sentinels_lead_to_the_primary_and_to_the_next_after_a_failover(
    new_redis, opened, tmp_path, server_kind
):
    primary = new_redis()
    replica = new_redis("--replicaof", "127.0.0.1", str(primary.port))
    wait_for(lambda: _role_of(replica, "master_link_status") == "up", what="replication")
    watch = f"""
        sentinel monitor main 127.0.0.1 {primary.port} 1
        sentinel down-after-milliseconds main 300
        sentinel failover-timeout main 1000
    """
    (tmp_path / "sentinel.conf").write_text("\n".join(map(str.strip, watch.splitlines())))
    sentinel = Sentinel(tmp_path, server=server_kind)
    try:
        with sentinel.client() as asked:
            wait_for(lambda: asked.sentinel_slaves("main"), what="the sentinel to see the replica")
        dead = free_port()
        url = f"sentinel://127.0.0.1:{dead},127.0.0.1:{sentinel.port}/main/1"
        client = opened(url)
        assert problems_of(client) == []
        client.set("k", "v")
        wait_for(lambda: _role_of(replica, "db1"), what="the key to be replicated")
        primary.kill()
        wait_for(lambda: _reaches(client, "k") == "v", 20, "the replica to take over")
        assert problems_of(client) == []
    finally:
        sentinel.stop()


def _role_of(server: RedisServer, field: str):
    with server.client() as client:
        return client.info().get(field)


def _reaches(client: redis.Redis, key: str):
    try:
        return client.get(key)
    except redis.ConnectionError:
        return None


def test_the_url_of_sentinels_is_taken_apart():
    url = "sentinel://me:p%40ss@a:1,[::1],b:2/main/3?ssl_cert_reqs=CERT_NONE&other=1"
    assert parse_sentinel(url) == (
        [("a", 1), ("::1", 26379), ("b", 2)],
        "main",
        3,
        "me",
        "p@ss",
        {"ssl_cert_reqs": "none"},
    )


@pytest.mark.parametrize(
    "url",
    ["sentinel://a:1,b:2", "sentinel://a:x/main", "sentinel:///main", "sentinel://a/main/x"],
)
def test_the_url_of_sentinels_has_to_name_them_and_their_master(url):
    with pytest.raises(ConfigError, match="has to look like sentinel://"):
        open_client(url)


def test_a_url_that_is_none_is_refused():
    with pytest.raises(ConfigError, match=r"redis\.url cannot be understood"):
        open_client("http://db")
