"""Reads the raw and the rejected topic into the ledger; offsets are committed last.

Partitions are assigned by hand: there is nothing to share, and no rebalance has to be waited for.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from auditor.books import Books
from auditor.entries import RawEntry, RejectedEntry, raw_entries, rejected_entry
from auditor.ledger import Ledger
from auditor.metrics import Metrics
from auditor.settings import AuditorSettings
from auditor.sources import Names
from auditor.waiting import Retry
from eventrail import logs
from eventrail.checkpoints import Span
from eventrail.clock import Clock
from eventrail.contract import topics
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.admin import admin
from eventrail.kafka.offsets import close, connected_consumer, partitions, spans
from eventrail.settings import KafkaSettings

log = logs.get(__name__)

_READ_AT_ONCE: Final = 200
_POLL_SECONDS: Final = 0.25
_COMMIT_SECONDS: Final = 10.0
_COMMIT_ALL_SECONDS: Final = 3600.0
"""Far below the 7 days after which Kafka forgets the commits of a group without members."""
_OPEN_SECONDS: Final = 30.0
_FETCH: Final = {
    "max_partition_fetch_bytes": 1024 * 1024,
    "fetch_max_bytes": 8 * 1024 * 1024,
    # Nobody waits for the ledger: fewer and larger answers cost the broker and this process a third.
    "fetch_min_bytes": 256 * 1024,
    "fetch_max_wait_ms": 250,
}

Records = Mapping[TopicPartition, Sequence[Any]]


@dataclass
class Reading:
    """What was read and is not in the ledger yet; `next` are the offsets to commit afterwards."""

    raw: list[RawEntry] = field(default_factory=list)
    rejected: list[RejectedEntry] = field(default_factory=list)
    next: dict[TopicPartition, int] = field(default_factory=dict)
    unreadable: int = 0

    @property
    def size(self) -> int:
        return len(self.raw) + len(self.rejected)

    def add(self, records: Records, names: Names, current_logs: Mapping[int, int]) -> None:
        """Decode `records`; takes a few microseconds for each event."""
        for source, batch in records.items():
            for record in batch:
                if source.topic == names.raw:
                    at = source.partition, record.offset, current_logs[source.partition]
                    self.raw += raw_entries(*at, record.timestamp, record.value)
                else:
                    self._reject(rejected_entry(record.value))
                self.next[source] = record.offset + 1

    def _reject(self, entry: RejectedEntry | None) -> None:
        if entry is None:
            self.unreadable += 1
        else:
            self.rejected.append(entry)


class Follower:
    """Follows both topics until it is cancelled, which loses nothing: what was not committed is read again."""

    def __init__(
        self,
        kafka: KafkaSettings,
        settings: AuditorSettings,
        names: Names,
        ledger: Ledger,
        books: Books,
        retry: Retry,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._kafka = kafka
        self._settings = settings
        self._names = names
        self._ledger = ledger
        self._books = books
        self._retry = retry
        self._metrics = metrics
        self._clock = clock
        self._seen: dict[int, int] = {}
        self._committed_all_at = float("-inf")

    async def run(self) -> None:
        """Waits for ever while a backend is away."""
        while True:
            consumer = await self._retry(self._opened)
            try:
                await self._read(consumer)
            except (KafkaError, KafkaUnavailable) as error:
                log.warning("reading begins anew", why=repr(error))
                await asyncio.sleep(_POLL_SECONDS)
            finally:
                await close(consumer)

    async def _opened(self) -> AIOKafkaConsumer:
        """A consumer that stands where the ledger ends."""
        consumer = await connected_consumer(self._kafka, self._settings.group, **_FETCH)
        try:
            self._books.anew.clear()
            # The client asks for committed offsets without end, also a broker that has long been back.
            async with asyncio.timeout(_OPEN_SECONDS):
                await self._open(consumer)
        except BaseException as error:
            await close(consumer)
            if isinstance(error, KafkaError | TimeoutError):
                raise KafkaUnavailable(f"not read from yet: {error!r}") from error
            raise
        self._books.opened.set()
        return consumer

    async def _open(self, consumer: AIOKafkaConsumer) -> None:
        async with admin(self._kafka) as asking:
            found = await partitions(asking, (self._names.raw, self._names.rejected))
        raw = await spans(consumer, found[self._names.raw])
        rejected = await spans(consumer, found[self._names.rejected])
        wanted = found[self._names.raw] + found[self._names.rejected]
        consumer.assign(wanted)
        committed = {one: await consumer.committed(one) for one in wanted}
        raw_committed = {one.partition: at for one, at in committed.items() if one.topic == self._names.raw}
        rejected_committed = {
            one.partition: at for one, at in committed.items() if one.topic == self._names.rejected
        }
        self._books.raw = await self._raw_starts(raw, raw_committed)
        self._books.rejected = {at: _start(span, rejected_committed.get(at)) for at, span in rejected.items()}
        starts = self._positions()
        for one, offset in starts.items():
            consumer.seek(one, offset)
        # From now on a partition without a commit is one that was deleted, and its commits with it.
        await self._commit_all(consumer)

    def _positions(self) -> dict[TopicPartition, int]:
        names = self._names
        return {TopicPartition(names.raw, at): offset for at, offset in self._books.raw.items()} | {
            TopicPartition(names.rejected, at): offset for at, offset in self._books.rejected.items()
        }

    async def _raw_starts(
        self, raw: Mapping[int, Span], committed: Mapping[int, int | None]
    ) -> dict[int, int]:
        starts = {}
        for partition, span in raw.items():
            at = committed.get(partition)
            if (
                partition not in self._books.logs
                or at is None
                or max(at, self._seen.get(partition, 0)) > span.end
            ):
                self._begin_log(partition)
                at = span.begin
            if at < span.begin:
                self._tell_unread(partition, at, span.begin)
            starts[partition] = max(at, span.begin)
        await asyncio.to_thread(self._ledger.save_logs, self._books.rows(), self._clock.now_ms())
        return starts

    def _begin_log(self, partition: int) -> None:
        """A log that the ledger does not know gets a higher number than the one before it."""
        before = self._books.logs.get(partition)
        self._books.logs[partition] = max(self._clock.now_ms() // 1000, (before or 0) + 1)
        self._seen.pop(partition, None)
        if before is not None:
            log.warning("the raw topic was created anew", partition=partition)

    def _tell_unread(self, partition: int, first: int, end: int) -> None:
        self._books.gaps.append((partition, first, end))
        self._metrics.unread.labels(topics.RAW.name).inc(end - first)
        log.error(
            "raw records were removed before the auditor read them; the ledger does not know them",
            partition=partition,
            first=first,
            end=end,
        )

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        reading, since = Reading(), self._clock.monotonic()
        while not self._books.anew.is_set():
            records = await consumer.getmany(timeout_ms=int(_POLL_SECONDS * 1000), max_records=_READ_AT_ONCE)
            if not reading.next:
                since = self._clock.monotonic()
            if records:
                await asyncio.to_thread(reading.add, records, self._names, dict(self._books.logs))
            if reading.next and self._is_due(reading, since):
                await self._flush(consumer, reading)
                reading = Reading()
            # Partitions in which nothing happens, too. Not with each commit: of a topic that was just created
            # anew, a missing commit is the sign.
            if self._clock.monotonic() - self._committed_all_at >= _COMMIT_ALL_SECONDS:
                await self._commit_all(consumer)

    def _is_due(self, reading: Reading, since: float) -> bool:
        waited = self._clock.monotonic() - since
        return reading.size >= self._settings.flush_events or waited >= self._settings.flush_seconds

    async def _flush(self, consumer: AIOKafkaConsumer, reading: Reading) -> None:
        put = partial(asyncio.to_thread, self._ledger.put, reading.raw, reading.rejected)
        await self._retry(put)
        now = self._clock.now_ms() // 1000
        for minute, entries in Counter(entry.minute for entry in reading.raw).items():
            self._books.minutes.add(minute, entries, now)
        for source, offset in reading.next.items():
            held = self._books.raw if source.topic == self._names.raw else self._books.rejected
            held[source.partition] = offset
            if source.topic == self._names.raw:
                self._seen[source.partition] = offset
        self._metrics.read.labels(topics.RAW.name).inc(len(reading.raw))
        self._metrics.read.labels(topics.REJECTED.name).inc(len(reading.rejected))
        if reading.unreadable:
            log.error("records of the rejected topic are no RejectedEvent", records=reading.unreadable)
        await self._commit(consumer, reading.next)

    async def _commit_all(self, consumer: AIOKafkaConsumer) -> None:
        await self._commit(consumer, self._positions())
        self._committed_all_at = self._clock.monotonic()

    async def _commit(self, consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]) -> None:
        """A failure costs a second reading of entries that count once anyway."""
        try:
            await asyncio.wait_for(consumer.commit(dict(offsets)), _COMMIT_SECONDS)
        except TimeoutError:
            raise KafkaUnavailable("offsets were not committed in time") from None
        except KafkaError as error:
            raise KafkaUnavailable(f"offsets were not committed: {error!r}") from error


def _start(span: Span, committed: int | None) -> int:
    """Where to read the rejected topic from; its entries may be read again at any time."""
    if committed is None or not span.begin <= committed <= span.end:
        return span.begin
    return committed
