"""The door to ClickHouse: entries go in, facts come out. Every method blocks."""

import socket
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from clickhouse_driver import errors as driver

from auditor.balance import Counts, Facts, Found, Refused, nothing
from auditor.checkpoints import Place
from auditor.entries import RawEntry, RejectedEntry
from auditor.errors import LedgerFault
from auditor.statements import (
    EXPIRED,
    INSERT_EXPIRED,
    INSERT_LOGS,
    INSERT_MINUTES,
    INSERT_RAW,
    INSERT_REJECTED,
    LOGS,
    MINUTES,
    RESULTS,
    TABLES,
    THERE,
    Expired,
    Log,
    Slice,
    Standing,
    facts,
    unaccounted,
)
from eventrail.clickhouse import connect, reporting
from eventrail.contract.ledger import Key
from eventrail.errors import ClickHouseUnavailable

_GRACE_SECONDS: Final = 5.0
_INSERT: Final = {"async_insert": 0, "max_partitions_per_insert_block": 0}


class Ledger:
    """The tables in the database of `url`; one query at a time, also when called from several threads.

    Every method raises ClickHouseUnavailable where trying again may help, or LedgerFault.
    """

    def __init__(self, url: str, *, query_seconds: float, query_memory_bytes: int = 1 << 30) -> None:
        self._client = connect(url, timeout_seconds=query_seconds + _GRACE_SECONDS)
        self._limits = {"max_execution_time": query_seconds, "max_memory_usage": query_memory_bytes}
        self._lock = threading.Lock()

    def verify(self) -> None:
        """Raises LedgerFault that names the tables that are missing."""
        there = {name for (name,) in self._query(THERE, {"names": TABLES})}
        missing = [name for name in TABLES if name not in there]
        if missing:
            raise LedgerFault(f"table {' and '.join(missing)} does not exist; run: python -m writer migrate")

    def logs(self) -> list[Log]:
        return [Log(partition, log, Place(*settled)) for partition, log, *settled in self._query(LOGS)]

    def save_logs(self, logs: Iterable[Log], now_ms: int) -> None:
        self._insert(INSERT_LOGS, [(one.raw_partition, one.raw_log, *one.settled, now_ms) for one in logs])

    def expired(self) -> list[Expired]:
        return [Expired(*values) for values in self._query(EXPIRED)]

    def save_expired(self, found: Sequence[Expired]) -> None:
        self._insert(INSERT_EXPIRED, found)

    def put(self, raw: Sequence[RawEntry], rejected: Sequence[RejectedEntry]) -> None:
        """Add entries; the same ones again change nothing."""
        self._insert(INSERT_RAW, raw)
        self._insert(INSERT_REJECTED, rejected)

    def minutes(self, hours: int) -> list[tuple[int, int, int]]:
        """Minutes of which something was read in the last hours: Unix seconds, entries, when the last was read."""
        return [tuple(row) for row in self._query(MINUTES, {"hours": hours})]

    def results(self, first_minute: int) -> dict[int, Counts]:
        """What was computed before, for the minutes from `first_minute` on."""
        found: dict[int, Counts] = {}
        for minute, stage, outcome, events in self._query(RESULTS, {"first": first_minute}):
            found.setdefault(minute, nothing())[stage, outcome] = events
        return found

    def save_minutes(self, rows: Sequence[tuple[int, Key, int]], now_ms: int) -> None:
        """Minute, stage and outcome, events."""
        self._insert(INSERT_MINUTES, [(minute, *key, events, now_ms) for minute, key, events in rows])

    def facts(self, within: Slice, standing: Standing) -> list[tuple[int, Facts, int]]:
        """Minute, facts, and how many events of the slice have them."""
        return [
            (
                minute,
                Facts(
                    bool(passed), bool(settled), Found(found), Refused(refused), bool(expired), bool(erased)
                ),
                events,
            )
            for minute, passed, settled, found, refused, expired, erased, events in self._query(
                facts(within, standing)
            )
        ]

    def unaccounted(self, within: Slice, standing: Standing, most: int) -> list[tuple[Any, ...]]:
        """Partition, offset, index, website and event id of up to `most` unaccounted events."""
        return self._query(unaccounted(within, standing, most))

    def close(self) -> None:
        """End the connection, also under a query in another thread, which raises ClickHouseUnavailable then."""
        connected: socket.socket | None = self._client.connection.socket
        if connected is not None:
            with suppress(OSError):  # it was closed already
                connected.shutdown(socket.SHUT_RDWR)
        if self._lock.acquire(timeout=1.0):
            try:
                self._client.disconnect()
            finally:
                self._lock.release()

    def _query(self, sql: str, parameters: dict[str, Any] | None = None) -> list[Any]:
        with self._lock, _judged():
            found: list[Any] = self._client.execute(sql, parameters, settings=self._limits)
            return found

    def _insert(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            columns = list(zip(*rows, strict=True))
            with self._lock, _judged():
                self._client.execute(sql, columns, columnar=True, settings=_INSERT)


@contextmanager
def _judged() -> Iterator[None]:
    try:
        with reporting():
            yield
    except driver.ServerException as error:
        first_line = str(error.message).partition("\n")[0][:300]
        raise LedgerFault(f"ClickHouse refuses with code {error.code}: {first_line}") from error
    except (driver.UnknownPacketFromServerError, driver.ChecksumDoesntMatchError) as error:
        raise ClickHouseUnavailable(f"an answer of ClickHouse cannot be read: {error}") from error
