"""The consumer's loop: read, gather, hand over, commit. Offsets are committed last.

One batch is delivered at a time, and while it is, the next one grows. At its cap nothing is read; when that lasts, the
partitions are paused and polling goes on, so the group never takes the writer for dead.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from eventrail import logs
from eventrail.clock import Clock
from eventrail.contract import topics
from writer.batch import Batch, FlushReason, Limits, SourceRecord, waiting_records
from writer.metrics import Metrics
from writer.traced import Traced
from writer.waiting import Cause, Waiting

log = logs.get(__name__)

Records = Callable[[], Sequence[SourceRecord]]
"""All that one delivery stands for: asked again, it may have grown by records that came since."""

Deliver = Callable[[Records], Awaitable[None]]

LookAhead = Callable[[Sequence[SourceRecord]], None]
"""Told which records will be delivered next; must not block."""

_POLL_SECONDS = 0.25
_BUSY_POLL_SECONDS = 0.05
_COMMIT_SECONDS = 10.0
_COMMIT_AGAIN_SECONDS = 1.0
_READ_AT_ONCE = 1000
_PAUSE_AFTER_SECONDS = 10.0
"""Of a paused partition aiokafka drops what it has fetched, and fetches it anew."""
_LAG_EVERY_SECONDS = 1.0

_REMOVED = "records were removed before they were read"
_REMOVED_BEFORE_COMMIT = "records were removed before they were read; the group had no commit yet"


class Stream(ConsumerRebalanceListener):  # type: ignore[misc]
    """Moves the assigned partitions' records through `deliver`."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        deliver: Deliver,
        limits: Limits,
        handover_seconds: float,
        waiting: Waiting,
        metrics: Metrics,
        clock: Clock,
        look_ahead: LookAhead = lambda _records: None,
        traced: Traced | None = None,
    ) -> None:
        self._consumer = consumer
        self._look_ahead = look_ahead
        self._traced = traced
        self._looked_at: Batch | None = None
        self._deliver = deliver
        self._limits = limits
        self._handover_seconds = handover_seconds
        self._waiting = waiting
        self._metrics = metrics
        self._clock = clock
        self._batch = Batch(limits)
        self._delivering: asyncio.Task[None] | None = None
        self._generation = 0
        self._owed: dict[int, int] = {}
        self._commit_failed_at = float("-inf")
        self._waits_for_commit = False
        self._full_since: float | None = None
        self._written: dict[int, int] = {}
        self._expected: dict[int, int] = {}
        self._uncommitted: set[int] = set()
        self._lag_told_at = float("-inf")
        self.partitions: frozenset[int] | None = None
        """The partitions that the group has given to this consumer; None while it has no place in the group."""

    async def run(self) -> NoReturn:
        """Runs until it is cancelled, which loses nothing: what was read stays for `flush`.

        Raises KafkaError where the consumer cannot go on, and whatever a delivery raised.
        """
        while True:
            await self._poll()
            self._reap()
            reason = self._batch.due(self._clock.monotonic())
            if reason is not None and self._delivering is None:
                self._begin(reason)
            self._commit_again()
            self._tell()
            # A full fetch buffer answers getmany at once; others need their turn.
            await asyncio.sleep(0)

    async def flush(self, reason: FlushReason, seconds: float) -> bool:
        """Deliver and commit all that waits, within `seconds`; what is left then is dropped uncommitted.

        Whether everything was written.
        """
        try:
            async with asyncio.timeout(seconds):
                while self._delivering is not None or self._batch.records:
                    if self._delivering is None:
                        self._begin(reason)
                    if self._delivering is not None:
                        await asyncio.wait([self._delivering])
                    self._reap()
                await self._commit_last()
        except TimeoutError:
            log.warning("not all that waited was written; it stays in Kafka", reason=str(reason))
            await self.abandon()
            return False
        return True

    async def abandon(self) -> None:
        """Drop what waits and is being delivered; it is uncommitted, so it will be read again."""
        task, self._delivering = self._delivering, None
        self._generation += 1
        self._batch = Batch(self._limits)
        self._owed.clear()
        if self._traced is not None:
            self._traced.forget()
        self._wait_is_over()
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Write what waits before the partitions go; called by aiokafka, which waits for it."""
        try:
            await self.flush(FlushReason.REBALANCE, self._handover_seconds)
        finally:
            await self.abandon()
        for partition in revoked:
            with suppress(KeyError):
                self._metrics.lag.remove(str(partition.partition))
        self._written.clear()
        self._expected.clear()
        self._uncommitted.clear()
        self.partitions = None

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Note where reading has to begin: at the committed offsets, where there are any."""
        for partition in assigned:
            # The client asks without end where the coordinator does not answer, and a rebalance waits for this.
            with suppress(KafkaError, TimeoutError):
                committed = await asyncio.wait_for(self._consumer.committed(partition), _COMMIT_SECONDS)
                self._expected.setdefault(partition.partition, committed or 0)
                if committed is None:
                    self._uncommitted.add(partition.partition)
        self.partitions = frozenset(partition.partition for partition in assigned)

    async def _poll(self) -> None:
        room = self._batch.room()
        if room:
            self._full_since = None
            self._resume()
        else:
            self._say_what_is_next()
            await self._idle(_POLL_SECONDS)
            if not self._is_full_for_long():
                return
            self._pause()
        found: dict[TopicPartition, list[Any]] = await self._consumer.getmany(
            timeout_ms=int(1000 * self._patience()) if room else 0,
            max_records=min(max(room, 1), _READ_AT_ONCE),
        )
        now = self._clock.monotonic()
        for source, records in found.items():
            self._follow(source.partition, records[0].offset, records[-1].offset)
            if self._traced is not None:
                self._traced.read(source.partition, records)
            self._batch.add(waiting_records(records), now)

    def _follow(self, partition: int, first: int, last: int) -> None:
        """Take note of offsets that were read, and tell of those that were jumped over."""
        expected = self._expected.get(partition, first)
        self._expected[partition] = last + 1
        self._written.setdefault(partition, first)
        if first > expected:
            # aiokafka goes on at the oldest record it finds, and says nothing.
            self._metrics.expired.inc(first - expected)
            what = _REMOVED_BEFORE_COMMIT if partition in self._uncommitted else _REMOVED
            log.error(what, partition=partition, first=expected, end=first)
        self._uncommitted.discard(partition)

    def _patience(self) -> float:
        if self._delivering is not None:
            return _BUSY_POLL_SECONDS
        return min(self._batch.seconds_left(self._clock.monotonic()), _POLL_SECONDS)

    async def _idle(self, seconds: float) -> None:
        if self._delivering is not None:
            await asyncio.wait([self._delivering], timeout=seconds)

    def _is_full_for_long(self) -> bool:
        now = self._clock.monotonic()
        if self._full_since is None:
            self._full_since = now
        return now - self._full_since >= _PAUSE_AFTER_SECONDS

    def _say_what_is_next(self) -> None:
        # A full batch gets no more records: it can be worked at while the one before it is written.
        if self._delivering is not None and self._looked_at is not self._batch:
            self._looked_at = self._batch
            self._look_ahead(self._batch.records)

    def _pause(self) -> None:
        self._consumer.pause(*self._consumer.assignment())

    def _resume(self) -> None:
        paused = self._consumer.paused()
        if paused:
            self._consumer.resume(*paused)

    def _begin(self, reason: FlushReason) -> None:
        batch, self._batch = self._batch, self._batch.following(self._clock.monotonic())
        self._metrics.flushes.labels(reason).inc()
        self._delivering = asyncio.create_task(self._carry(batch, self._generation))

    async def _carry(self, batch: Batch, generation: int) -> None:
        await self._deliver(lambda: self._grown(batch))
        if generation == self._generation:
            self._owed |= batch.next_offsets()
            await self._commit()

    def _grown(self, batch: Batch) -> Sequence[SourceRecord]:
        batch.take_from(self._batch)
        return batch.records

    def _reap(self) -> None:
        """Forget a delivery that has ended, and raise what it raised."""
        task = self._delivering
        if task is not None and task.done():
            self._delivering = None
            task.result()

    async def _commit_last(self) -> None:
        if self._owed and self._delivering is None:
            self._delivering = asyncio.create_task(self._commit())
            await asyncio.wait([self._delivering])
            self._reap()

    def _commit_again(self) -> None:
        """Where no further batch comes, nothing else would ever commit what is owed."""
        if not self._owed or self._delivering is not None:
            return
        if self._clock.monotonic() - self._commit_failed_at >= _COMMIT_AGAIN_SECONDS:
            self._delivering = asyncio.create_task(self._commit())

    async def _commit(self) -> None:
        """Commit what is owed; after a failure it stays owed, and `run` tries again.

        Until then it costs at most a second reading of events that the table counts once anyway.
        """
        owed = dict(self._owed)
        offsets = {
            TopicPartition(topics.ENRICHED.name, partition): offset for partition, offset in owed.items()
        }
        try:
            await asyncio.wait_for(self._consumer.commit(offsets), _COMMIT_SECONDS)
        except (CommitFailedError, IllegalStateError) as error:
            # The group has gone on without this consumer. Kafka is well, so the watchdog goes on counting.
            self._commit_failed()
            self._wait_is_over()
            log.warning("offsets were not committed; these events may be read again", why=repr(error))
        except (KafkaError, TimeoutError) as error:
            self._commit_failed()
            self._waits_for_commit = True
            self._waiting.begin(Cause.KAFKA, f"offsets are not committed, trying again: {error!r}")
        else:
            self._metrics.commits.labels("ok").inc()
            self._written |= owed
            if self._traced is not None:
                self._traced.committed(owed)
            self._owed = dict(self._owed.items() - owed.items())
            self._wait_is_over()

    def _commit_failed(self) -> None:
        self._metrics.commits.labels("failed").inc()
        self._commit_failed_at = self._clock.monotonic()

    def _wait_is_over(self) -> None:
        if self._waits_for_commit:
            self._waits_for_commit = False
            self._waiting.end(Cause.KAFKA)

    def _tell(self) -> None:
        self._metrics.waiting_events.set(len(self._batch.records))
        self._metrics.waiting_bytes.set(self._batch.size)
        now = self._clock.monotonic()
        if now - self._lag_told_at >= _LAG_EVERY_SECONDS:
            self._lag_told_at = now
            self._tell_lag()

    def _tell_lag(self) -> None:
        for partition in self._consumer.assignment():
            end = self._consumer.highwater(partition)
            written = self._written.get(partition.partition)
            if end is not None and written is not None:
                self._metrics.lag.labels(str(partition.partition)).set(max(end - written, 0))
