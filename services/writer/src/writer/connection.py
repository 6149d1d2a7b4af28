"""One connection to ClickHouse that several threads share, and that can be ended under them."""

import socket
import threading
from contextlib import suppress
from typing import Any

from eventrail.clickhouse import connect
from eventrail.errors import ClickHouseUnavailable


class Connection:
    """A connection to `url`: opened at its first query and again after an error, one query at a time.

    Every method may be called from any thread. Raises ConfigurationError where `url` is unclear.
    """

    def __init__(self, url: str, *, timeout_seconds: float) -> None:
        self._client = connect(url, timeout_seconds=timeout_seconds)
        self._lock = threading.Lock()
        self._closed = False

    def execute(self, sql: str, values: Any = None, **options: Any) -> list[Any]:
        """Rows of `sql`; blocks. Raises what the driver raises, and ClickHouseUnavailable once it is closed."""
        with self._lock:
            if self._closed:
                raise ClickHouseUnavailable("the connection was closed")
            found: list[Any] = self._client.execute(sql, values, **options)
            return found

    def abort(self) -> None:
        """Break off a query that runs in another thread, which then fails as if the engine had gone; does not block."""
        connected: socket.socket | None = self._client.connection.socket
        if connected is not None:
            with suppress(OSError):  # it was closed already
                connected.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Break off what runs, and end the connection for good; blocks until that query has noticed."""
        # Before the lock is had: a thread that does one query after the other must not open it again in between.
        self._closed = True
        self.abort()
        with self._lock:
            self._client.disconnect()
