"""How a worker reads from the broker; that it outlives troubles of Redis is shown end to end, in
tests/end_to_end/test_redis_in_trouble.py."""

from __future__ import annotations

import kombu

from dispatch_app.worker.consumer import keep_client


def test_a_channel_makes_one_client_for_all_messages(redis_url):
    made = []
    with kombu.Connection(redis_url) as connection:
        channel = connection.default_channel
        client_of = channel.Client
        channel.Client = lambda **options: made.append(1) or client_of(**options)
        keep_client(channel)
        queue = connection.SimpleQueue("q")
        for number in range(10):
            queue.put(number)
        made.clear()
        for number in range(10):
            message = queue.get(timeout=5)
            assert message.payload == number
            message.ack()
        # the one that waits for messages
        assert len(made) <= 1
        queue.close()


def test_a_message_is_acknowledged_whose_connection_is_gone(redis_url, redis_server):
    connection = kombu.Connection(redis_url)
    channel = connection.default_channel
    # a restored message would hide what this is about
    channel.do_restore = False
    keep_client(channel)
    queue = connection.SimpleQueue("q")
    queue.put("x")
    message = queue.get(timeout=5)
    connection.close()
    with redis_server.client() as client:
        assert client.hlen("unacked") == 1
        message.ack()
        assert client.hlen("unacked") == 0
    channel._create_client().connection_pool.disconnect()
