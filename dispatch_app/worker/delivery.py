"""Boot step: says of the messages which this worker holds that their worker lives."""

from __future__ import annotations

import time
from typing import Any

from dispatch_app.worker.duty import Duty


class Deliveries(Duty):
    """Moves the moment on from which kombu's visibility timeout counts, once a heartbeat.

    So the timeout measures whether a worker lives, not how long its work takes. It can be short
    then, and what a dead worker held comes back soon, while a long task, or one of the user's own
    messages that waits for its ETA, is not delivered twice.
    """

    outlives_pool = True

    def perform(self, worker: Any) -> None:
        """Do so for all that is not acknowledged, in one command."""
        consumer = getattr(getattr(worker, "consumer", None), "task_consumer", None)
        if consumer is None:
            return  # not connected
        channel = consumer.channel
        # by this host's clock, as kombu does it
        held = dict.fromkeys(tuple(channel.qos._delivered), time.time())
        if held:
            with channel.conn_or_acquire() as client:
                # xx: what is acknowledged meanwhile stays so
                client.zadd(channel.unacked_index_key, held, xx=True)
