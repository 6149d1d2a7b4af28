"""The door to eventrail.rejected.v1: read without a consumer group and without a trace."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from eventrail.contract.topics import REJECTED
from eventrail.errors import ConfigurationError, KafkaUnavailable
from eventrail.kafka.ending import end
from eventrail.kafka.security import client_options, unreachable
from eventrail.rejected.entry import Address, Entry, entry
from eventrail.rejected.walking import Span
from eventrail.settings import KafkaSettings

T = TypeVar("T")

STALL_SECONDS: Final = 20.0
"""How long the broker may send nothing, although there is more, before it counts as away."""

_FETCH_BYTES: Final = 4 * 1024 * 1024
_POLL_MS: Final = 500
_WAIT_MS: Final = 50
"""The broker waits so long for more to come. A new place is asked for only then, and all that is read is there."""

_REQUEST_MS: Final = 15_000
_CLOCKS_MS: Final = 60_000
"""How far a record's own time may lie before the time of its rejection: clocks are set back at times."""


class RejectedTopic:
    """Reads the topic, one partition at a time. Its methods raise KafkaUnavailable."""

    def __init__(self, consumer: AIOKafkaConsumer, *, stall_seconds: float = STALL_SECONDS) -> None:
        self._consumer = consumer
        self._stall_seconds = stall_seconds

    async def spans(self, since_ms: int | None = None) -> dict[int, Span]:
        """Where the records stand now that were rejected at `since_ms` or later, for each partition in its order."""
        partitions = self._partitions()
        begins = await _asked(self._consumer.beginning_offsets(partitions))
        ends = await _asked(self._consumer.end_offsets(partitions))
        if since_ms is not None:
            begins = await self._later(begins, ends, max(since_ms - _CLOCKS_MS, 0))
        return {tp.partition: Span(begins[tp], ends[tp]) for tp in partitions}

    def _partitions(self) -> list[TopicPartition]:
        found = self._consumer.partitions_for_topic(REJECTED.name)
        if not found:
            raise ConfigurationError(
                f"{REJECTED.name}: no such topic; run: python -m eventrail topics create"
            )
        return [TopicPartition(REJECTED.name, number) for number in sorted(found)]

    async def _later(
        self, begins: dict[TopicPartition, int], ends: dict[TopicPartition, int], since_ms: int
    ) -> dict[TopicPartition, int]:
        found = await _asked(self._consumer.offsets_for_times(dict.fromkeys(begins, since_ms)))
        return {tp: max(begin, found[tp].offset if found[tp] else ends[tp]) for tp, begin in begins.items()}

    async def read(self, partition: int, span: Span) -> AsyncGenerator[Entry]:
        """The records of `span` in their order; what was removed meanwhile is left out."""
        tp = TopicPartition(REJECTED.name, partition)
        self._consumer.assign([tp])
        self._consumer.seek(tp, span.begin)
        while await _asked(self._consumer.position(tp)) < span.end:
            for record in await self._fetched(tp):
                if span.begin <= record.offset < span.end:
                    yield entry(Address(partition, record.offset), record.value, record.timestamp)

    async def _fetched(self, tp: TopicPartition) -> list[Any]:
        """What comes next (nothing where the position moved by itself)."""
        loop = asyncio.get_running_loop()
        position = await _asked(self._consumer.position(tp))
        patient_until = loop.time() + self._stall_seconds
        while loop.time() < patient_until:
            found: list[Any] = (await _asked(self._consumer.getmany(tp, timeout_ms=_POLL_MS))).get(tp, [])
            if found or await _asked(self._consumer.position(tp)) != position:
                return found
        raise KafkaUnavailable(
            f"{REJECTED.name}/{tp.partition}: nothing came for {self._stall_seconds:g} s at offset {position}"
        )

    async def at(self, address: Address) -> Entry | None:
        """The record at `address`; None where there is none (any more, or yet)."""
        span = (await self.spans()).get(address.partition)
        if span is None or not span.begin <= address.offset < span.end:
            return None
        wanted = Span(address.offset, address.offset + 1)
        async with aclosing(self.read(address.partition, wanted)) as found:
            async for record in found:
                return record
        return None


async def _asked(answer: Awaitable[T]) -> T:
    # Not around the whole reading: an OSError of what is done with the records is none of Kafka's.
    try:
        return await answer
    except (KafkaError, OSError) as error:
        raise KafkaUnavailable(f"{REJECTED.name}: could not be read: {error!r}") from error


@asynccontextmanager
async def rejected_topic(
    settings: KafkaSettings, *, stall_seconds: float = STALL_SECONDS
) -> AsyncIterator[RejectedTopic]:
    """A connected RejectedTopic. Raises KafkaUnavailable or ConfigurationError."""
    consumer = AIOKafkaConsumer(
        REJECTED.name,
        **client_options(settings),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_FETCH_BYTES,
        fetch_max_wait_ms=_WAIT_MS,
        request_timeout_ms=_REQUEST_MS,
    )
    try:
        try:
            await consumer.start()
        except (KafkaError, OSError) as error:
            raise await unreachable(settings, error) from error
        consumer.unsubscribe()
        yield RejectedTopic(consumer, stall_seconds=stall_seconds)
    finally:
        await end(consumer.stop())
