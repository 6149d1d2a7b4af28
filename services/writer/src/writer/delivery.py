"""The way of one batch: rejections to Kafka, rows to ClickHouse. The caller commits afterwards."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from eventrail import logs
from eventrail.clock import Clock
from eventrail.contract.v1.rejected_pb2 import RejectionReason
from eventrail.rows.events import COLUMNS, Row
from writer.batch import SourceRecord
from writer.block import block, position
from writer.dedupe import RecentlyWritten
from writer.errors import RowsRefused
from writer.insertion import Insertion
from writer.metrics import Metrics
from writer.rejections import Rejection
from writer.retry import Retry

log = logs.get(__name__)

_RECEIVED_AT = COLUMNS.index("received_at")
_WEBSITE = COLUMNS.index("website_id")
_ID = COLUMNS.index("event_id")


class Rows(Protocol):
    """Where rows go; `table.Table` is the real one. Both methods may be called from other threads."""

    def insert(self, rows: list[Row]) -> None: ...

    def abort(self) -> None: ...


class Rejected(Protocol):
    """Where rejections go; `rejections.RejectedTopic` is the real one."""

    async def send(self, rejections: Sequence[Rejection], now_ms: int) -> None: ...


class Delivery:
    """Delivers batches, one at a time."""

    def __init__(
        self,
        table: Rows,
        rejected: Rejected,
        known: RecentlyWritten,
        retry: Retry,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._table = table
        self._rejected = rejected
        self._known = known
        self._retry = retry
        self._metrics = metrics
        self._clock = clock

    async def deliver(self, records: Sequence[SourceRecord]) -> None:
        """Returns once each record is a row, an acknowledged rejection, or a copy of a written event.

        Waits for ever while a backend is away. When cancelled it breaks a running insert off; the same records may then
        be delivered again.
        """
        made = await asyncio.to_thread(block, records, self._known)
        self._metrics.duplicates.inc(made.duplicates)
        await self._reject(made.rejections)
        insertion = Insertion(made.rows)
        await self._retry(lambda: self._insert(insertion))
        await self._reject(_refusals(records, insertion.refused))
        self._account(made.rows, insertion.written)

    async def _insert(self, insertion: Insertion) -> None:
        try:
            await asyncio.to_thread(insertion.run, self._timed_insert)
        except asyncio.CancelledError:
            self._table.abort()
            raise

    def _timed_insert(self, rows: list[Row]) -> None:
        began = self._clock.monotonic()
        self._table.insert(rows)
        self._metrics.insert_seconds.observe(self._clock.monotonic() - began)
        self._metrics.inserts.inc()

    def _account(self, rows: list[Row], written: list[Row]) -> None:
        self._metrics.batch_rows.observe(len(rows))
        self._known.add(written)
        self._metrics.rows_inserted.inc(len(written))
        if written:
            earliest = min(row[_RECEIVED_AT] for row in written)
            self._metrics.age_seconds.observe(max(self._clock.now_ms() - earliest, 0) / 1000)

    async def _reject(self, rejections: Sequence[Rejection]) -> None:
        if not rejections:
            return
        await self._retry(lambda: self._rejected.send(rejections, self._clock.now_ms()))
        for rejection in rejections:
            self._metrics.rejected.labels(reason_name(rejection.reason)).inc()
        first = rejections[0]
        log.warning(
            "records were put on the rejected topic",
            count=len(rejections),
            first_reason=reason_name(first.reason),
            first_detail=first.detail,
            first_partition=first.record.partition,
            first_offset=first.record.offset,
        )


def reason_name(reason: RejectionReason.ValueType) -> str:
    """Short lower-case name of a reason, such as "undecodable"."""
    return RejectionReason.Name(reason).removeprefix("REJECTION_REASON_").lower()


def _refusals(records: Sequence[SourceRecord], refused: Sequence[tuple[Row, RowsRefused]]) -> list[Rejection]:
    if not refused:
        return []
    by_position = {(record.partition, record.offset): record for record in records}
    return [
        Rejection(
            by_position[position(row)],
            RejectionReason.REJECTION_REASON_INSERT_REFUSED,
            str(error),
            row[_WEBSITE],
            str(row[_ID]),
        )
        for row, error in refused
    ]
