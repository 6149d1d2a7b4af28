"""A river of its own for each test: three topics, a database, and the offsets that enricher and writer would commit."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic
from prometheus_client import CollectorRegistry

from auditor.app import Parts, parts, work
from auditor.metrics import metrics
from auditor.settings import AuditorSettings
from auditor.sources import Names
from eventrail.clickhouse import connect
from eventrail.clock import SystemClock
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, EventType, RawPosition
from eventrail.contract.v1.raw_pb2 import RawEvent, RawEvents
from eventrail.contract.v1.rejected_pb2 import RejectedEvent
from eventrail.kafka.admin import admin
from eventrail.kafka.records import producer
from eventrail.lifecycle import unless
from eventrail.rows.events import row
from eventrail.rows.stored import STORED_COLUMNS, stored_columns
from eventrail.settings import KafkaSettings
from writer.migrations import migrate

PARTITIONS = 2
Outcomes = dict[str, int]


def raw_event(**fields: Any) -> RawEvent:
    """A valid event with an id of its own, accepted now."""
    now = SystemClock().now_ms()
    values: dict[str, Any] = {
        "website_id": "shop",
        "event_id": str(uuid4()),
        "event_type": EventType.EVENT_TYPE_CUSTOM,
        "event_name": "purchase",
        "timestamp_ms": now,
        "received_at_ms": now,
        "identity_day": now // 86_400_000,
    }
    return RawEvent(**(values | fields))


def enriched(event: RawEvent, partition: int, offset: int, index: int) -> EnrichedEvent:
    """What the enricher makes of it, as far as the ledger sees."""
    return EnrichedEvent(
        website_id=event.website_id,
        event_id=event.event_id,
        event_type=event.event_type,
        event_name=event.event_name,
        timestamp_ms=event.timestamp_ms,
        received_at_ms=event.received_at_ms,
        identity_day=event.identity_day,
        raw_position=RawPosition(partition=partition, offset=offset, index=index),
    )


@dataclass(frozen=True)
class Chunk:
    """A record of the raw topic."""

    partition: int
    offset: int
    events: list[RawEvent]

    def enriched(self) -> list[EnrichedEvent]:
        return [
            enriched(event, self.partition, self.offset, index) for index, event in enumerate(self.events)
        ]


@dataclass
class River:
    """Plays collector, enricher and writer by hand."""

    broker: str
    database: str
    sender: AIOKafkaProducer
    names: Names
    group: str
    client: Any
    ends: Counter[int] = field(default_factory=Counter)

    def settings(self, **more: Any) -> AuditorSettings:
        values: dict[str, Any] = {
            "group": f"{self.group}-auditor",
            "enricher_group": f"{self.group}-enricher",
            "writer_group": f"{self.group}-writer",
            "interval_seconds": 0.2,
            "settle_seconds": 0,
            "flush_seconds": 0.05,
            "retry_max_seconds": 0.3,
        }
        return AuditorSettings(**(values | more))

    async def accept(self, *events: RawEvent, partition: int = 0) -> Chunk:
        sent = await self.put_raw(RawEvents(events=events).SerializeToString(), partition)
        return Chunk(partition, sent, list(events))

    async def put_raw(self, value: bytes, partition: int = 0) -> int:
        """The offset."""
        sent = await self.sender.send_and_wait(self.names.raw, value, partition=partition)
        return int(sent.offset)

    async def enrich(self, chunk: Chunk) -> None:
        """Enriched records, and then the enricher's commit."""
        for event in chunk.enriched():
            await self.sender.send_and_wait(self.names.enriched, event.SerializeToString(), partition=0)
        await self.commit_enricher(chunk.partition, chunk.offset + 1)

    async def reject(self, event: RejectedEvent) -> None:
        await self.sender.send_and_wait(self.names.rejected, event.SerializeToString())

    async def commit_enricher(self, partition: int, offset: int) -> None:
        await self._commit(f"{self.group}-enricher", {TopicPartition(self.names.raw, partition): offset})

    async def commit_writer(self) -> None:
        """Up to the ends."""
        await self._commit(f"{self.group}-writer", None)

    async def _commit(self, group: str, offsets: dict[TopicPartition, int] | None) -> None:
        options = {"bootstrap_servers": self.broker, "group_id": group, "enable_auto_commit": False}
        async with AIOKafkaConsumer(**options) as consumer:
            wanted = [TopicPartition(self.names.enriched, number) for number in range(PARTITIONS)]
            consumer.assign(list(offsets or wanted))
            await consumer.commit(offsets or await consumer.end_offsets(wanted))

    def store(self, *chunks: Chunk) -> None:
        """Rows of all events of the chunks."""
        rows = [row(event, 0, 0) for chunk in chunks for event in chunk.enriched()]
        sql = f"INSERT INTO events ({', '.join(STORED_COLUMNS)}) VALUES"
        # Else the engine takes it for the same block sent again.
        self.client.execute(
            sql, stored_columns(rows), columnar=True, settings={"insert_deduplication_token": uuid4().hex}
        )

    async def carry(self, *chunks: Chunk) -> None:
        """All the way."""
        for chunk in chunks:
            await self.enrich(chunk)
        await asyncio.to_thread(self.store, *chunks)
        await self.commit_writer()

    def query(self, sql: str) -> list[Any]:
        found: list[Any] = self.client.execute(sql)
        return found

    def ledger(self) -> Outcomes:
        """Events of all minutes by "stage outcome", where there are any."""
        found = self.query(
            "SELECT stage, outcome, toInt64(sum(events)) FROM ledger_minutes FINAL GROUP BY ALL HAVING sum(events) > 0"
        )
        return {f"{stage} {outcome}": events for stage, outcome, events in found}

    async def make_topics(self) -> None:
        async with admin(self.broker) as client:
            await client.create_topics([NewTopic(name, PARTITIONS, 1) for name in self.names])

    async def delete_topics(self, *names: str) -> None:
        async with admin(self.broker) as client:
            await client.delete_topics(list(names))

    async def until_made(self) -> None:
        async with asyncio.timeout(20), admin(self.broker) as client:
            while True:
                described = await client.describe_topics(list(self.names))
                if all(len(item["partitions"]) == PARTITIONS for item in described):
                    return
                await asyncio.sleep(0.05)

    def parts(self, **settings: Any) -> Parts:
        kafka = KafkaSettings(kafka_bootstrap_servers=self.broker)
        catalogue = metrics(CollectorRegistry())
        made = self.settings(**settings)
        return parts(made, kafka, self.database, catalogue, SystemClock(), self.names)

    @asynccontextmanager
    async def audited(self, **settings: Any) -> AsyncIterator[Parts]:
        """An auditor for as long as the block lasts."""
        made = self.parts(**settings)
        stop = asyncio.Event()
        running = asyncio.create_task(unless(stop, work(made)))
        try:
            yield made
        finally:
            stop.set()
            await running
            made.reading.close()
            made.auditing.close()

    async def until(self, wanted: Outcomes, seconds: float = 30) -> None:
        """Wait until the ledger says exactly this."""
        await until(self.ledger, lambda found: found == wanted, seconds)


async def until(ask: Callable[[], Any], holds: Callable[[Any], bool], seconds: float = 30) -> None:
    found: Any = None
    try:
        async with asyncio.timeout(seconds):
            while True:
                found = await asyncio.to_thread(ask)
                if holds(found):
                    return
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not within {seconds:g} s; the last answer: {found}") from None


async def passes(made: Parts, more: int = 2) -> None:
    """Wait for so many whole passes from now on."""
    done = made.metrics.passes.labels("done")
    before = done._value.get()
    await until(done._value.get, lambda now: now >= before + more + 1)


@pytest_asyncio.fixture
async def river(kafka: str, clickhouse: str) -> AsyncIterator[River]:
    """Three new topics and a new database."""
    name = f"auditor_test_{uuid4().hex[:12]}"
    database = f"{clickhouse}/{name}"
    await asyncio.to_thread(migrate, database)
    client = connect(database)
    names = Names(*(f"{name}.{kind}" for kind in Names._fields))
    async with producer(kafka) as sender:
        made = River(kafka, database, sender, names, name, client)
        await made.make_topics()
        await made.until_made()
        yield made
    await made.delete_topics(*names)
    await asyncio.to_thread(client.execute, f"DROP DATABASE {name}")
    client.disconnect()


@pytest.fixture
def event() -> Callable[..., RawEvent]:
    return raw_event
