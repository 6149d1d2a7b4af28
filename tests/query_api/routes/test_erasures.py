"""Asking for erasures over HTTP: over doors that record, and over the real engine and broker."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition

from devstack.ports import free_addresses
from eventrail import metrics
from eventrail.clickhouse import connect
from eventrail.clock import ManualClock
from eventrail.contract import topics
from eventrail.contract.codec import rfc3339
from eventrail.erasures.request import Erasure, decoded
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.admin import create_topics
from eventrail.settings import KafkaSettings
from eventrail.websites import ListedWebsites, ServerKey, Website, keys
from query_api.app import create_app
from query_api.clickhouse import ClickHouse
from query_api.erasure_topic import ErasureTopic
from query_api.metrics import Metrics
from query_api.settings import QueryApiSettings
from tests.query_api.conftest import TODAY_MS, RecordedEngine
from writer.erasure_tables import ErasureTables
from writer.migrations import migrate
from writer.withholding import Erased

PATH = "/api/websites/shop/erasures"
WANTED = {"visitor_ids": ["v'1"], "event_ids": ["0190163D-8694-739B-AEA5-966C26F8AD90"]}


@dataclass
class RecordedTopic:
    """Acknowledges what is asked for, or raises `error`."""

    error: Exception | None = None
    published: list[Erasure] = field(default_factory=list)

    async def raw_ends(self) -> dict[int, int]:
        return {0: 7, 1: 0}

    async def publish(self, erasure: Erasure) -> None:
        if self.error is not None:
            raise self.error
        self.published.append(erasure)


@pytest.fixture
def topic() -> RecordedTopic:
    return RecordedTopic()


def application(engine: Any, topic: Any, websites: Any = None) -> httpx.AsyncClient:
    app = create_app(
        engine,
        ManualClock(unix_ms=TODAY_MS),
        QueryApiSettings(),
        Metrics(metrics.registry("query-api")),
        websites,
        erasure_topic=topic,
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://query-api")


@pytest_asyncio.fixture(loop_scope="session")
async def api(engine: RecordedEngine, topic: RecordedTopic) -> AsyncIterator[httpx.AsyncClient]:
    async with application(engine, topic) as client:
        yield client


async def test_202_after_the_broker_has_it(api: httpx.AsyncClient, topic: RecordedTopic) -> None:
    answer = await api.post(PATH, json=WANTED)
    assert answer.status_code == 202, answer.text
    data = answer.json()["data"]
    [published] = topic.published
    assert published == Erasure(
        UUID(data["erasure_id"]),
        "shop",
        TODAY_MS,
        TODAY_MS + 1000,
        ("v'1",),
        (UUID(WANTED["event_ids"][0]),),
        {0: 7, 1: 0},
    )
    assert (data["status"], data["visitor_ids"], data["event_ids"]) == ("requested", 1, 1)
    assert data["covers_until"] == rfc3339(TODAY_MS + 1000)
    places = {place["place"]: place["gone_by"] for place in data["places"]}
    assert places["answers"] is None
    assert places["topic_raw"] == rfc3339(TODAY_MS + 49 * 3_600_000 + 600_000)
    assert places["topic_rejected"] == rfc3339(TODAY_MS + 15 * 86_400_000 + 600_000)


async def test_what_was_just_asked_for_is_known_before_a_writer_has_read_it(
    api: httpx.AsyncClient, engine: RecordedEngine
) -> None:
    data = (await api.post(PATH, json=WANTED)).json()["data"]
    assert (await api.get(f"{PATH}/{data['erasure_id']}")).json()["data"] == data
    assert (await api.get(f"{PATH}/{uuid4()}")).status_code == 404
    other = f"/api/websites/other/erasures/{data['erasure_id']}"
    assert (await api.get(other)).status_code == 404


async def test_nothing_is_published_for_what_is_invalid(api: httpx.AsyncClient, topic: RecordedTopic) -> None:
    large = json.dumps({"visitor_ids": ["x" * 64] * 20_000})
    for path, body in ((PATH, "{}"), (f"{PATH}?x=1", json.dumps(WANTED))):
        answer = await api.post(path, content=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "validation_error")
    answer = await api.post(PATH, content=large)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "payload_too_large")
    assert (await api.post("/api/websites/a%20b/erasures", json=WANTED)).status_code == 400
    assert topic.published == []


async def test_kafka_away_is_a_503_that_says_when_to_try_again(
    api: httpx.AsyncClient, topic: RecordedTopic
) -> None:
    topic.error = KafkaUnavailable("Kafka does not answer: KafkaConnectionError")
    answer = await api.post(PATH, json=WANTED)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "Kafka does not answer" in answer.json()["error"]["message"]


async def test_the_key_needs_the_scope(engine: RecordedEngine, topic: RecordedTopic) -> None:
    made = {scope: keys.make(scope.ljust(32).encode()) for scope in ("erase", "read")}
    server_keys = tuple(
        ServerKey(id=scope, hash=keys.hash_of(key), scopes=frozenset({scope})) for scope, key in made.items()
    )
    shop = Website(id="shop", name="s", domains=("s.example",), server_keys=server_keys)
    websites = ListedWebsites([shop, Website(id="blog", name="b", domains=("b.example",))])

    async with application(engine, topic, websites) as api:

        async def status(website: str, authorization: str | None) -> int:
            headers = {"Authorization": authorization} if authorization else {}
            answer = await api.post(f"/api/websites/{website}/erasures", json=WANTED, headers=headers)
            return answer.status_code

        assert await status("shop", None) == 401
        assert await status("shop", "Bearer evk_wrong") == 401
        assert await status("shop", f"Basic {made['erase']}") == 401
        assert await status("shop", f"Bearer {made['read']}") == 403
        assert await status("blog", f"Bearer {made['erase']}") == 404
        assert await status("nobody", f"Bearer {made['erase']}") == 404
        assert topic.published == []
        assert await status("shop", f"bearer {made['erase']}") == 202
        for path in (PATH, f"{PATH}/{uuid4()}"):
            assert (await api.get(path)).status_code == 401


@pytest_asyncio.fixture(loop_scope="session")
async def database(clickhouse: str) -> AsyncIterator[str]:
    name = f"erasures_{uuid4().hex[:12]}"
    await asyncio.to_thread(migrate, f"{clickhouse}/{name}")
    yield f"{clickhouse}/{name}"
    server = connect(clickhouse)
    await asyncio.to_thread(server.execute, f"DROP DATABASE {name}")
    server.disconnect()


@pytest.mark.stack
async def test_reports_from_the_tables(database: str, topic: RecordedTopic) -> None:
    engine = ClickHouse(database, QueryApiSettings(), Metrics(metrics.registry("query-api")))
    tables = ErasureTables(database, timeout_seconds=30)
    async with application(engine, topic) as api:
        ids = [(await api.post(PATH, json=WANTED)).json()["data"]["erasure_id"] for _ in range(2)]
        tables.remember(topic.published, TODAY_MS + 5)
        erased = [Erased("shop", uuid4(), UUID(ids[0])) for _ in range(3)]
        tables.forget(erased)
        tables.forget(erased)
        tables.finish(topic.published[:1], TODAY_MS + 9)
        first = (await api.get(f"{PATH}/{ids[0].upper()}")).json()["data"]
        assert (first["status"], first["erased_events"], first["event_ids"]) == ("done", 3, 1)
        assert first["done_at"] == first["places"][0]["gone_by"] == rfc3339(TODAY_MS + 9)
        second = (await api.get(f"{PATH}/{ids[1]}")).json()["data"]
        assert (second["status"], second["erased_events"], second["done_at"]) == ("running", 0, None)
        listed = (await api.get(PATH)).json()["data"]
        assert sorted(report["erasure_id"] for report in listed) == sorted(ids)
        assert len((await api.get(f"{PATH}?limit=1&offset=1")).json()["data"]) == 1
        assert (await api.get("/api/websites/other/erasures")).json() == {"data": []}
        assert (await api.get(f"/api/websites/other/erasures/{ids[0]}")).status_code == 404
    tables.close()
    engine.close()


@pytest.mark.stack
async def test_the_request_stands_on_the_topic(kafka: str, engine: RecordedEngine) -> None:
    settings = KafkaSettings(kafka_bootstrap_servers=kafka)
    await create_topics(settings, topics.ALL)
    partition = TopicPartition(topics.ERASURES.name, 0)
    door = ErasureTopic(settings)
    async with (
        AIOKafkaConsumer(bootstrap_servers=kafka) as reader,
        application(engine, door) as api,
    ):
        reader.assign([partition])
        await reader.seek_to_end(partition)
        await reader.position(partition)
        raw = [TopicPartition(topics.RAW.name, number) for number in range(8)]
        ends = {found.partition: end for found, end in (await reader.end_offsets(raw)).items()}
        data = (await api.post(PATH, json=WANTED)).json()["data"]
        record = await reader.getone(partition)
        found = decoded(record.value)
        assert (str(found.erasure_id), found.raw_ends) == (data["erasure_id"], ends)
        assert record.key == b"shop"
        assert dict(record.headers)["ce_type"] == b"io.eventrail.erasure.requested.v1"
    await door.close()


async def test_without_a_broker_it_says_so_within_its_time(engine: RecordedEngine) -> None:
    nobody = str(free_addresses(random.Random()).kafka)
    door = ErasureTopic(KafkaSettings(kafka_bootstrap_servers=nobody), answer_seconds=5)
    async with application(engine, door) as api:
        answer = await api.post(PATH, json=WANTED)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "Kafka" in answer.json()["error"]["message"]
    await door.close()
