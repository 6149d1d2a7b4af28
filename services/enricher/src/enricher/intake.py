"""The way of a record, acknowledge last: take it, enrich it, publish all of it, keep its states, mark it done.

Records that wait together leave together: at low load each goes alone and at once, at high load
the cost of a round trip and of a batch per partition is shared.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from enricher.batch import Batch, by_partition
from enricher.chunk import RawRecord, process
from enricher.lookups.salts import SaltMissing
from enricher.metrics import Metrics
from enricher.offsets import OffsetAccount, Verdict, start
from enricher.publisher import Parcel, Publisher
from enricher.sessions import Sessions
from enricher.waits import ADDRESS_KEY, BREAKER, SALT, Waits
from enricher.world import World
from eventrail import logs
from eventrail.breaker import Breaker, probe_pause
from eventrail.clock import Clock
from eventrail.contract.topics import ENRICHED, RAW, REJECTED, SESSIONS_CHANGELOG
from eventrail.contract.v1.rejected_pb2 import RejectionReason
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.records import Acknowledged
from eventrail.rejected.names import reason_name
from eventrail.sealing import UnknownKey
from eventrail.tracing import Traces

_LOOK_SECONDS = 1.0
_REREAD_EVERY_SECONDS = 10.0
_FINISH_SECONDS = 3.0
_FAILED_PAUSE_SECONDS = 1.0
_QUEUED_RECORDS = 64
_TOGETHER_BYTES = 256 * 1024
_PROBED_BYTES = 1024 * 1024
_COMMIT_SECONDS = 4.0
_COMMIT_PAUSE_SECONDS = 0.2
_SPAN = "enrich"
_ATTRIBUTES = {"messaging.system": "kafka", "messaging.destination.name": RAW.name}

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Ends:
    """Of one partition: the group's committed offset (None without one), and the first and the next offset."""

    committed: int | None
    earliest: int
    end: int


class Source(Protocol):
    """The raw topic's consumer, as far as the intake moves it. All methods raise KafkaUnavailable."""

    async def ends(self, partitions: Sequence[int]) -> dict[int, Ends]:
        """Where the log and the group stand, for each of `partitions`."""
        ...

    async def seek(self, offsets: Mapping[int, int]) -> None:
        """Fetch from these offsets on."""
        ...

    async def commit(self, offsets: Mapping[int, int]) -> bool:
        """Commit; False where the partitions are not this worker's any more."""
        ...


class Intake:
    """One batch of records is in work at a time; `account` says what is done."""

    def __init__(
        self,
        source: Source,
        world: World,
        sessions: Sessions,
        publisher: Publisher,
        waits: Waits,
        metrics: Metrics,
        clock: Clock,
        breaker: Breaker,
        traces: Traces | None = None,
    ) -> None:
        self.account = OffsetAccount()
        self._source = source
        self._world = world
        self._sessions = sessions
        self._publisher = publisher
        self._waits = waits
        self._metrics = metrics
        self._clock = clock
        self._breaker = breaker
        self._traces = traces
        self._gap: RawRecord | None = None
        self._queue: asyncio.Queue[RawRecord] = asyncio.Queue(_QUEUED_RECORDS)
        self._reread_at: dict[int, float] = {}
        self._open = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._committing = asyncio.Lock()
        self._pauses = 0

    # The generations of the group.

    async def begin(self, generation: int, partitions: Sequence[int]) -> None:
        """Open the account of a generation where the group's committed offsets stand.

        To be called while nothing is fetched. A `pause` before its end wins: the account stays closed.
        Raises KafkaUnavailable; call it again then.
        """
        pauses = self._pauses
        found = await self._source.ends(partitions)
        starts = {partition: self._start(partition, ends) for partition, ends in found.items()}
        moved = [partition for partition, at in starts.items() if at != (found[partition].committed or 0)]
        unplaced = {at: starts[at] for at in starts if at in moved or not found[at].committed}
        # Faust goes back to committed offsets only where there is one above 0: elsewhere, records that it
        # dropped in a rebalance would never come again.
        await self._source.seek(unplaced)
        if pauses != self._pauses:
            return
        # What was told as lost once is not told again in each generation.
        self.account.begin(generation, starts, moved)
        self._reread_at.clear()
        self._open.set()

    def _start(self, partition: int, ends: Ends) -> int:
        begin = start(ends.committed, ends.earliest, ends.end)
        if begin.expired:
            self._report_expired(partition, begin.expired, has_commit=ends.committed is not None)
        if begin.lost_place:
            _log.error(
                "the committed offset lies behind the end of the raw topic; beginning at its start",
                partition=partition,
                committed=ends.committed,
                end=ends.end,
            )
        return begin.offset

    def _report_expired(self, partition: int, records: int, *, has_commit: bool = True) -> None:
        self._metrics.expired.inc(records)
        what = "raw records were removed before they were read"
        if not has_commit:
            what = "raw records were removed, and the group has no commit that says that they were read"
        _log.error(what, partition=partition, records=records)

    async def pause(self) -> None:
        """Finish what is in flight if that takes some seconds at most, commit, and close the account.

        For the moment before partitions change hands, and for the end. Takes at most 7 s, raises nothing.
        """
        self._pauses += 1
        self._open.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), _FINISH_SECONDS)
        commit = asyncio.ensure_future(self.commit())
        # Not cancelled: the commit runs in the consumer's thread and ends there.
        await asyncio.wait([commit], timeout=_COMMIT_SECONDS)
        self.account.end()

    async def commit(self) -> None:
        """Commit what is done. Kafka being away, or the partitions being lost, is no error: it is tried again."""
        async with self._committing:
            offsets = self.account.uncommitted()
            generation = self.account.generation
            if not offsets or generation is None:
                return
            try:
                done = await self._source.commit(offsets)
            except KafkaUnavailable as error:
                _log.warning("commit failed, will be tried again", why=str(error))
                return
            self._metrics.commits.labels("ok" if done else "refused").inc()
            if done:
                self.account.committed(generation, offsets)

    # The way of a record.

    async def take(self, record: RawRecord) -> None:
        """Hand over one record of the raw topic; waits while too many are queued."""
        await self._queue.put(record)

    async def work(self) -> None:
        """Do what was handed over, until cancelled. What fails unexpectedly is read and done again."""
        while True:
            try:
                await self._carry(await self._next())
                await self._reread_gap()
            except Exception:
                _log.exception("records could not be done, and are read again")
                await self._start_over()

    async def _next(self) -> list[RawRecord]:
        """The records that are to be done now; where one stands behind a gap, they end there."""
        record = await self._queue.get()
        await self._open.wait()
        records: list[RawRecord] = []
        self._sort(record, records)
        self._draw(records, _TOGETHER_BYTES)
        return records

    def _draw(self, records: list[RawRecord], most_bytes: int) -> None:
        """Add what is queued, up to a gap or until `records` are that many bytes."""
        size = sum(len(record.value or b"") for record in records)
        while self._gap is None and size < most_bytes and not self._queue.empty():
            record = self._queue.get_nowait()
            self._sort(record, records)
            size += len(record.value or b"")

    def _sort(self, record: RawRecord, records: list[RawRecord]) -> None:
        verdict = self.account.take(record.generation, record.partition, record.offset)
        if verdict is Verdict.GAP:
            self._gap = record
        elif verdict is Verdict.TAKE:
            records.append(record)

    async def _carry(self, records: list[RawRecord]) -> None:
        while records:
            began, began_ms = self._clock.monotonic(), self._clock.now_ms()
            batch = await self._sound(records)
            if batch is None:
                return
            self._idle.clear()
            try:
                acknowledged = await self._publisher.publish(partial(self._parcels, batch), batch.is_wanted)
                if acknowledged is None or not batch.is_wanted():
                    return
                self._keep(batch, acknowledged)
                self._measure(batch, self._clock.monotonic() - began)
                self._trace(batch, began_ms)
            finally:
                self._idle.set()
            if batch.is_crowded:
                await self._commit_all(batch)
            records = records[len(batch.outcomes) :]

    async def _sound(self, records: list[RawRecord]) -> Batch | None:
        """The first of `records` enriched, as soon as the breaker lets them pass; None as `_enriched`.

        While it does not, `records` grow by those that came since: good ones among them may close it.
        """
        probes = 0
        with self._waits.until_left(BREAKER):
            while (batch := await self._enriched(records)) is not None:
                if not self._breaker.opens(batch.judged, batch.faults):
                    return batch
                probes += 1
                self._waits.begin(BREAKER, batch.complaint())
                await self._sleep(probe_pause(probes), batch)
                if batch.is_wanted():
                    self._draw(records, _PROBED_BYTES)
        return None

    async def _sleep(self, seconds: float, batch: Batch) -> None:
        """Sleep while `batch` is wanted, with a look each second."""
        for _ in range(round(seconds)):
            if batch.is_wanted():
                await asyncio.sleep(_LOOK_SECONDS)

    async def _commit_all(self, batch: Batch) -> None:
        """Commit before anything more is done, so that states can let their checkpoints go and stay bounded."""
        while batch.is_wanted():
            await self.commit()
            if not self.account.uncommitted():
                return
            await asyncio.sleep(_COMMIT_PAUSE_SECONDS)

    async def _enriched(self, records: Sequence[RawRecord]) -> Batch | None:
        """The first of `records`, at least one, enriched; None when they are somebody else's by now."""
        batch = Batch(self.account, self._sessions, records[0].generation)
        with self._waits.until_left(ADDRESS_KEY), self._waits.until_left(SALT):
            for record in records:
                while batch.is_wanted():
                    try:
                        batch.add(
                            record, process(record, batch.overlay(record), self._world, self._clock.now_ms())
                        )
                        break
                    except (UnknownKey, SaltMissing) as missing:
                        if batch.outcomes:
                            return batch
                        cause = SALT if isinstance(missing, SaltMissing) else ADDRESS_KEY
                        self._waits.begin(cause, str(missing))
                    await asyncio.sleep(_LOOK_SECONDS)
        return batch if batch.is_wanted() else None

    async def _parcels(self, batch: Batch) -> list[Parcel]:
        parcels = [
            Parcel(SESSIONS_CHANGELOG.name, partition, changes) for partition, changes in batch.changes()
        ]
        for topic, records in ((ENRICHED.name, batch.enriched()), (REJECTED.name, batch.rejected())):
            if records:
                count = await self._publisher.partition_count(topic)
                parcels += by_partition(topic, records, count)
        return parcels

    def _keep(self, batch: Batch, acknowledged: Sequence[Acknowledged]) -> None:
        batch.keep()
        for sent in acknowledged:
            if sent.topic == SESSIONS_CHANGELOG.name:
                self._sessions.of(sent.partition).appended(sent.offset, sent.count)

    def _measure(self, batch: Batch, seconds: float) -> None:
        self._metrics.batch_seconds.observe(seconds)
        if batch.oldest_ms is not None:
            self._metrics.age_seconds.observe(max(self._clock.now_ms() - batch.oldest_ms, 0) / 1000)
        self._metrics.events_out.inc(len(batch.enriched()))
        self._breaker.count(batch.judged, batch.faults)
        for outcome in batch.outcomes:
            self._metrics.events_in.inc(outcome.events)
            self._metrics.chunk_events.observe(outcome.events)
            for reason in outcome.reasons:
                self._metrics.rejected.labels(reason_name(RejectionReason.Value(reason))).inc()

    def _trace(self, batch: Batch, began_ms: int) -> None:
        if self._traces is None:
            return
        counts = Counter(traceparent for outcome in batch.outcomes for traceparent in outcome.traced)
        for traceparent, events in counts.items():
            self._traces.ended(_SPAN, traceparent, began_ms, {"eventrail.events": events, **_ATTRIBUTES})

    # What has to be read again.

    async def _start_over(self) -> None:
        """Read again all that is not done, after a pause: without a later record no gap would tell of it."""
        self.account.give_back()
        self._gap = None
        await asyncio.sleep(_FAILED_PAUSE_SECONDS)
        offsets = dict(self.account.done)
        self._reread_at.update(dict.fromkeys(offsets, self._clock.monotonic()))
        try:
            await self._source.seek(offsets)
        except KafkaUnavailable as error:
            _log.warning("not read again yet", why=str(error))

    async def _reread_gap(self) -> None:
        gap, self._gap = self._gap, None
        if gap is not None:
            await self._reread(gap)

    async def _reread(self, record: RawRecord) -> None:
        # What was queued behind the gap still arrives for a while after the seek.
        if self._may_reread(record.partition) and self.account.generation == record.generation:
            await self._read_again(record.partition, "records were missing and are read again")

    async def nudge(self, partitions: Sequence[int]) -> None:
        """Read on where `partitions` stand: records wait there, and none comes. Does nothing while there is work."""
        for partition in partitions:
            works = not self._queue.empty() or not self._idle.is_set()
            if not works and partition in self.account.done and self._may_reread(partition):
                await self._read_again(partition, "records wait and did not come; they are read again")

    def _may_reread(self, partition: int) -> bool:
        now = self._clock.monotonic()
        if now - self._reread_at.get(partition, float("-inf")) < _REREAD_EVERY_SECONDS:
            return False
        self._reread_at[partition] = now
        return True

    async def _read_again(self, partition: int, what: str) -> None:
        generation, expected = self.account.generation, self.account.expected(partition)
        try:
            ends = (await self._source.ends([partition]))[partition]
            if ends.earliest > expected and self.account.generation == generation:
                self._report_expired(partition, ends.earliest - expected)
                self.account.skip_to(partition, expected := ends.earliest)
            await self._source.seek({partition: expected})
        except KafkaUnavailable as error:
            _log.warning("a gap could not be read again yet", partition=partition, why=str(error))
            return
        self._metrics.gaps.inc()
        _log.warning(what, partition=partition, expected=expected)
