"""The door to the topic of the spools: read from its first record on, without a consumer group."""

import asyncio
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from eventrail.contract.topics import SPOOLS
from eventrail.errors import KafkaUnavailable
from eventrail.spools.reports import Spools

_POLL_MS: Final = 500
STALL_SECONDS: Final = 10.0
"""How long the broker may send nothing, although there is more, before it counts as away."""


class SpoolsTopic:
    """Reads along with `consumer`, a started one without partitions that somebody else closes.

    `asking` is another one, where ends are to be told at once: a broker answers a connection in turn, and lets a fetch
    wait for more to come. Its methods raise KafkaUnavailable, also where the topic is not the one that was read
    before; then make a new one.
    """

    def __init__(
        self, consumer: AIOKafkaConsumer, asking: AIOKafkaConsumer | None = None, name: str = SPOOLS.name
    ) -> None:
        self._consumer = consumer
        self._asking = asking or consumer
        self._partition = TopicPartition(name, 0)
        self._begun = False
        self.spools = Spools()
        """What was read so far."""

    async def catch_up(self) -> int:
        """Ask where the topic ends, and read up to there; returns that end, the offset of the next record."""
        try:
            async with asyncio.timeout(STALL_SECONDS):
                end: int = (await self._asking.end_offsets([self._partition]))[self._partition]
                await self._begin()
            await self._read(end)
        except (KafkaError, OSError, TimeoutError) as error:
            raise KafkaUnavailable(f"{self._partition.topic}: could not be read: {error!r}") from error
        return end

    async def _begin(self) -> None:
        if not self._begun:
            begins = await self._asking.beginning_offsets([self._partition])
            self._consumer.assign([self._partition])
            self._consumer.seek(self._partition, begins[self._partition])
            self._begun = True

    async def _read(self, end: int) -> None:
        position = await self._consumer.position(self._partition)
        if position > end:
            raise KafkaUnavailable(f"{self._partition.topic} was created anew, it is read once more")
        while position < end:
            async with asyncio.timeout(STALL_SECONDS):
                position = await self._next(position)

    async def _next(self, position: int) -> int:
        """The next records; returns where it goes on, which is behind `position`."""
        now = position
        while now == position:
            for records in (await self._consumer.getmany(self._partition, timeout_ms=_POLL_MS)).values():
                for record in records:
                    self.spools.take(record.offset, record.key, record.value, record.timestamp)
            now = await self._consumer.position(self._partition)
        return now
