"""What can be seen of a run from outside: answers, topics, table. Asks the broker and the engine past the proxies."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from prometheus_client.parser import text_string_to_metric_families

from devstack.ports import Address as At
from enricher.chunk import RawRecord, process
from enricher.lookups.agents import AgentLookup
from enricher.lookups.visitor_ids import VisitorIds
from enricher.salts.agreement import agree
from enricher.salts.sealing import SaltSealer
from enricher.salts.topic import KafkaSaltLog
from enricher.sessions import Overlay
from enricher.world import MemorySessionStore, World
from eventrail.contract.codec import decode, decode_enriched, decode_raw
from eventrail.contract.topics import ENRICHED, ENRICHER_APP, RAW, REJECTED, WRITER_GROUP, Topic
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.contract.v1.rejected_pb2 import RejectedEvent
from eventrail.sealing import AddressOpener, parse_keys
from eventrail.settings import KafkaSettings
from tests.faults.matrix.stack import Stack

TOPICS = (RAW, ENRICHED, REJECTED)
PARTITIONS: int = KafkaSettings.model_fields["topic_partitions"].default

Place = tuple[int, int, int]
"""Of an event on the raw topic: partition, offset, index."""

Offsets = dict[TopicPartition, int]


@dataclass(frozen=True)
class Copy:
    """One record of the enriched topic."""

    event: EnrichedEvent
    partition: int
    offset: int

    @property
    def place(self) -> Place:
        raw = self.event.raw_position
        return raw.partition, raw.offset, raw.index


@dataclass
class Answers:
    """What the three endpoints of the spec say, by website and event name."""

    listed: Counter[tuple[str, str]] = field(default_factory=Counter)
    series: Counter[tuple[str, str]] = field(default_factory=Counter)
    ids: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    """Values of the property `id`, which each event of the load has as its own."""


@dataclass
class Topics:
    """The run's records on the three topics."""

    raw: dict[Place, tuple[str, str]] = field(default_factory=dict)
    """(website, event id) of each event on the raw topic."""
    enriched: list[Copy] = field(default_factory=list)
    rejected: list[RejectedEvent] = field(default_factory=list)
    alone: dict[Place, EnrichedEvent] = field(default_factory=dict)
    """What one enricher that is never disturbed makes of the raw topic."""


def _partitions(topic: Topic) -> list[TopicPartition]:
    return [TopicPartition(topic.name, number) for number in range(PARTITIONS)]


@asynccontextmanager
async def _consumer(kafka: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def ends(kafka: str) -> Offsets:
    """The end of each partition of the topics that a run looks at."""
    async with _consumer(kafka) as consumer:
        found: Offsets = await consumer.end_offsets([tp for topic in TOPICS for tp in _partitions(topic)])
        return found


async def read_topics(stack: Stack, begins: Offsets, websites: Sequence[str]) -> Topics:
    """All that stands on the topics from `begins` on and belongs to `websites` (rejections: all of them)."""
    seen = Topics()
    world = await _world(stack)
    states: dict[int, dict[bytes, bytes]] = {number: {} for number in range(PARTITIONS)}
    async with _consumer(stack.kafka) as consumer:
        until = await consumer.end_offsets(list(begins))
        for tp, begin in begins.items():
            async for record in _read(consumer, tp, begin, until[tp]):
                if tp.topic == RAW.name:
                    _raw(seen, record, set(websites), world, states[tp.partition])
                elif tp.topic == ENRICHED.name:
                    event = decode_enriched(record.value)
                    if event.website_id in websites:
                        seen.enriched.append(Copy(event, record.partition, record.offset))
                else:
                    seen.rejected.append(decode(RejectedEvent, record.value))
    return seen


async def _read(consumer: AIOKafkaConsumer, tp: TopicPartition, begin: int, end: int) -> AsyncIterator[Any]:
    if begin >= end:
        return
    consumer.assign([tp])
    consumer.seek(tp, begin)
    while await consumer.position(tp) < end:
        for records in (await consumer.getmany(tp, timeout_ms=500)).values():
            for record in records:
                if record.offset < end:
                    yield record


def _raw(seen: Topics, record: Any, websites: set[str], world: World, states: dict[bytes, bytes]) -> None:
    for index, event in enumerate(decode_raw(record.value)):
        if event.website_id in websites:
            seen.raw[record.partition, record.offset, index] = (event.website_id, event.event_id)
    raw = RawRecord(record.partition, record.offset, 0, record.key, record.value)
    outcome = process(raw, Overlay(states), world, time.time_ns() // 1_000_000)
    states.update(outcome.sessions.written)
    for enriched in outcome.enriched:
        copy = Copy(decode_enriched(enriched.value), 0, 0)
        if copy.event.website_id in websites:
            seen.alone[copy.place] = copy.event


class _Nowhere:
    database = ""

    def of(self, _packed: bytes) -> None:
        return None


class _Salts:
    def __init__(self, salts: dict[int, bytes]) -> None:
        self._salts = salts

    def visitors(self, utc_day: int) -> VisitorIds | None:
        salt = self._salts.get(utc_day)
        return None if salt is None else VisitorIds(salt)


async def _world(stack: Stack) -> World:
    def nobody() -> AIOKafkaProducer:
        raise AssertionError("the matrix makes no salts")

    log = KafkaSaltLog(stack.kafka, nobody)
    sealer = SaltSealer(parse_keys(stack.secrets["EVENTRAIL_SALT_KEYS"]))
    try:
        found = agree(await log.read(), sealer)
    finally:
        await log.stop()
    return World(
        addresses=AddressOpener(parse_keys(stack.secrets["EVENTRAIL_ADDRESS_KEYS"])),
        salts=_Salts(dict(found.salts)),
        geo=_Nowhere(),
        agents=_AGENTS,
        sessions=MemorySessionStore(),
    )


_AGENTS = AgentLookup()


async def ask(stack: Stack, websites: Sequence[str]) -> Answers:
    """Ask all three endpoints about each website. Raises httpx.HTTPError where an answer is not 200."""
    answers = Answers()
    base = stack.address(stack.asked).url
    async with httpx.AsyncClient(base_url=base, timeout=30, trust_env=False) as client:
        for website in websites:
            await _ask_website(client, website, _period(stack), answers)
    return answers


async def listed(stack: Stack, websites: Sequence[str]) -> Counter[tuple[str, str]] | None:
    """Counts of the list endpoint alone; None where there is no answer of 200."""
    counts: Counter[tuple[str, str]] = Counter()
    base = stack.address(stack.asked).url
    try:
        async with httpx.AsyncClient(base_url=base, timeout=5, trust_env=False) as client:
            for website in websites:
                counts.update(await _list(client, website, _period(stack)))
    except httpx.HTTPError:
        return None
    return counts


def _period(stack: Stack) -> dict[str, str]:
    """Days around the services' today; a clock that jumps may put an event a day off."""
    today = datetime.fromtimestamp(stack.now_ms() / 1000, UTC).date()
    return {"start_date": str(today - timedelta(3)), "end_date": str(today + timedelta(3))}


async def _list(client: httpx.AsyncClient, website: str, period: dict[str, str]) -> Counter[tuple[str, str]]:
    data = await _get(client, website, "", **period)
    return Counter({(website, row["event_name"]): row["count"] for row in data})


async def _ask_website(
    client: httpx.AsyncClient, website: str, period: dict[str, str], answers: Answers
) -> None:
    answers.listed.update(await _list(client, website, period))
    for _, name in [key for key in answers.listed if key[0] == website]:
        properties = await _get(client, website, "/properties", event_name=name, **period)
        values: list[dict[str, Any]] = next(
            (row["values"] for row in properties if row["property_key"] == "id"), []
        )
        answers.ids[website, name] = Counter({value["value"]: value["count"] for value in values})
        series = await _get(client, website, "/timeseries", event_name=name, granularity="day", **period)
        answers.series[website, name] = sum(point["count"] for point in series["series"])


async def _get(client: httpx.AsyncClient, website: str, what: str, **parameters: str) -> Any:
    answer = await client.get(f"/api/websites/{website}/events{what}", params=parameters)
    answer.raise_for_status()
    return answer.json()["data"]


async def ledger(stack: Stack) -> dict[str, Any]:
    """What the ledger says of two hours before and after now. Raises httpx.HTTPError."""
    now = datetime.fromtimestamp(stack.now_ms() / 1000, UTC)
    hours = timedelta(hours=2)
    period = {"start": (now - hours).isoformat(), "end": (now + hours).isoformat()}
    async with httpx.AsyncClient(
        base_url=stack.address(stack.asked).url, timeout=10, trust_env=False
    ) as client:
        answer = await client.get("/api/pipeline/ledger", params=period)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()["data"]
        return found


async def visible(stack: Stack, websites: Sequence[str]) -> set[str]:
    """Ids that the table holds now. Raises what the driver raises while the engine is away."""
    sql = "SELECT DISTINCT toString(event_id) FROM events WHERE website_id IN %(websites)s"
    rows = await asyncio.to_thread(stack.rows, sql, websites=tuple(websites))
    return {str(row[0]) for row in rows}


async def stored(stack: Stack, websites: Sequence[str]) -> tuple[Counter[str], int]:
    """How often each id is in the table as it is read, and how many rows there are before copies are merged."""
    where = "website_id IN %(websites)s"
    once = f"SELECT toString(event_id), count() FROM events FINAL WHERE {where} GROUP BY 1"
    every = f"SELECT count() FROM events WHERE {where}"
    rows = await asyncio.to_thread(stack.rows, once, websites=tuple(websites))
    count = await asyncio.to_thread(stack.rows, every, websites=tuple(websites))
    found: Counter[str] = Counter()
    for event_id, number in rows:
        found[str(event_id)] += int(str(number))
    return found, int(str(count[0][0]))


async def drained(stack: Stack) -> bool:
    """Whether the enricher's and the writer's group have committed all that stands on their topics."""
    client = AIOKafkaAdminClient(bootstrap_servers=stack.kafka)
    await client.start()
    try:
        groups = {
            RAW.name: await client.list_consumer_group_offsets(ENRICHER_APP),
            ENRICHED.name: await client.list_consumer_group_offsets(WRITER_GROUP),
        }
    except KafkaError:
        return False
    finally:
        await client.close()
    end = await ends(stack.kafka)
    return all(
        end[tp] == 0 or ((found := groups[tp.topic].get(tp)) is not None and found.offset >= end[tp])
        for tp in end
        if tp.topic in groups
    )


async def metric(address: At, name: str) -> float:
    """The sum of a metric over its labels. Raises httpx.HTTPError."""
    async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
        text = (await client.get(f"{address.url}/metrics")).text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    )
