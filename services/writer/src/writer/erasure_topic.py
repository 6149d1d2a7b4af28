"""The door to the topic of erasures: every writer reads all of it, from its beginning, in no group."""

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from eventrail.contract import topics
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.admin import verify_topics
from eventrail.kafka.security import client_options, unreachable
from eventrail.settings import KafkaSettings
from writer.consumer import close

T = TypeVar("T")

_PARTITION: Final = TopicPartition(topics.ERASURES.name, 0)
_POLL_MS: Final = 500
_ANSWER_SECONDS: Final = 15.0


class ErasureTopic:
    """Reads the topic in its order. Its methods raise KafkaUnavailable; the next call then connects anew.

    It has two connections: the broker answers what comes by one in its order, so that the question for the end would
    stand behind a read that waits for new records, up to half a second.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._reading, self._asking = _Client(kafka), _Client(kafka)

    async def read(self, position: int) -> tuple[list[bytes | None], int]:
        """Values from `position` on that there are by now (none after half a second), and where to go on.

        That is behind what was removed, and at the beginning of a topic that was created anew. One call at a time.
        """
        return await self._answer(self._read(position))

    async def end(self) -> int:
        """Behind its last record at this moment."""
        return await self._answer(self._end())

    async def close(self) -> None:
        """Close the connections; does nothing where there are none."""
        await self._reading.close()
        await self._asking.close()

    async def _answer(self, asking: Awaitable[T]) -> T:
        try:
            return await asyncio.wait_for(asking, _ANSWER_SECONDS)
        except (KafkaError, TimeoutError) as error:
            await self.close()
            raise KafkaUnavailable(f"{_PARTITION.topic} cannot be read: {error!r}") from error

    async def _read(self, position: int) -> tuple[list[bytes | None], int]:
        client = await self._reading.connected()
        if await client.position(_PARTITION) != position:
            client.seek(_PARTITION, position)
        found = (await client.getmany(_PARTITION, timeout_ms=_POLL_MS)).get(_PARTITION, [])
        return [record.value for record in found], int(await client.position(_PARTITION))

    async def _end(self) -> int:
        client = await self._asking.connected()
        return int((await client.end_offsets([_PARTITION]))[_PARTITION])


class _Client:
    """A consumer of the topic that connects when it is first needed."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._client: AIOKafkaConsumer | None = None
        self._connecting = asyncio.Lock()

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await close(client)

    async def connected(self) -> AIOKafkaConsumer:
        """Raises KafkaUnavailable, or KafkaError."""
        async with self._connecting:
            if self._client is None:
                self._client = await self._connect()
            return self._client

    async def _connect(self) -> AIOKafkaConsumer:
        made = AIOKafkaConsumer(
            **client_options(self._kafka),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        try:
            await made.start()
            if _PARTITION.topic not in await made.topics():
                raise KafkaUnavailable(
                    f"topic {_PARTITION.topic} does not exist; run: python -m eventrail topics create"
                )
            await verify_topics(self._kafka, [topics.ERASURES])
        except BaseException as error:
            await close(made)
            if isinstance(error, KafkaError | OSError):
                raise await unreachable(self._kafka, error) from error
            raise
        made.assign([_PARTITION])
        return made
