"""What the writer's tests share: events, records, and a database of their own."""

import asyncio
import inspect
import os
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition
from clickhouse_driver import Client
from prometheus_client.parser import text_string_to_metric_families

from devstack.ports import free_addresses
from devstack.process import Run, until_ready
from eventrail.clickhouse import connect
from eventrail.contract import topics
from eventrail.contract.codec import enriched_key
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, EventType
from eventrail.kafka.admin import admin, create_topics
from eventrail.kafka.records import producer
from eventrail.settings import KafkaSettings
from writer.migrations import migrate

RECEIVED_AT_MS = 1_794_000_000_123

Event = Callable[..., EnrichedEvent]
Query = Callable[..., list[Any]]
Post = Callable[..., Awaitable[None]]
Until = Callable[..., Awaitable[None]]
StartWriter = Callable[..., Awaitable["Writer"]]


@dataclass(frozen=True)
class Source:
    """A record as aiokafka would hand it out."""

    partition: int
    offset: int
    value: bytes | None
    key: bytes | None = None


@pytest.fixture
def website() -> str:
    """A website id that no other test uses."""
    return f"site-{uuid4().hex[:12]}"


@pytest.fixture
def event(website: str) -> Event:
    """Makes a valid event with an id of its own; keyword arguments replace fields."""
    numbers = count()

    def make(**fields: Any) -> EnrichedEvent:
        number = next(numbers)
        values: dict[str, Any] = {
            "website_id": website,
            "event_id": str(uuid4()),
            "event_type": EventType.EVENT_TYPE_CUSTOM,
            "event_name": "purchase",
            "timestamp_ms": RECEIVED_AT_MS - 1000,
            "received_at_ms": RECEIVED_AT_MS,
            "identity_day": 20_763,
            "event_data": f'{{"number":{number},"plan":"pro"}}',
            "visitor_id": "v1",
        }
        return EnrichedEvent(**(values | fields))

    return make


@pytest.fixture
def source() -> Callable[..., Source]:
    """Makes a record out of an event or of plain bytes; offsets count up."""
    offsets = count()

    def make(value: EnrichedEvent | bytes | None, partition: int = 0, key: bytes | None = None) -> Source:
        data = value.SerializeToString() if isinstance(value, EnrichedEvent) else value
        return Source(partition, next(offsets), data, key)

    return make


@pytest_asyncio.fixture
async def database(clickhouse: str) -> AsyncIterator[str]:
    """URL of a migrated database that only this test uses."""
    name = f"writer_test_{uuid4().hex[:12]}"
    url = f"{clickhouse}/{name}"
    await asyncio.to_thread(migrate, url)
    yield url
    server = connect(clickhouse)
    await asyncio.to_thread(server.execute, f"DROP DATABASE {name}")
    server.disconnect()


@pytest_asyncio.fixture
async def query(database: str) -> AsyncIterator[Query]:
    """Runs a query in the test's database; the answer is a list of rows."""
    client: Client = connect(database)

    def run(sql: str, parameters: dict[str, Any] | None = None) -> list[Any]:
        rows: list[Any] = client.execute(sql, parameters or {})
        return rows

    yield run
    client.disconnect()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def topics_made(kafka: str) -> str:
    """Bootstrap servers of a broker that has every topic."""
    await create_topics(KafkaSettings(kafka_bootstrap_servers=kafka), topics.ALL)
    return kafka


@pytest_asyncio.fixture
async def post(topics_made: str) -> AsyncIterator[Post]:
    """Puts events (or plain bytes as values) on the enriched topic and waits until the broker has them."""
    async with producer(topics_made) as sender:

        async def send(*values: EnrichedEvent | bytes) -> None:
            await asyncio.gather(*[await put(value) for value in values])

        async def put(value: EnrichedEvent | bytes) -> Any:
            if isinstance(value, bytes):
                return await sender.send(topics.ENRICHED.name, value, key=b"garbage")
            key = enriched_key(value)
            return await sender.send(topics.ENRICHED.name, value.SerializeToString(), key=key)

        yield send


@pytest.fixture
def until() -> Until:
    """Waits until a condition holds, and says which one did not within `seconds`."""

    async def wait(condition: Callable[[], bool], seconds: float = 40) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - the condition lies elsewhere
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(
                f"not within {seconds:g} s: {inspect.getsource(condition).strip()}"
            ) from None

    return wait


@pytest_asyncio.fixture
async def start_writer(topics_made: str, tmp_path: Path) -> AsyncIterator[StartWriter]:
    """Starts `python -m writer` with a group of its own (the same for all of one test); stops it at the end."""
    runs: list[Run] = []
    listen = free_addresses(random.Random()).writer
    group = f"writer-test-{uuid4().hex[:12]}"
    await _begin_at_the_end(topics_made, group)

    async def start(
        clickhouse_url: str,
        *,
        ready: bool = True,
        broker: str = topics_made,
        command: tuple[str, ...] = ("-m", "writer"),
        **settings: object,
    ) -> Writer:
        own = {"EVENTRAIL_WRITER_GROUP": group}
        own |= {f"EVENTRAIL_WRITER_{name.upper()}": str(value) for name, value in settings.items()}
        environment = {
            **os.environ,
            "EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS": broker,
            "EVENTRAIL_CLICKHOUSE_URL": clickhouse_url,
            "EVENTRAIL_WRITER_LISTEN": str(listen),
            "EVENTRAIL_WRITER_SESSION_TIMEOUT_SECONDS": "6",
            **own,
        }
        run = await Run.start((sys.executable, *command), tmp_path / "writer.log", environment)
        runs.append(run)
        writer = Writer(run, f"http://{settings.get('listen', listen)}", str(own["EVENTRAIL_WRITER_GROUP"]))
        if ready:
            await until_ready(writer.why_not_ready, 60)
        return writer

    yield start
    for run in runs:
        await run.kill()


async def _begin_at_the_end(bootstrap_servers: str, group: str) -> None:
    """Commit the ends of the partitions, so that the group does not read what other tests sent."""
    async with admin(bootstrap_servers) as client:
        [described] = await client.describe_topics([topics.ENRICHED.name])
    partitions = [TopicPartition(topics.ENRICHED.name, item["partition"]) for item in described["partitions"]]
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, group_id=group, enable_auto_commit=False)
    async with consumer:
        consumer.assign(partitions)
        await consumer.commit(await consumer.end_offsets(partitions))


@dataclass(frozen=True)
class Writer:
    """A running writer process."""

    run: Run
    url: str
    group: str

    async def checks(self) -> dict[str, str]:
        """The checks of `/readyz`; empty while nobody answers."""
        try:
            async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
                answer = await client.get(f"{self.url}/readyz")
        except httpx.HTTPError:
            return {}
        checks: dict[str, str] = answer.json()["checks"]
        return checks

    async def why_not_ready(self) -> str:
        """Empty when it is ready."""
        assert self.run.returncode is None, self.run.log_end()
        checks = await self.checks()
        return "" if set(checks.values()) == {"ok"} else str(checks or "no answer")

    async def metric(self, name: str, **labels: str) -> float:
        """Value of one metric; 0 when it is not there yet."""
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            text = (await client.get(f"{self.url}/metrics")).text
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return sample.value
        return 0.0
