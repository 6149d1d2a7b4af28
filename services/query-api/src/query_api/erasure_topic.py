"""The door to the topic of erasures: requests go out, and the ends of the raw topic come in."""

import asyncio
from collections.abc import Awaitable
from typing import Final, Protocol, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from eventrail.contract import topics
from eventrail.erasures.request import Erasure
from eventrail.errors import ConfigurationError, KafkaUnavailable
from eventrail.kafka.admin import verify_topics
from eventrail.kafka.ending import end
from eventrail.kafka.records import producer
from eventrail.kafka.security import client_options, unreachable
from eventrail.settings import KafkaSettings

T = TypeVar("T")

_ANSWER_SECONDS: Final = 10.0
_CLOSE_SECONDS: Final = 2.0
_DOES_NOT_EXIST: Final = "does not exist; run: python -m eventrail topics create"


class Requests(Protocol):
    """Where erasures are asked for; `ErasureTopic` is the real one. Both raise KafkaUnavailable."""

    async def raw_ends(self) -> dict[int, int]: ...

    async def publish(self, erasure: Erasure) -> None: ...


class NoTopic:
    """Where there is no Kafka: nothing can be asked for."""

    async def raw_ends(self) -> dict[int, int]:
        raise KafkaUnavailable("this query API has no Kafka")

    async def publish(self, erasure: Erasure) -> None:
        raise KafkaUnavailable("this query API has no Kafka")


class ErasureTopic:
    """Connects when it is first used, and anew after an error; build it inside the event loop."""

    def __init__(self, kafka: KafkaSettings, answer_seconds: float = _ANSWER_SECONDS) -> None:
        self._kafka = kafka
        self._answer_seconds = answer_seconds
        self._connecting = asyncio.Lock()
        self._clients: tuple[AIOKafkaConsumer, AIOKafkaProducer] | None = None

    async def raw_ends(self) -> dict[int, int]:
        """By partition of the raw topic, where it ends now."""
        return await self._answered(self._ends())

    async def publish(self, erasure: Erasure) -> None:
        """Returns when all replicas have it (acks=all). Where this raises, it may be there all the same."""
        await self._answered(self._send(erasure))

    async def close(self) -> None:
        """Close the connections; a later call opens them again."""
        clients, self._clients = self._clients, None
        for client in clients or ():
            await end(client.stop(), _CLOSE_SECONDS)

    async def _answered(self, asking: Awaitable[T]) -> T:
        try:
            return await asyncio.wait_for(asking, self._answer_seconds)
        except (KafkaError, TimeoutError) as error:
            await self.close()
            raise KafkaUnavailable(f"Kafka does not answer: {type(error).__name__}") from error

    async def _ends(self) -> dict[int, int]:
        consumer, sender = await self._connected()
        # The consumer would have to subscribe to know them, and read.
        found = await sender.partitions_for(topics.RAW.name)
        ends = await consumer.end_offsets([TopicPartition(topics.RAW.name, number) for number in found])
        return {partition.partition: end_offset for partition, end_offset in ends.items()}

    async def _send(self, erasure: Erasure) -> None:
        _, sender = await self._connected()
        key, headers = erasure.website_id.encode(), erasure.headers()
        await sender.send_and_wait(topics.ERASURES.name, erasure.encoded(), key=key, headers=headers)

    async def _connected(self) -> tuple[AIOKafkaConsumer, AIOKafkaProducer]:
        async with self._connecting:
            if self._clients is None:
                self._clients = await self._connect()
            return self._clients

    async def _connect(self) -> tuple[AIOKafkaConsumer, AIOKafkaProducer]:
        consumer = AIOKafkaConsumer(**client_options(self._kafka), group_id=None, enable_auto_commit=False)
        sender = producer(self._kafka)
        try:
            await consumer.start()
            await sender.start()
            missing = {topics.RAW.name, topics.ERASURES.name} - await consumer.topics()
            if missing:
                raise KafkaUnavailable(f"topic {' and '.join(sorted(missing))} {_DOES_NOT_EXIST}")
            await verify_topics(self._kafka, [topics.ERASURES])
        except BaseException as error:
            for client in (sender, consumer):
                await end(client.stop(), _CLOSE_SECONDS)
            if isinstance(error, ConfigurationError):
                raise KafkaUnavailable(str(error)) from error
            if isinstance(error, KafkaError | OSError):
                raise await unreachable(self._kafka, error) from error
            raise
        return consumer, sender
