"""The way of one batch: rows to ClickHouse, rejections to Kafka. The caller commits afterwards."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from eventrail import logs
from eventrail.breaker import PROBE_FIRST_SECONDS, PROBE_LONGEST_SECONDS, Breaker
from eventrail.clock import Clock
from eventrail.contract.v1.rejected_pb2 import RejectionReason
from eventrail.errors import ClickHouseUnavailable
from eventrail.rows.columns import taken, values_of
from eventrail.rows.events import COLUMNS, Row
from writer.batch import SourceRecord
from writer.block import Block, block, position, without_known
from writer.dedupe import RecentlyWritten
from writer.errors import LineHeld
from writer.insertion import Insertion, Refusals
from writer.metrics import Metrics
from writer.rejections import Rejection, reason_name
from writer.retention import Days, without_limit
from writer.retry import Backoff, Retry
from writer.withholding import NoErasures

log = logs.get(__name__)

PROBES = Backoff(PROBE_FIRST_SECONDS, PROBE_LONGEST_SECONDS)
"""How often a line that is held is tried again."""

_WEBSITE = COLUMNS.index("website_id")
_ID = COLUMNS.index("event_id")


class Rows(Protocol):
    """Where rows go; `table.Table` is the real one. Both methods may be called from other threads."""

    def insert(self, rows: Sequence[Row]) -> None: ...

    def abort(self) -> None: ...


class Rejected(Protocol):
    """Where rejections go; `rejections.RejectedTopic` is the real one."""

    async def send(self, rejections: Sequence[Rejection], now_ms: int) -> None: ...


class Erasures(Protocol):
    """What must not be written; `erasing.Erasing` is the real one."""

    async def withhold(self, rows: Sequence[Row]) -> Sequence[Row]: ...

    async def recall(self, rows: Sequence[Row]) -> None: ...


class _Ahead(NamedTuple):
    """What is made of records before their turn."""

    records: list[SourceRecord]
    made: asyncio.Future[Block]


class Delivery:
    """Delivers batches, one at a time.

    `retry` waits for backends, `probe` for the line that the breaker holds. `steps` counts the inserts by which
    refused rows are looked for: they are progress, though nothing can be committed meanwhile. `kept` is asked for each
    batch how long websites keep events.
    """

    def __init__(
        self,
        table: Rows,
        rejected: Rejected,
        known: RecentlyWritten,
        retry: Retry,
        probe: Retry,
        breaker: Breaker,
        metrics: Metrics,
        clock: Clock,
        erasures: Erasures | None = None,
        kept: Callable[[], Days] = lambda: without_limit,
    ) -> None:
        self._erasures = erasures or NoErasures()
        self._kept = kept
        self._table = table
        self._rejected = rejected
        self._known = known
        self._retry = retry
        self._probe = probe
        self._breaker = breaker
        self._metrics = metrics
        self._clock = clock
        self._accepted = 0
        self._to_recall: list[Sequence[Row]] = []
        self._ahead: _Ahead | None = None
        self.steps = 0

    def look_ahead(self, records: Sequence[SourceRecord]) -> None:
        """Begin to make rows of `records`, which are to be delivered next; does not block.

        Where others are delivered next, it was for nothing.
        """
        some = list(records)  # some of the caller's may go while a thread reads them
        self._ahead = _Ahead(some, asyncio.ensure_future(asyncio.to_thread(block, some, self._kept())))

    async def deliver(self, records: Callable[[], Sequence[SourceRecord]]) -> None:
        """Returns once each record is a row, an acknowledged rejection, a copy of a written event, or erased.

        Waits for ever while a backend is away, or the breaker is open: then `records` is asked again before each probe,
        so that a few bad records are seen among more good ones as these come. When cancelled it breaks a
        running insert off; the same records may then be delivered again.
        """
        self._accepted = 0
        await self._probe(lambda: self._settle(records()))

    async def _settle(self, records: Sequence[SourceRecord]) -> None:
        made = await self._made(records)
        self._require_mostly_good(len(records), made.rejections)
        made = await asyncio.to_thread(without_known, made, self._known)
        made.rows = await self._erasures.withhold(made.rows)
        insertion = await self._inserted(made, records)
        rejections = made.rejections + _refusals(records, made.rows, insertion.refused)
        self._require_mostly_good(len(records), rejections)
        await self._reject(rejections)
        await self._recall()
        self._breaker.count(len(records), len(rejections))
        self._metrics.duplicates.inc(made.duplicates)
        self._metrics.batch_rows.observe(len(made.rows))

    async def _made(self, records: Sequence[SourceRecord]) -> Block:
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead.records == list(records):
            return await ahead.made
        return await asyncio.to_thread(block, records, self._kept())

    async def _inserted(self, made: Block, records: Sequence[SourceRecord]) -> Insertion[int]:
        """Every row of `made` is then written or refused. Raises LineHeld; what was written stays known."""

        def guard(settled: int, refused: Refusals[int]) -> None:
            # Asked while rows are looked for: a large block that is bad all through would take thousands of inserts.
            # What an earlier probe wrote comes back as copies; without them bad rows would be judged on their own.
            if self._breaker.opens(settled + made.duplicates, len(refused)):
                raise self._too_many(_refusals(records, made.rows, refused[:1]))
            self._require_beyond_doubt(insertion, made, records)

        insertion = Insertion(range(len(made.rows)), guard)
        try:
            await self._retry(lambda: self._insert(insertion, made.rows))
            self._require_beyond_doubt(insertion, made, records)
        finally:
            self._account(taken(made.rows, sorted(insertion.written)))
        return insertion

    async def _insert(self, insertion: Insertion[int], rows: Sequence[Row]) -> None:
        def timed(numbers: Sequence[int]) -> None:
            began = self._clock.monotonic()
            self.steps += insertion.parts > 0
            try:
                self._table.insert(taken(rows, numbers))
            except ClickHouseUnavailable:
                self._known.forget()
                raise
            self._metrics.insert_seconds.observe(self._clock.monotonic() - began)
            self._metrics.inserts.inc()

        try:
            await asyncio.to_thread(insertion.run, timed)
        except asyncio.CancelledError:
            self._table.abort()
            raise

    def _require_mostly_good(self, records: int, bad: Sequence[Rejection]) -> None:
        if self._breaker.opens(records, len(bad)):
            raise self._too_many(bad)

    def _too_many(self, bad: Sequence[Rejection]) -> LineHeld:
        return LineHeld(_held(f"more than {self._breaker.share:.0%} of the records are bad", bad[0]))

    def _require_beyond_doubt(
        self, insertion: Insertion[int], made: Block, records: Sequence[SourceRecord]
    ) -> None:
        if insertion.doubtful and not self._accepted and not self._breaker.off:
            [first] = _refusals(records, made.rows, insertion.refused[:1])
            raise LineHeld(_held("no row is accepted", first))

    async def _recall(self) -> None:
        """Also what earlier probes, or a delivery that was broken off, have written: it comes back as copies."""
        for rows in self._to_recall:
            await self._erasures.recall(rows)
        self._to_recall = []

    def _account(self, written: Sequence[Row]) -> None:
        self._known.add(written)
        self._to_recall.append(written)
        self._accepted += len(written)
        self._metrics.rows_inserted.inc(len(written))
        if written:
            earliest = min(values_of(written, "received_at"))
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


def _held(why: str, first: Rejection) -> str:
    return (
        f"{why}, so the fault is probably ours: first partition {first.record.partition} offset "
        f"{first.record.offset}: {reason_name(first.reason)}: {first.detail}. Nothing is rejected or committed, and it "
        "is tried again. Mend the table, or deploy the writer that fits the enricher; if these records are "
        "really bad, start the writer with EVENTRAIL_WRITER_BREAKER_SHARE=1, which rejects them"
    )


def _refusals(
    records: Sequence[SourceRecord], rows: Sequence[Row], refused: Refusals[int]
) -> list[Rejection]:
    if not refused:
        return []
    by_position = {(record.partition, record.offset): record for record in records}
    return [
        Rejection(
            by_position[position(rows[number])],
            RejectionReason.REJECTION_REASON_INSERT_REFUSED,
            str(error),
            rows[number][_WEBSITE],
            str(rows[number][_ID]),
        )
        for number, error in refused
    ]
