"""The door to eventrail.rejected.v1: its records as entries."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer

from eventrail.checkpoints import Span
from eventrail.contract.topics import REJECTED
from eventrail.kafka.bounded import STALL_SECONDS, BoundedTopic, reading
from eventrail.rejected.entry import Address, Entry, entry
from eventrail.settings import KafkaSettings

_CLOCKS_MS: Final = 60_000
"""How far a record's own time may lie before the time of its rejection: clocks are set back at times."""


class RejectedTopic:
    """Reads the topic, one partition at a time. Its methods raise KafkaUnavailable."""

    def __init__(self, consumer: AIOKafkaConsumer, *, stall_seconds: float = STALL_SECONDS) -> None:
        self._topic = BoundedTopic(consumer, REJECTED.name, stall_seconds)

    async def spans(self, since_ms: int | None = None) -> dict[int, Span]:
        """Where the records stand now that were rejected at `since_ms` or later, for each partition in its order."""
        return await self._topic.spans(None if since_ms is None else max(since_ms - _CLOCKS_MS, 0))

    async def read(self, partition: int, span: Span) -> AsyncGenerator[Entry]:
        """The records of `span` in their order; what was removed meanwhile is left out."""
        async with aclosing(self._topic.read(partition, span)) as records:
            async for record in records:
                yield entry(Address(partition, record.offset), record.value, record.timestamp)

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


@asynccontextmanager
async def rejected_topic(
    settings: KafkaSettings, *, stall_seconds: float = STALL_SECONDS
) -> AsyncIterator[RejectedTopic]:
    """A connected RejectedTopic. Raises KafkaUnavailable or ConfigurationError."""
    async with reading(settings, REJECTED.name) as consumer:
        yield RejectedTopic(consumer, stall_seconds=stall_seconds)
