"""All that comes of one chunk leaves together: one batch for each partition, sent at once, awaited together."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from enricher.waits import KAFKA, Waits
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.records import Acknowledged, Record, pack

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0
_LOOK_SECONDS = 0.25
_CLOSE_SECONDS = 2.0
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
        self._dropping: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Connect. Raises KafkaUnavailable."""
        producer = self._connect()
        try:
            await producer.start()
        except (KafkaError, OSError) as error:
            await _drop(producer)
            raise KafkaUnavailable(f"no answer from Kafka: {error!r}") from error
        except asyncio.CancelledError:
            await _drop(producer)
            raise
        self._producer = producer

    async def stop(self) -> None:
        """Disconnect; what is not acknowledged by now is given up."""
        self._let_go()
        if self._dropping:
            await asyncio.wait(self._dropping)

    def _let_go(self) -> None:
        """Use a new producer from now on, and close the old one beside the work."""
        producer, self._producer = self._producer, None
        if producer is not None:
            task = asyncio.ensure_future(_drop(producer))
            self._dropping.add(task)
            task.add_done_callback(self._dropping.discard)

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
        None as soon as `wanted()` says that the work is somebody else's by now: an answer that does not come
        holds nobody up. What was sent until then may still arrive.
        """
        pause = _FIRST_PAUSE_SECONDS
        with self._waits.until_left(KAFKA):
            while True:
                try:
                    return await self._while_wanted(self._attempt(address), wanted)
                except KafkaUnavailable as error:
                    self._waits.begin(KAFKA, str(error))
                self._let_go()
                if not wanted():
                    return None
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _while_wanted(
        self, attempt: Coroutine[Any, Any, list[Acknowledged]], wanted: Callable[[], bool]
    ) -> list[Acknowledged] | None:
        task = asyncio.ensure_future(attempt)
        try:
            while not (await asyncio.wait([task], timeout=_LOOK_SECONDS))[0]:
                if not wanted():
                    self._let_go()
                    return None
            return task.result()
        finally:
            task.cancel()

    async def _attempt(self, address: Callable[[], Awaitable[Sequence[Parcel]]]) -> list[Acknowledged]:
        if self._producer is None:
            await self.start()
        return await self._send(await address())

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


async def _drop(producer: AIOKafkaProducer) -> None:
    """Close at once: public stop() waits for what is not acknowledged, also where that never comes."""
    producer._closed = True  # noqa: SLF001
    sender = producer._sender.sender_task  # noqa: SLF001
    if sender is not None:
        sender.cancel()
    # What is in flight fails with its connection, and the sender waits for nothing more.
    await producer.client.close()
    if sender is not None:
        await asyncio.wait([sender], timeout=_CLOSE_SECONDS)


def _acknowledged(sent: Sequence[tuple[Parcel, int, Any]], answers: Sequence[Any]) -> list[Acknowledged]:
    made = []
    for (parcel, count, _future), answer in zip(sent, answers, strict=True):
        if isinstance(answer, KafkaError | asyncio.CancelledError):
            raise KafkaUnavailable(f"{parcel.topic}/{parcel.partition}: not acknowledged: {answer!r}")
        if isinstance(answer, BaseException):
            raise answer
        made.append(Acknowledged(parcel.topic, parcel.partition, answer.offset, count))
    return made
