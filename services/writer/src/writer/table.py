"""The table `events`: columnar native inserts, and what each error of the engine asks for."""

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from clickhouse_driver import errors as driver

from eventrail.clickhouse import reporting
from eventrail.errors import ClickHouseUnavailable
from eventrail.rows.columns import stored
from eventrail.rows.events import Row
from eventrail.rows.stored import STORED_COLUMNS
from writer.block import token
from writer.connection import Connection
from writer.errors import RowsRefused, TableFault

NAME: Final = "events"

INSERT: Final = f"INSERT INTO {NAME} ({', '.join(STORED_COLUMNS)}) VALUES"

_CODE = driver.ErrorCodes

OUR_FAULT: Final = frozenset(
    {
        _CODE.UNKNOWN_TABLE,
        _CODE.UNKNOWN_DATABASE,
        _CODE.NO_SUCH_COLUMN_IN_TABLE,
        _CODE.THERE_IS_NO_COLUMN,
        _CODE.NOT_FOUND_COLUMN_IN_BLOCK,
        _CODE.NUMBER_OF_COLUMNS_DOESNT_MATCH,
        _CODE.UNKNOWN_IDENTIFIER,
        _CODE.TYPE_MISMATCH,
        _CODE.ILLEGAL_COLUMN,
        _CODE.UNKNOWN_USER,
        _CODE.WRONG_PASSWORD,
        _CODE.REQUIRED_PASSWORD,
        _CODE.IP_ADDRESS_NOT_ALLOWED,
        _CODE.DATABASE_ACCESS_DENIED,
        _CODE.READONLY,
        _CODE.UNKNOWN_SETTING,
        _CODE.SYNTAX_ERROR,
        _CODE.NOT_IMPLEMENTED,
        _CODE.TABLE_IS_DROPPED,
        _CODE.QUOTA_EXPIRED,
        452,  # SETTING_CONSTRAINT_VIOLATION, newer than the driver's list, as are those below
        497,  # ACCESS_DENIED
        516,  # AUTHENTICATION_FAILED
    }
)
"""Codes about the table, the database, or the writer's rights: no event is to blame."""

DATA_FAULT: Final = frozenset(
    {
        _CODE.CANNOT_PARSE_TEXT,
        _CODE.CANNOT_PARSE_DATE,
        _CODE.CANNOT_PARSE_DATETIME,
        _CODE.ARGUMENT_OUT_OF_BOUND,
        _CODE.INCORRECT_DATA,
        _CODE.TOO_LARGE_ARRAY_SIZE,
        _CODE.TOO_LARGE_STRING_SIZE,
        _CODE.VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE,
        469,  # VIOLATED_CONSTRAINT
        691,  # UNKNOWN_ELEMENT_OF_ENUM
    }
)
"""Codes about the values of an insert."""

TROUBLE: Final = frozenset(
    {
        _CODE.CANNOT_READ_FROM_FILE_DESCRIPTOR,
        _CODE.CANNOT_WRITE_TO_FILE_DESCRIPTOR,
        _CODE.CANNOT_OPEN_FILE,
        _CODE.CANNOT_CLOSE_FILE,
        _CODE.CANNOT_SEEK_THROUGH_FILE,
        _CODE.CANNOT_TRUNCATE_FILE,
        _CODE.CANNOT_CREATE_DIRECTORY,
        _CODE.CANNOT_READ_FROM_SOCKET,
        _CODE.CANNOT_WRITE_TO_SOCKET,
        _CODE.FILE_DOESNT_EXIST,
        _CODE.DIRECTORY_DOESNT_EXIST,
        _CODE.CANNOT_ALLOCATE_MEMORY,
        _CODE.CANNOT_FSYNC,
        _CODE.CANNOT_STATVFS,
        _CODE.CANNOT_MUNMAP,
        _CODE.CANNOT_MREMAP,
        _CODE.AIO_WRITE_ERROR,
        _CODE.DNS_ERROR,
        _CODE.NO_FREE_CONNECTION,
        _CODE.SOCKET_TIMEOUT,
        _CODE.NETWORK_ERROR,
        _CODE.ALL_CONNECTION_TRIES_FAILED,
        _CODE.UNEXPECTED_ZOOKEEPER_ERROR,
        _CODE.NO_ACTIVE_REPLICAS,
        _CODE.NO_AVAILABLE_REPLICA,
        _CODE.TOO_LESS_LIVE_REPLICAS,
        _CODE.UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE,
        _CODE.REPLICA_IS_NOT_IN_QUORUM,
        _CODE.LEADERSHIP_LOST,
        _CODE.LEADERSHIP_CHANGED,
        _CODE.LIMIT_EXCEEDED,
        _CODE.RECEIVED_ERROR_TOO_MANY_REQUESTS,
        _CODE.PART_IS_TEMPORARILY_LOCKED,
        _CODE.POCO_EXCEPTION,
        _CODE.STD_EXCEPTION,
    }
)
"""Codes about the engine's disk, memory, network or replicas: a small insert may pass where a large one did
not, so that looking for bad rows would find good ones."""

_GARBLED = (
    driver.UnknownPacketFromServerError,
    driver.ChecksumDoesntMatchError,
    driver.UnknownCompressionMethod,
)
_ENGINES = ("ReplacingMergeTree", "Distributed")
_OF_THE_SORTING_KEY = "event_id_high"  # tables from before docs/adr/0016-the-events-table.md lack it


class Table:
    """The table in the database of `url`; one query at a time, also when called from several threads.

    `process` is a text that no other process has; only within it the same rows again are known as such.
    """

    def __init__(self, url: str, *, timeout_seconds: float, process: str = "") -> None:
        self._connection = Connection(url, timeout_seconds=timeout_seconds)
        self._process = process

    def insert(self, rows: Sequence[Row]) -> None:
        """Write `rows` (at least one) as one block; blocks until the engine has them.

        The same rows again are written once: the block carries a token by which the engine knows it.
        Raises ClickHouseUnavailable (it may have them or not: call again), TableFault, or RowsRefused.
        """
        settings = {
            "insert_deduplication_token": token(rows, self._process),
            "insert_deduplicate": 1,
            "async_insert": 0,
            # A Distributed table would otherwise acknowledge what no shard has yet.
            "distributed_foreground_insert": 1,
            # A block may hold days of any week.
            "max_partitions_per_insert_block": 0,
        }
        with judged():
            self._connection.execute(INSERT, stored(rows), columnar=True, settings=settings)

    def verify(self) -> None:
        """Blocks. Raises TableFault that says what is missing, or ClickHouseUnavailable."""
        with judged():
            engines = self._connection.execute(
                "SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = %(name)s",
                {"name": NAME},
            )
            found = self._connection.execute(
                "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = %(name)s",
                {"name": NAME},
            )
        _verify([engine for (engine,) in engines], {name for (name,) in found})

    def abort(self) -> None:
        """Break off an insert that runs in another thread; it raises ClickHouseUnavailable."""
        self._connection.abort()

    def close(self) -> None:
        """Break off what other threads do here; from then on each call raises ClickHouseUnavailable. Blocks briefly."""
        self._connection.close()


def _verify(engines: list[str], found: set[str]) -> None:
    if not engines:
        raise TableFault(f"table {NAME} does not exist; run: python -m writer migrate")
    if not engines[0].endswith(_ENGINES):
        raise TableFault(f"table {NAME} has engine {engines[0]}, which keeps every copy of an event")
    missing = [name for name in STORED_COLUMNS if name not in found]
    if _OF_THE_SORTING_KEY in missing:
        raise TableFault(
            f"table {NAME} lacks {_OF_THE_SORTING_KEY}: it has the sorting key of an older version, "
            "which cannot be changed in place; drop the database, then run: python -m writer migrate"
        )
    if missing:
        raise TableFault(f"table {NAME} lacks {', '.join(missing)}; run: python -m writer migrate")


@contextmanager
def judged() -> Iterator[None]:
    """Turn what the driver raises into ClickHouseUnavailable, TableFault, or RowsRefused."""
    try:
        with reporting():
            yield
    except driver.ServerException as error:
        raise judgement(error.code) from error
    except _GARBLED as error:
        raise ClickHouseUnavailable(f"an answer of ClickHouse cannot be read: {error}") from error
    except (driver.Error, struct.error, ValueError, TypeError, OverflowError) as error:
        # The driver could not encode a value. The text of such errors quotes it, so it stays out.
        raise RowsRefused(
            f"the driver cannot encode a value ({type(error).__name__})", certain=False
        ) from error


def judgement(code: int) -> TableFault | RowsRefused | ClickHouseUnavailable:
    """What an exception of the engine with `code` means; its text may quote values, so only the code is told."""
    said = f"ClickHouse refuses with code {code} {code_name(code)}".rstrip()
    if code in TROUBLE:
        return ClickHouseUnavailable(said)
    if code in OUR_FAULT:
        return TableFault(said)
    return RowsRefused(said, certain=code in DATA_FAULT)


_NAMES: dict[int, str] = {code: name for name, code in vars(_CODE).items() if name.isupper()} | {
    452: "SETTING_CONSTRAINT_VIOLATION",
    469: "VIOLATED_CONSTRAINT",
    497: "ACCESS_DENIED",
    516: "AUTHENTICATION_FAILED",
    691: "UNKNOWN_ELEMENT_OF_ENUM",
}


def code_name(code: int) -> str:
    """ClickHouse's name of an error code; empty when it is not known here."""
    return _NAMES.get(code, "")
