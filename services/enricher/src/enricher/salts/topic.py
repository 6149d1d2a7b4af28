"""The salts topic on Kafka. It holds some dozen records, so each look reads all of them."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from enricher.salts.agreement import SaltRecord
from eventrail.contract.topics import SALTS
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.ending import end
from eventrail.kafka.records import Record, abandon, send
from eventrail.kafka.security import Brokers, client_options

_PARTITION = TopicPartition(SALTS.name, 0)
_POLL_MS = 500
_READ_SECONDS = 15.0
_APPEND_SECONDS = 15.0


class KafkaSaltLog:
    """A SaltLog; connects when it is used first, and anew after an error.

    `connect_producer` makes a producer that is not started. To be used by one task at a time.
    """

    def __init__(self, brokers: Brokers, connect_producer: Callable[[], AIOKafkaProducer]) -> None:
        self._brokers = brokers
        self._connect_producer = connect_producer
        self._consumer: AIOKafkaConsumer | None = None
        self._producer: AIOKafkaProducer | None = None

    async def read(self) -> list[SaltRecord]:
        try:
            async with asyncio.timeout(_READ_SECONDS):
                return await _read(await self._reader())
        except (KafkaError, OSError, TimeoutError) as error:
            await self.stop()
            raise KafkaUnavailable(f"{SALTS.name}: could not be read: {error!r}") from error

    async def append(self, records: Sequence[tuple[bytes, bytes | None]]) -> None:
        try:
            made = [Record(value, key=key) for key, value in records]
            # An idempotent producer never gives a record up by itself.
            async with asyncio.timeout(_APPEND_SECONDS):
                await send(await self._writer(), _PARTITION.topic, _PARTITION.partition, made)
        except (KafkaError, OSError, KafkaUnavailable, TimeoutError) as error:
            await self.stop()
            raise KafkaUnavailable(f"{SALTS.name}: not appended: {error!r}") from error

    async def stop(self) -> None:
        """Disconnect, within some seconds whatever the broker does."""
        consumer, self._consumer = self._consumer, None
        sender, self._producer = self._producer, None
        if consumer is not None:
            await end(consumer.stop())
        if sender is not None:
            with suppress(KafkaError, OSError):
                await abandon(sender)

    async def _reader(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            self._consumer = AIOKafkaConsumer(
                **client_options(self._brokers), enable_auto_commit=False, auto_offset_reset="earliest"
            )
            await self._consumer.start()
            self._consumer.assign([_PARTITION])
        return self._consumer

    async def _writer(self) -> AIOKafkaProducer:
        if self._producer is None:
            self._producer = self._connect_producer()
            await self._producer.start()
        return self._producer


async def _read(consumer: AIOKafkaConsumer) -> list[SaltRecord]:
    # The first offset still there is asked for each time: cleaning may have moved it.
    end = (await consumer.end_offsets([_PARTITION]))[_PARTITION]
    first = (await consumer.beginning_offsets([_PARTITION]))[_PARTITION]
    consumer.seek(_PARTITION, first)
    records: list[SaltRecord] = []
    # The position moves past compacted records as well, which no record would tell.
    while await consumer.position(_PARTITION) < end:
        for found in (await consumer.getmany(_PARTITION, timeout_ms=_POLL_MS)).values():
            records += [SaltRecord(each.offset, each.key, each.value, each.timestamp) for each in found]
    return records
