"""All that comes of one chunk leaves together: one batch for each partition, sent at once, awaited together."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from enricher.waits import KAFKA, Waits
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.records import Acknowledged, Record, abandon, pack

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0
_LOOK_SECONDS = 0.25
_PROBE_SECONDS = 1.5
_PATIENCE_SECONDS = 5.0
"""After that an acknowledgement is waited for by name: where replicas are missing, the client tries for ever."""


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
        self._connecting = asyncio.Lock()
        self._is_started = False
        self._dropping: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Connect. Raises KafkaUnavailable."""
        await self._ensure()
        self._is_started = True

    async def _ensure(self) -> AIOKafkaProducer:
        """The producer, a new one where the last was let go. Raises KafkaUnavailable."""
        async with self._connecting:
            if self._producer is None:
                self._producer = await self._started_producer()
            return self._producer

    async def _started_producer(self) -> AIOKafkaProducer:
        producer = self._connect()
        try:
            await producer.start()
        except (KafkaError, OSError) as error:
            await abandon(producer)
            raise KafkaUnavailable(f"no answer from Kafka: {error!r}") from error
        except asyncio.CancelledError:
            await abandon(producer)
            raise
        return producer

    async def stop(self) -> None:
        """Disconnect; what is not acknowledged by now is given up."""
        self._is_started = False
        async with self._connecting:
            self._let_go()
        if self._dropping:
            await asyncio.wait(self._dropping)

    def _let_go(self) -> None:
        """Use a new producer from now on, and close the old one beside the work."""
        producer, self._producer = self._producer, None
        if producer is not None:
            task = asyncio.ensure_future(abandon(producer))
            self._dropping.add(task)
            task.add_done_callback(self._dropping.discard)

    async def reachable(self) -> str:
        """Text "ok", or why Kafka does not answer; takes at most 1.5 s."""
        if not self._is_started:
            return "not connected"
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                # One that was let go says nothing about the broker.
                producer = await self._ensure()
                await producer.client.fetch_all_metadata()
        except (KafkaError, KafkaUnavailable, OSError, TimeoutError) as error:
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
        task, now = asyncio.ensure_future(attempt), asyncio.get_running_loop().time
        began = now()
        try:
            while not (await asyncio.wait([task], timeout=_LOOK_SECONDS))[0]:
                if not wanted():
                    self._let_go()
                    return None
                if (waited := now() - began) >= _PATIENCE_SECONDS:
                    self._waits.begin(KAFKA, f"not acknowledged for {waited:.0f} s")
            return task.result()
        finally:
            task.cancel()

    async def _attempt(self, address: Callable[[], Awaitable[Sequence[Parcel]]]) -> list[Acknowledged]:
        await self._ensure()
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


def _acknowledged(sent: Sequence[tuple[Parcel, int, Any]], answers: Sequence[Any]) -> list[Acknowledged]:
    made = []
    for (parcel, count, _future), answer in zip(sent, answers, strict=True):
        if isinstance(answer, KafkaError | asyncio.CancelledError):
            raise KafkaUnavailable(f"{parcel.topic}/{parcel.partition}: not acknowledged: {answer!r}")
        if isinstance(answer, BaseException):
            raise answer
        made.append(Acknowledged(parcel.topic, parcel.partition, answer.offset, count))
    return made
