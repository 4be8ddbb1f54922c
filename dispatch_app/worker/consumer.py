"""The part of a worker that reads from the broker, and stays alive whatever becomes of it."""

from __future__ import annotations

import time
from typing import Any

from celery.utils.log import get_logger
from celery.worker.consumer import Consumer as CeleryConsumer
from celery.worker.state import maybe_shutdown
from redis import ResponseError

from dispatch_app.domain.errors import DispatchError, StoreUnavailable

logger = get_logger(__name__)

#: Seconds between two looks at a server that takes no writes: the first pause, and the longest.
_FIRST, _LONGEST = 0.5, 5.0


class Consumer(CeleryConsumer):
    """Celery's, but a lost connection that cannot even be closed does not end the worker.

    kombu 5.7 puts unacknowledged messages back while it closes a connection, and stumbles where
    that one is gone already (`'NoneType' object has no attribute 'hostname'`). What it did not put
    back returns when its visibility timeout is over.
    """

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Close what is left of the connection; another one follows."""
        if isinstance(exc, ResponseError):
            # Celery names its class only; a right that is missing has to be told
            logger.error("Redis refuses: %s", exc)
        try:
            super().on_connection_error_after_connected(exc)
        except Exception as error:
            logger.warning("The lost connection was not closed orderly: %r", error)

    def connect(self) -> Any:
        """The connection to the broker, as soon as the server takes writes.

        kombu takes a message from its list, and then writes down that it has it. On a server whose
        memory is full the one works and the other does not: the message would be gone.
        """
        connection = super().connect()
        keep_client(connection.default_channel)
        pause = _FIRST
        while not self._takes_writes():
            time.sleep(pause)
            # a signal ends the worker from here, too
            maybe_shutdown()
            pause = min(2 * pause, _LONGEST)
        return connection

    def _takes_writes(self) -> bool:
        try:
            self.app.dispatch.store.check_schema()
        except StoreUnavailable as error:
            logger.warning("Nothing is read from the broker for now: %s", error)
            return False
        except DispatchError as error:
            logger.error("%s", error)
        return True


def keep_client(channel: Any) -> None:
    """Have a channel of kombu's use one client for its commands.

    kombu 5.7 makes another one for each message that it takes and for each that it acknowledges,
    which costs more than the command itself. And it cannot make one where the connection is gone
    by then (`'NoneType' object has no attribute 'hostname'`), so that a message which was taken
    before and is acknowledged after would end the worker; the one that is kept connects anew.
    """
    create = channel._create_client
    client = create()
    channel._create_client = lambda asynchronous=False: (
        create(asynchronous=True) if asynchronous else client
    )
