"""All that comes of one chunk leaves together: one batch for each partition, sent at once, awaited together."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from enricher.waits import KAFKA, Waits
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.records import Acknowledged, Record, pack

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0
_CLOSE_SECONDS = 5.0
_PROBE_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Parcel:
    """Records for one partition, in their order."""

    topic: str
    partition: int
    records: Sequence[Record]


class Publisher:
    """Sends parcels until the broker has them: the same bytes again after each failure.

    `connect` makes a producer that is not started. After a failure a new one is made: it has a new producer
    id, and no sequence number of the failed one stands in its way. Copies are possible, losses are not.
    """

    def __init__(self, connect: Callable[[], AIOKafkaProducer], waits: Waits) -> None:
        self._connect = connect
        self._waits = waits
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect. Raises KafkaUnavailable."""
        producer = self._connect()
        try:
            await producer.start()
        except (KafkaError, OSError) as error:
            await producer.stop()
            raise KafkaUnavailable(f"no answer from Kafka: {error!r}") from error
        self._producer = producer

    async def stop(self) -> None:
        """Disconnect; what is not acknowledged within some seconds is given up."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(TimeoutError, KafkaError):
                await asyncio.wait_for(producer.stop(), _CLOSE_SECONDS)

    async def reachable(self) -> str:
        """Text "ok", or why Kafka does not answer; takes at most 1.5 s."""
        if self._producer is None:
            return "not connected"
        try:
            await asyncio.wait_for(self._producer.client.fetch_all_metadata(), _PROBE_SECONDS)
        except (KafkaError, OSError, TimeoutError) as error:
            return f"no answer from Kafka: {type(error).__name__}"
        return "ok"

    async def partition_count(self, topic: str) -> int:
        """Number of partitions of `topic`. Raises KafkaUnavailable."""
        try:
            return len(await self._connected().partitions_for(topic))
        except KafkaError as error:
            raise KafkaUnavailable(f"{topic}: partitions unknown: {error!r}") from error

    def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            raise KafkaUnavailable("not connected to Kafka")
        return self._producer

    async def publish(
        self, address: Callable[[], Awaitable[Sequence[Parcel]]], wanted: Callable[[], bool]
    ) -> list[Acknowledged] | None:
        """Send the parcels that `address` makes and wait until every record is acknowledged; tries for ever.

        `address` is asked once more in each attempt, for it needs to know how many partitions there are.
        None when an attempt failed and `wanted()` says that the work is somebody else's by now.
        """
        pause = _FIRST_PAUSE_SECONDS
        with self._waits.until_left(KAFKA):
            while True:
                try:
                    return await self._send(await address())
                except KafkaUnavailable as error:
                    self._waits.begin(KAFKA, str(error))
                if not wanted():
                    return None
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
                await self._reconnect()

    async def _send(self, parcels: Sequence[Parcel]) -> list[Acknowledged]:
        producer = self._connected()
        sent: list[tuple[Parcel, int, Any]] = []
        try:
            for parcel in parcels:
                for batch in pack(producer, parcel.records):
                    future = await producer.send_batch(batch, parcel.topic, partition=parcel.partition)
                    sent.append((parcel, batch.record_count(), future))
        except KafkaError as error:
            await asyncio.gather(*(future for *_, future in sent), return_exceptions=True)
            raise KafkaUnavailable(f"not sent: {error!r}") from error
        return _acknowledged(
            sent, await asyncio.gather(*(future for *_, future in sent), return_exceptions=True)
        )

    async def _reconnect(self) -> None:
        await self.stop()
        with suppress(KafkaUnavailable):
            await self.start()


def _acknowledged(sent: Sequence[tuple[Parcel, int, Any]], answers: Sequence[Any]) -> list[Acknowledged]:
    made = []
    for (parcel, count, _future), answer in zip(sent, answers, strict=True):
        if isinstance(answer, KafkaError | asyncio.CancelledError):
            raise KafkaUnavailable(f"{parcel.topic}/{parcel.partition}: not acknowledged: {answer!r}")
        if isinstance(answer, BaseException):
            raise answer
        made.append(Acknowledged(parcel.topic, parcel.partition, answer.offset, count))
    return made
