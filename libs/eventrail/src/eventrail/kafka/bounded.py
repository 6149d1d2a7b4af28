"""A topic is read from offset to offset: without a consumer group, without a trace, and to an end."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from eventrail.checkpoints import Span
from eventrail.errors import ConfigurationError, KafkaUnavailable
from eventrail.kafka.ending import end
from eventrail.kafka.security import client_options, unreachable
from eventrail.settings import KafkaSettings

T = TypeVar("T")

STALL_SECONDS: Final = 20.0
"""How long the broker may send nothing, although there is more, before it counts as away."""

_FETCH_BYTES: Final = 4 * 1024 * 1024
_POLL_MS: Final = 500
_WAIT_MS: Final = 50
"""The broker waits so long for more to come. A new place is asked for only then, and all that is read is there."""

_REQUEST_MS: Final = 15_000


class BoundedTopic:
    """Reads the topic `name`, one partition at a time, by a started consumer. Its methods raise KafkaUnavailable."""

    def __init__(self, consumer: AIOKafkaConsumer, name: str, stall_seconds: float = STALL_SECONDS) -> None:
        self._consumer = consumer
        self._name = name
        self._stall_seconds = stall_seconds

    async def spans(self, since_ms: int | None = None) -> dict[int, Span]:
        """Where the records stand now that are dated `since_ms` or later, for each partition in its order.

        Raises ConfigurationError where there is no such topic.
        """
        partitions = self._partitions()
        begins = await self._asked(self._consumer.beginning_offsets(partitions))
        ends = await self._asked(self._consumer.end_offsets(partitions))
        if since_ms is not None:
            begins = await self._later(begins, ends, since_ms)
        return {tp.partition: Span(begins[tp], ends[tp]) for tp in partitions}

    def _partitions(self) -> list[TopicPartition]:
        found = self._consumer.partitions_for_topic(self._name)
        if not found:
            raise ConfigurationError(f"{self._name}: no such topic; run: python -m eventrail topics create")
        return [TopicPartition(self._name, number) for number in sorted(found)]

    async def _later(
        self, begins: dict[TopicPartition, int], ends: dict[TopicPartition, int], since_ms: int
    ) -> dict[TopicPartition, int]:
        found = await self._asked(self._consumer.offsets_for_times(dict.fromkeys(begins, since_ms)))
        return {tp: max(begin, found[tp].offset if found[tp] else ends[tp]) for tp, begin in begins.items()}

    async def read(self, partition: int, span: Span) -> AsyncGenerator[Any]:
        """The records of `span` in their order; what was removed meanwhile is left out."""
        tp = TopicPartition(self._name, partition)
        self._consumer.assign([tp])
        self._consumer.seek(tp, span.begin)
        while await self._asked(self._consumer.position(tp)) < span.end:
            for record in await self._fetched(tp):
                if span.begin <= record.offset < span.end:
                    yield record

    async def _fetched(self, tp: TopicPartition) -> list[Any]:
        """What comes next (nothing where the position moved by itself)."""
        loop = asyncio.get_running_loop()
        position = await self._asked(self._consumer.position(tp))
        patient_until = loop.time() + self._stall_seconds
        while loop.time() < patient_until:
            fetched = await self._asked(self._consumer.getmany(tp, timeout_ms=_POLL_MS))
            found: list[Any] = fetched.get(tp, [])
            if found or await self._asked(self._consumer.position(tp)) != position:
                return found
        raise KafkaUnavailable(
            f"{self._name}/{tp.partition}: nothing came for {self._stall_seconds:g} s at offset {position}"
        )

    async def _asked(self, answer: Awaitable[T]) -> T:
        # Not around the whole reading: an OSError of what is done with the records is none of Kafka's.
        try:
            return await answer
        except TopicAuthorizationFailedError as error:
            raise KafkaUnavailable(f"{self._name}: this user may not read it") from error
        except (KafkaError, OSError) as error:
            raise KafkaUnavailable(f"{self._name}: could not be read: {error!r}") from error


@asynccontextmanager
async def reading(settings: KafkaSettings, name: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer for a BoundedTopic of this name. Raises KafkaUnavailable or ConfigurationError."""
    consumer = AIOKafkaConsumer(
        name,
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
        yield consumer
    finally:
        await end(consumer.stop())
