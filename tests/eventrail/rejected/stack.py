"""What a stack test of rejected events holds in its hands."""

import asyncio
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from clickhouse_driver import Client

from eventrail.contract import topics
from eventrail.contract.codec import enriched_key
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.contract.v1.raw_pb2 import RawEvent, RawEvents
from eventrail.rejected.entry import Entry
from eventrail.rejected.topic import rejected_topic
from eventrail.settings import KafkaSettings
from tests.enricher.worker_process import PARTITIONS


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Stack:
    """An enricher and a writer that run between the broker and the database."""

    kafka: str
    url: str
    sender: AIOKafkaProducer
    client: Client

    @property
    def settings(self) -> KafkaSettings:
        return KafkaSettings(kafka_bootstrap_servers=self.kafka)

    @property
    def environment(self) -> dict[str, str]:
        return {"EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS": self.kafka, "EVENTRAIL_CLICKHOUSE_URL": self.url}

    async def collected(self, *events: RawEvent | bytes, partition: int = 3) -> None:
        """Put each event on the raw topic, as a chunk of its own; bytes as they are."""
        for event in events:
            value = event if isinstance(event, bytes) else RawEvents(events=[event]).SerializeToString()
            await self.sender.send_and_wait(topics.RAW.name, value, partition=partition)

    async def enriched(self, *events: EnrichedEvent | bytes) -> None:
        """Put each event on the enriched topic; bytes as they are."""
        for event in events:
            if isinstance(event, bytes):
                await self.sender.send_and_wait(topics.ENRICHED.name, event, key=b"garbage")
            else:
                key, value = enriched_key(event), event.SerializeToString()
                await self.sender.send_and_wait(topics.ENRICHED.name, value, key=key)

    def rows(self, sql: str, **parameters: object) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self.client.execute(sql, parameters)
        return found

    def stored(self, website: str) -> list[str]:
        """The id of each event of a website, as often as the answers count it."""
        found = self.rows(
            "SELECT toString(event_id) FROM events FINAL WHERE website_id = %(website)s", website=website
        )
        return sorted(event_id for (event_id,) in found)

    def audit(self, website: str) -> list[tuple[Any, ...]]:
        """Outcome and address of each row of the audit, in the order of their times."""
        return self.rows(
            "SELECT outcome, concat(toString(rejected_partition), ':', toString(rejected_offset))"
            " FROM rejected_replays WHERE website_id = %(website)s ORDER BY at, outcome",
            website=website,
        )

    async def ends(self) -> dict[str, int]:
        """How many records the topics of events have had, by name."""
        async with AIOKafkaConsumer(bootstrap_servers=self.kafka) as consumer:
            found = {}
            for topic in (topics.RAW, topics.ENRICHED, topics.REJECTED):
                tps = [TopicPartition(topic.name, number) for number in range(PARTITIONS)]
                found[topic.name] = sum((await consumer.end_offsets(tps)).values())
            return found

    async def entries(self, website: str) -> list[Entry]:
        """What was rejected of a website (of none for ""), in the order of the rejection."""
        found: list[Entry] = []
        async with rejected_topic(self.settings) as reading:
            for partition, span in (await reading.spans()).items():
                found += [entry async for entry in reading.read(partition, span)]
        mine = [entry for entry in found if entry.event and entry.event.website_id == website]
        return sorted(mine, key=lambda entry: (entry.at_ms, entry.address))

    async def rejected(self, website: str, count: int) -> list[str]:
        """Addresses of what was rejected of a website, once there are so many."""
        async with asyncio.timeout(40):
            while len(found := await self.entries(website)) < count:  # noqa: ASYNC110 - it lies elsewhere
                await asyncio.sleep(0.1)
        assert len(found) == count
        return [str(entry.address) for entry in found]

    async def until_stored(self, website: str, count: int) -> None:
        async with asyncio.timeout(40):
            while len(await asyncio.to_thread(self.stored, website)) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
