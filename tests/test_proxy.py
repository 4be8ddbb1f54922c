"""The bad line between a client and a server that other tests ask for."""

import time

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.proxy import Proxy


@pytest.fixture
def proxy(redis_server, redis_url):
    proxy = Proxy(redis_server.port)
    yield proxy
    proxy.close()


@pytest.fixture
def client(proxy):
    retry = Retry(NoBackoff(), 0)
    with redis.Redis.from_url(proxy.url, socket_timeout=1, protocol=2, retry=retry) as client:
        yield client


def test_a_good_line_passes_all_on(client):
    text = b"x" * 1_000_000
    assert client.set("large", text)
    assert client.get("large") == text


def test_each_call_is_late_by_the_delay(proxy, client):
    client.ping()
    proxy.delay_s = 0.2
    begin = time.monotonic()
    client.ping()
    assert 0.2 <= time.monotonic() - begin < 1
    proxy.heal()
    begin = time.monotonic()
    client.ping()
    assert time.monotonic() - begin < 0.2


def test_a_line_that_is_cut_is_made_anew_unless_refused(proxy, client):
    client.ping()
    proxy.refuse = True
    client.ping()
    proxy.cut()
    for _ in range(2):
        with pytest.raises(redis.ConnectionError):
            client.ping()
    proxy.heal()
    assert client.ping()


def test_what_is_dropped_was_done_and_never_arrives(proxy, client):
    client.ping()
    proxy.drop_replies = True
    with pytest.raises(redis.TimeoutError):
        client.incr("count")
    proxy.heal()
    assert client.get("count") == b"1"


def test_one_reply_is_lost_with_its_connection(proxy, client):
    proxy.lose("INCR")
    client.set("count", 5)
    with pytest.raises(redis.ConnectionError):
        client.incr("count")
    assert proxy.lost == 1
    assert client.incr("count") == 7


def test_a_server_that_is_away_is_away_through_it_too(new_redis):
    server = new_redis()
    proxy = Proxy(server.port)
    try:
        with redis.Redis.from_url(proxy.url, protocol=2, retry=Retry(NoBackoff(), 0)) as client:
            assert client.ping()
            server.kill()
            with pytest.raises(redis.ConnectionError):
                client.ping()
            server.start()
            assert client.ping()
    finally:
        proxy.close()
