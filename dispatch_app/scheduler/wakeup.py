"""Sleep until the next moment, or until an earlier one turns up."""

from __future__ import annotations

import time

import redis

from dispatch_app.store import Store
from dispatch_app.store.scripts import reaching_redis

#: Longest wait for the answer to SUBSCRIBE.
_CONFIRMATION_S = 2.0


class WakeUp:
    """A subscription on which the scripts say that something is due earlier than all else.

    It is pub/sub, because its client waits on a socket, to the millisecond: a blocking read would
    be timed by the server's own clock of ten ticks a second. A call that is missed while the
    connection is down costs at most one poll interval.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._subscription: redis.client.PubSub | None = None
        self._asleep = False

    def listen(self) -> None:
        """From now on a call ends the sleep that follows, even one that comes before it.

        Raises:
            StoreUnavailable: Redis is away.
        """
        with reaching_redis():
            self._subscribed()

    def sleep(self, seconds: float) -> None:
        """Return after `seconds`, or when woken."""
        end = time.monotonic() + seconds
        self._asleep = True
        try:
            subscription = self._subscribed()
            while (left := end - time.monotonic()) > 0:
                message = subscription.get_message(timeout=left)
                if message and message["type"] == "message":
                    self._drain(subscription)
                    return
        except (redis.ConnectionError, redis.TimeoutError):
            self._asleep = False
            self.close()
            time.sleep(max(0.0, min(1.0, end - time.monotonic())))
        finally:
            self._asleep = False

    def close(self) -> None:
        """Give the connection back; not in the midst of a sleep, where a signal handler of beat
        calls this, and then ends the sleep and calls again."""
        if self._asleep:
            return
        if self._subscription:
            self._subscription.close()
        self._subscription = None

    def _subscribed(self) -> redis.client.PubSub:
        if self._subscription is None:
            subscription = self._store.client.pubsub()
            subscription.subscribe(self._store.keys.wake())
            # what is published before the server's confirmation does not arrive here
            if subscription.get_message(timeout=_CONFIRMATION_S) is None:
                raise redis.TimeoutError("no answer to SUBSCRIBE")
            self._subscription = subscription
        return self._subscription

    def _drain(self, subscription: redis.client.PubSub) -> None:
        """A burst of calls is one: what they are about is read in the next look."""
        while subscription.get_message(timeout=0):
            pass
