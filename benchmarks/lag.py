"""How far the river is behind: what lies on its topics and is not committed yet."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer

from eventrail.contract import topics
from eventrail.kafka.admin import admin
from eventrail.kafka.offsets import close, connected_consumer, partitions
from eventrail.settings import KafkaSettings

STAGES = ((topics.RAW.name, topics.ENRICHER_APP), (topics.ENRICHED.name, topics.WRITER_GROUP))


@dataclass(frozen=True)
class Sample:
    """At `at` (monotonic seconds): for each topic the records on it and those that its group has committed."""

    at: float
    ends: dict[str, int]
    committed: dict[str, int]

    @property
    def waiting(self) -> int:
        """Records that are not committed yet, on both topics."""
        return sum(self.ends[topic] - self.committed[topic] for topic in self.ends)


@dataclass
class Lag:
    """Asks the broker; `watch` collects samples until it is cancelled."""

    _clients: dict[str, AIOKafkaConsumer]
    _partitions: dict[str, list[object]]
    samples: list[Sample] = field(default_factory=list)

    async def sample(self) -> Sample:
        ends, committed = {}, {}
        for topic, client in self._clients.items():
            mine = self._partitions[topic]
            ends[topic] = sum((await client.end_offsets(mine)).values())
            committed[topic] = sum([await client.committed(one) or 0 for one in mine])
        return Sample(time.monotonic(), ends, committed)

    async def watch(self, every_seconds: float = 1.0) -> None:
        while True:
            self.samples.append(await self.sample())
            await asyncio.sleep(every_seconds)

    async def drained(self, limit_seconds: float) -> float:
        """Wait until nothing is waiting; the moment (monotonic seconds) of that. Raises TimeoutError."""
        async with asyncio.timeout(limit_seconds):
            while (found := await self.sample()).waiting:  # noqa: ASYNC110 - the broker does not call
                await asyncio.sleep(0.05)
        return found.at


def seconds_behind(samples: list[Sample]) -> list[float]:
    """For each sample but the first: how long each topic's lag took to come in, the sum over both topics."""
    first = samples[0]
    found = []
    for sample in samples[1:]:
        passed = sample.at - first.at
        behind = 0.0
        for topic, end in sample.ends.items():
            rate = (end - first.ends[topic]) / passed
            behind += (end - sample.committed[topic]) / rate if rate else 0.0
        found.append(behind)
    return found


@asynccontextmanager
async def measuring(bootstrap_servers: str) -> AsyncIterator[Lag]:
    """Connections as somebody who is no member of the groups. Raises KafkaUnavailable."""
    kafka = KafkaSettings(kafka_bootstrap_servers=bootstrap_servers)
    async with admin(kafka) as client:
        found = await partitions(client, [topic for topic, _ in STAGES])
    clients = {topic: await connected_consumer(kafka, group) for topic, group in STAGES}
    try:
        yield Lag(clients, {topic: list(of) for topic, of in found.items()})
    finally:
        for client in clients.values():
            await close(client)
