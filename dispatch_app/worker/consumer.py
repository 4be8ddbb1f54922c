"""The part of a worker that reads from the broker, and stays alive whatever becomes of it."""

from __future__ import annotations

from celery.utils.log import get_logger
from celery.worker.consumer import Consumer

logger = get_logger(__name__)


class PersistentConsumer(Consumer):
    """Celery's, but a lost connection that cannot even be closed does not end the worker.

    kombu 5.7 puts unacknowledged messages back while it closes a connection, and stumbles where
    that one is gone already (`'NoneType' object has no attribute 'hostname'`). What it did not put
    back returns when its visibility timeout is over.
    """

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Close what is left of the connection; another one follows."""
        try:
            super().on_connection_error_after_connected(exc)
        except Exception as error:
            logger.warning("The lost connection was not closed orderly: %r", error)
