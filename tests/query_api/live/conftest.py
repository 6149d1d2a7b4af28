"""Events, a topic of one's own, and a query API that serves live streams over real HTTP."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from devstack.ports import free_addresses
from eventrail import metrics
from eventrail.clock import SystemClock
from eventrail.contract.codec import enriched_headers, enriched_key
from eventrail.contract.topics import Topic
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, EventType, RawPosition
from eventrail.health import serving
from eventrail.kafka.admin import create_topics
from eventrail.kafka.records import producer
from eventrail.settings import KafkaSettings
from query_api.app import create_app
from query_api.engine import Answer, Engine
from query_api.events_table import Statement
from query_api.live.hub import Live, Source
from query_api.live.ring import Entry, Ring
from query_api.live.source import EnrichedTopic
from query_api.live.suppressed import Suppressed
from query_api.metrics import Metrics
from query_api.settings import QueryApiSettings

RECEIVED_AT_MS = 1_793_980_800_000
PARTITIONS = 3

Event = Callable[..., EnrichedEvent]
Post = Callable[..., Awaitable[None]]
Serve = Callable[..., AbstractAsyncContextManager["Served"]]


class NothingStored:
    """An engine over empty tables; keeps the statements."""

    def __init__(self) -> None:
        self.statements: list[Statement] = []
        self.error: Exception | None = None

    async def answer(self, statement: Statement) -> Answer:
        self.statements.append(statement)
        if self.error is not None:
            raise self.error
        return Answer([])

    async def check(self) -> str:
        return "ok"


@pytest.fixture
def website() -> str:
    """A website id that no other test uses."""
    return f"site-{uuid4().hex[:12]}"


@pytest.fixture
def event(website: str) -> Event:
    """Makes a valid event with an id and a place on the raw topic of its own; keyword arguments replace fields."""
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
            "visitor_id": f"v{number}",
            "raw_position": RawPosition(partition=0, offset=number, index=0),
        }
        return EnrichedEvent(**(values | fields))

    return make


class Records:
    """A source that a test feeds."""

    def __init__(self, partitions: int = 1) -> None:
        self._partitions = partitions
        self.ring: Ring | None = None
        self.offsets = [0] * partitions

    async def run(self, ring: Ring) -> None:
        self.ring = ring
        ring.begin(dict.fromkeys(range(self._partitions), 0))
        ring.waiting = None
        ring.news.tell()
        await asyncio.Event().wait()

    def put(self, *events: EnrichedEvent, partition: int = 0) -> None:
        """The next records."""
        assert self.ring is not None
        for one in events:
            offset = self.offsets[partition]
            self.offsets[partition] += 1
            source = f"/websites/{one.website_id}".encode()
            self.ring.append(Entry(source, partition, offset, 1_000 + offset, one.SerializeToString()))
        self.ring.news.tell()


class Message(dict[str, str]):
    """One message of a stream: its fields by name."""

    @property
    def json(self) -> Any:
        return json.loads(self["data"])


class Stream:
    """An open stream, read message by message."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._chunks = response.aiter_text()
        self._buffer = ""

    async def message(self, seconds: float = 5) -> Message:
        """The next message or comment. Raises StopAsyncIteration at a clean end of the stream."""
        async with asyncio.timeout(seconds):
            while "\n\n" not in self._buffer:
                self._buffer += await anext(self._chunks)
        text, _, self._buffer = self._buffer.partition("\n\n")
        return Message(line.partition(": ")[::2] for line in text.split("\n"))

    async def of(self, kind: str) -> Message:
        """The next message of that event type."""
        while (found := await self.message()).get("event") != kind:
            pass
        return found

    async def begun(self) -> str:
        """The first id: from here on the client sees everything."""
        while "id" not in (found := await self.message()):
            pass
        return found["id"]

    async def numbers(self, most: int) -> list[int]:
        """`properties.number` of the next events."""
        return [(await self.of("event")).json["properties"]["number"] for _ in range(most)]


class Served:
    """A query API with live streams."""

    def __init__(self, client: httpx.AsyncClient, live: Live, catalogue: Metrics, website: str) -> None:
        self.client = client
        self.live = live
        self._catalogue = catalogue
        self.path = f"/api/websites/{website}/live"

    @asynccontextmanager
    async def stream(self, last_event_id: str | None = None, **query: str) -> AsyncIterator[Stream]:
        """An open stream of the test's website."""
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        async with self.client.stream("GET", self.path, params=query, headers=headers) as response:
            assert response.status_code == 200, await response.aread()
            yield Stream(response)

    async def get(self, **query: str) -> httpx.Response:
        """An answer that is no stream."""
        return await self.client.get(self.path, params=query)

    def metric(self, name: str, **labels: str) -> float:
        found = self._catalogue.registry.get_sample_value(f"eventrail_query_api_live_{name}", labels)
        return found or 0.0


@pytest.fixture
def serve(website: str) -> Serve:
    """Serves a query API over a source of records; keyword arguments are settings."""

    @asynccontextmanager
    async def served(
        source: Source,
        engine: Engine | None = None,
        suppressed: Suppressed | None = None,
        **settings: Any,
    ) -> AsyncIterator[Served]:
        address = free_addresses(random.Random()).query_api
        given = QueryApiSettings(**settings)
        catalogue = Metrics(metrics.registry("query-api"))
        asked = engine or NothingStored()
        clock = SystemClock()
        live = Live(source, asked, clock, given, catalogue.live, suppressed)
        app = create_app(asked, clock, given, catalogue, live=live)
        async with (
            serving(app, str(address)),
            live.until(asyncio.Event()),
            httpx.AsyncClient(base_url=address.url, timeout=30, trust_env=False) as client,
        ):
            yield Served(client, live, catalogue, website)

    return served


@pytest_asyncio.fixture
async def topic(kafka: str) -> str:
    """Name of a topic of its own."""
    made = Topic(f"live-{uuid4().hex[:12]}", "EnrichedEvent")
    await create_topics(KafkaSettings(kafka_bootstrap_servers=kafka, topic_partitions=PARTITIONS), [made])
    return made.name


@pytest.fixture
def source(kafka: str, topic: str) -> EnrichedTopic:
    return EnrichedTopic(kafka, topic)


@pytest_asyncio.fixture
async def post(kafka: str, topic: str) -> AsyncIterator[Post]:
    """Puts events (or plain bytes) on the topic and waits until the broker has them."""
    async with producer(kafka) as sender:

        async def send(*events: EnrichedEvent | bytes, partition: int | None = None) -> None:
            sent = [await put(one, partition) for one in events]
            await asyncio.gather(*sent)

        async def put(one: EnrichedEvent | bytes, partition: int | None) -> Any:
            if isinstance(one, bytes):
                return await sender.send(topic, one, partition=partition)
            return await sender.send(
                topic,
                one.SerializeToString(),
                key=enriched_key(one),
                headers=enriched_headers(one),
                partition=partition,
            )

        yield send


def numbers(events: Sequence[EnrichedEvent]) -> list[int]:
    """`number` of each."""
    return [json.loads(one.event_data)["number"] for one in events]
