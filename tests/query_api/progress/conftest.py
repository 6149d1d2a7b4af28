"""A river of its own on the real broker: its topics, and the offsets that enricher and writer would commit."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewPartitions, NewTopic
from prometheus_client import CollectorRegistry

from eventrail.clock import SystemClock
from eventrail.contract.v1.raw_pb2 import RawEvent, RawEvents
from eventrail.kafka.admin import admin
from eventrail.kafka.records import producer
from eventrail.settings import KafkaSettings
from query_api.metrics import Metrics
from query_api.progress.kafka import Sources, surveyor
from query_api.progress.survey import Survey
from query_api.progress.tracked import TrackedProgress
from query_api.progress.watching import watching

PARTITIONS = 2


@dataclass
class Brook:
    """Plays collector, enricher and writer by hand."""

    broker: str
    sources: Sources
    sender: AIOKafkaProducer

    @property
    def settings(self) -> KafkaSettings:
        return KafkaSettings(kafka_bootstrap_servers=self.broker)

    async def accept(self, partition: int = 0, clock_off_ms: int = 0) -> dict[int, int]:
        """One event on the raw topic, of a collector whose clock is wrong; what a token would say of it."""
        at_ms = SystemClock().now_ms() + clock_off_ms
        event = RawEvent(website_id="shop", received_at_ms=at_ms, timestamp_ms=at_ms)
        value = RawEvents(events=[event]).SerializeToString()
        sent = await self.sender.send_and_wait(self.sources.raw, value, partition=partition)
        return {partition: sent.offset}

    async def enrich(self, offsets: dict[int, int], partition: int = 0) -> None:
        """A record on the enriched topic, and then the enricher's commit."""
        await self.sender.send_and_wait(self.sources.enriched, b"enriched", partition=partition)
        at = {TopicPartition(self.sources.raw, raw): offset + 1 for raw, offset in offsets.items()}
        await self.commit(self.sources.enricher_group, at)

    async def write(self) -> None:
        """The writer's commit up to where the enriched topic ends."""
        async with AIOKafkaConsumer(bootstrap_servers=self.broker) as asking:
            wanted = [TopicPartition(self.sources.enriched, at) for at in range(PARTITIONS)]
            ends = await asking.end_offsets(wanted)
        await self.commit(self.sources.writer_group, {at: end for at, end in ends.items() if end})

    async def commit(self, group: str, offsets: dict[TopicPartition, int]) -> None:
        options = {"bootstrap_servers": self.broker, "group_id": group, "enable_auto_commit": False}
        async with AIOKafkaConsumer(**options) as member:
            member.assign(list(offsets))
            await member.commit(offsets)

    async def add_partition(self, topic: str) -> None:
        async with admin(self.broker) as client:
            await client.create_partitions({topic: NewPartitions(PARTITIONS + 1)})
        await self.until_there({topic: PARTITIONS + 1})
        await self.sender.client.force_metadata_update()

    async def make(self, *topics: str) -> None:
        async with admin(self.broker) as client:
            await client.create_topics([NewTopic(name, PARTITIONS, 1) for name in topics])
        await self.until_there(dict.fromkeys(topics, PARTITIONS))

    async def delete(self, *topics: str) -> None:
        async with admin(self.broker) as client:
            await client.delete_topics(list(topics))

    async def until_there(self, counts: dict[str, int]) -> None:
        async with asyncio.timeout(20), admin(self.broker) as client:
            while True:
                described = await client.describe_topics(list(counts))
                if {item["topic"]: len(item["partitions"]) for item in described} == counts:
                    return
                await asyncio.sleep(0.05)

    def watched(self, progress: TrackedProgress) -> AbstractAsyncContextManager[None]:
        """Surveys for as long as the block lasts."""
        return watching(
            progress,
            lambda: surveyor(self.settings, self.sources, SystemClock()),
            0.05,
            Metrics(CollectorRegistry()),
        )


async def surveys(progress: TrackedProgress, more: int = 3) -> None:
    """Wait for so many whole surveys from now on."""
    for _ in range(more + 1):
        await until(partial(_another_than, progress.lag().survey, progress))


def _another_than(before: Survey | None, progress: TrackedProgress) -> bool:
    return progress.lag().survey is not before


async def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait until `condition` holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - plain values
            await asyncio.sleep(0.02)


@pytest_asyncio.fixture
async def brook(kafka: str) -> AsyncIterator[Brook]:
    """Three new topics, groups without commits, and no spool."""
    name = f"progress-{uuid4().hex[:12]}"
    sources = Sources(
        f"{name}.raw", f"{name}.enriched", f"{name}.spools", f"{name}-enricher", f"{name}-writer"
    )
    async with producer(kafka) as sender:
        made = Brook(kafka, sources, sender)
        await made.make(sources.raw, sources.enriched, sources.spools)
        yield made
    await made.delete(sources.raw, sources.enriched, sources.spools)
