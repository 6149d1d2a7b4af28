"""The door to ClickHouse: connections, and which errors mean "wait" and which mean "wrong"."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from clickhouse_driver import Client
from clickhouse_driver import errors as driver

from eventrail.columnar import ColumnarClient
from eventrail.errors import ClickHouseUnavailable, ConfigurationError
from eventrail.settings import CLICKHOUSE_URL_UNCLEAR, clickhouse_url_is_clear
from eventrail.tls import Names, client_context

_AWAY = (
    driver.NetworkError,
    driver.SocketTimeoutError,
    driver.PartiallyConsumedQueryError,
    driver.UnexpectedPacketFromServerError,
    EOFError,
    OSError,
)

SAFE_INSERTS: Final[Mapping[str, str | int]] = {
    "insert_quorum": "auto",
    # Shorter than services wait for an answer: what they send again must not pile up behind a replica that hangs.
    "insert_quorum_timeout": 20_000,
    "distributed_foreground_insert": 1,
}
"""Settings of every statement. Where a table is replicated or distributed, an insert is acknowledged when most replicas
of each of its shards have it, not before; elsewhere they mean nothing (docs/adr/0022-clusters.md)."""

_FILES = Names(*(f"EVENTRAIL_CLICKHOUSE_URL {name}" for name in ("ca_certs", "certfile", "keyfile")))

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
    """A client for `url`; it connects at its first query and again after an error. Not thread-safe.

    Its statements have SAFE_INSERTS, unless `url` or the statement say otherwise.

    Raises ConfigurationError where `url` cannot be understood, or the files that it names for TLS cannot be used.
    """
    client = _client(url)
    client.settings = {**SAFE_INSERTS, **client.settings}
    connection = client.connection
    _check_files(connection)
    connection.connect_timeout = min(timeout_seconds, 5.0)
    connection.send_receive_timeout = timeout_seconds
    connection.sync_request_timeout = min(timeout_seconds, 5.0)
    return client


def _client(url: str) -> Client:
    # What the driver says of a wrong address repeats parts of it, perhaps of the password: nothing of it is passed on.
    if clickhouse_url_is_clear(url):
        with suppress(ValueError, TypeError, AttributeError, LookupError):
            return ColumnarClient.from_url(url)
    raise ConfigurationError(CLICKHOUSE_URL_UNCLEAR)


def _check_files(connection: Any) -> None:
    given = connection.ssl_options
    if connection.secure_socket and "keypass" not in given:
        ca, cert, key = (
            Path(given[name]) if name in given else None for name in ("ca_certs", "certfile", "keyfile")
        )
        client_context(ca, cert, key, _FILES)


def _hint(error: BaseException) -> str:
    said = str(error)
    if "SSL" in said or "ssl" in said:
        return f"{said} (EVENTRAIL_CLICKHOUSE_URL: clickhouses:// speaks TLS, ca_certs=FILE names who is trusted)"
    if isinstance(error, EOFError) or "reset by peer" in said:
        return f"{said or 'it hung up'} (EVENTRAIL_CLICKHOUSE_URL: does the server want TLS, clickhouses://?)"
    return said


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
        raise ClickHouseUnavailable(f"no answer from ClickHouse: {_hint(error)}") from error
