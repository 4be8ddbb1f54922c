"""The fixtures themselves: what every other test stands on."""

import pytest
import redis


def test_each_test_gets_an_empty_server(redis_server, redis_url):
    with redis_server.client() as client:
        assert client.dbsize() == 0
        client.set("left", "over")


def test_what_the_one_before_left_is_gone(redis_server, redis_url):
    with redis_server.client() as client:
        assert client.dbsize() == 0


def test_a_server_of_the_tests_own_can_freeze_die_and_return(new_redis):
    server = new_redis("--maxmemory-policy", "allkeys-lru")
    with server.client(socket_timeout=0.2) as client:
        assert client.info("memory")["maxmemory_policy"] == "allkeys-lru"
        with server.frozen(), pytest.raises(redis.TimeoutError):
            client.ping()
    server.kill()
    server.start()
    with server.client() as client:
        assert client.ping()
