"""The door to ClickHouse: connections, and which errors mean "wait" and which mean "wrong"."""

from collections.abc import Iterator
from contextlib import contextmanager

from clickhouse_driver import Client
from clickhouse_driver import errors as driver

from eventrail.errors import ClickHouseUnavailable

_AWAY = (
    driver.NetworkError,
    driver.SocketTimeoutError,
    driver.PartiallyConsumedQueryError,
    driver.UnexpectedPacketFromServerError,
    EOFError,
    OSError,
)

OVERLOADED = frozenset(
    {
        driver.ErrorCodes.TOO_MANY_SIMULTANEOUS_QUERIES,
        driver.ErrorCodes.TOO_MANY_PARTS,
        driver.ErrorCodes.TOO_SLOW,
        driver.ErrorCodes.TIMEOUT_EXCEEDED,
        driver.ErrorCodes.MEMORY_LIMIT_EXCEEDED,
        driver.ErrorCodes.NOT_ENOUGH_SPACE,
        driver.ErrorCodes.QUERY_WAS_CANCELLED,
        driver.ErrorCodes.ABORTED,
        driver.ErrorCodes.TABLE_IS_READ_ONLY,
        driver.ErrorCodes.NO_ZOOKEEPER,
        driver.ErrorCodes.KEEPER_EXCEPTION,
        driver.ErrorCodes.UNKNOWN_STATUS_OF_INSERT,
        745,  # SERVER_OVERLOADED, newer than the driver's list
    }
)
"""Error codes of a server that is busy, full or starting: the same query may succeed later."""


def connect(url: str, *, timeout_seconds: float = 10.0) -> Client:
    """A client for `url`; it connects at its first query and again after an error. Not thread-safe."""
    client = Client.from_url(url)
    connection = client.connection
    connection.connect_timeout = min(timeout_seconds, 5.0)
    connection.send_receive_timeout = timeout_seconds
    connection.sync_request_timeout = min(timeout_seconds, 5.0)
    return client


@contextmanager
def reporting() -> Iterator[None]:
    """Turn what the driver raises when the engine is away or overloaded into ClickHouseUnavailable.

    Every other error of the engine (clickhouse_driver.errors.ServerException) passes unchanged.
    """
    try:
        yield
    except driver.ServerException as error:
        if error.code in OVERLOADED:
            raise ClickHouseUnavailable(f"ClickHouse cannot take it now (code {error.code})") from error
        raise
    except _AWAY as error:
        raise ClickHouseUnavailable(f"no answer from ClickHouse: {error}") from error
