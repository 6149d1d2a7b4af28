"""One query's use of a connection, and how somebody else ends it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from clickhouse_driver import Client

from eventrail.errors import ClickHouseUnavailable


class Turn:
    """Held by the thread that runs a query; `give_up` may be called by any other thread at any time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: Client | None = None
        self.given_up = False

    @contextmanager
    def holding(self, client: Client) -> Iterator[None]:
        """Let `client` be hung up while the block runs, and never after it.

        Raises ClickHouseUnavailable where nobody waits for the answer any more.
        """
        with self._lock:
            if self.given_up:
                raise ClickHouseUnavailable("nobody waits for the answer")
            self._client = client
        try:
            yield
        finally:
            with self._lock:
                self._client = None

    def give_up(self) -> None:
        """End the query that runs, by closing its connection; the server stops it when it notices."""
        with self._lock:
            self.given_up = True
            if self._client is not None:
                hang_up(self._client)


def hang_up(client: Client) -> None:
    """Wake a thread that waits for an answer; it gets an error and the driver closes the connection."""
    connected: socket.socket | None = client.connection.socket
    if connected is not None:
        with suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)
