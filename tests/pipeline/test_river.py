"""From an HTTP request to a queryable row, through broker, Faust worker and engine."""

import asyncio
import random
import time
import uuid
from ipaddress import ip_address

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from eventrail.contract.topics import ENRICHED, RAW, REJECTED
from eventrail.contract.v1.enriched_pb2 import EventType
from eventrail.contract.v1.raw_pb2 import RawEvent, RawEvents
from eventrail.contract.v1.rejected_pb2 import RejectedEvent, RejectionReason, Stage
from eventrail.kafka.records import Record, producer, send
from tests.pipeline.river import River, until

pytestmark = pytest.mark.stack


def event(website: str, name: str = "purchase", **fields: object) -> dict[str, object]:
    return {"website_id": website, "event_type": "custom", "event_name": name, **fields}


async def test_one_event_shows_in_all_three_answers_within_6_seconds(river: River, website: str) -> None:
    started = time.monotonic()
    answer = await river.post(event(website, event_data='{"plan":"pro"}'))
    assert answer.status_code == 202

    async def all_three() -> tuple[object, ...]:
        names = await river.counts(website)
        properties = await river.properties(website, "purchase")
        series = await river.ask(website, "timeseries", event_name="purchase")
        return names, properties, sum(point["count"] for point in series["series"])

    pro = [{"property_key": "plan", "values": [{"value": "pro", "count": 1}]}]
    await until(all_three, ({"purchase": 1}, pro, 1).__eq__)
    assert time.monotonic() - started < 6.0


async def test_10_000_events_in_batches_are_counted_as_exactly_10_000(river: River, website: str) -> None:
    def batch(number: int) -> list[dict[str, object]]:
        return [
            event(website, f"name_{n % 7}", event_data=f'{{"batch":{number},"n":{n}}}') for n in range(50)
        ]

    gate = asyncio.Semaphore(8)

    async def post(number: int) -> int:
        async with gate:
            answer = await river.post(batch(number))
        assert answer.status_code == 202, answer.text
        return int(answer.json()["accepted"])

    assert sum(await asyncio.gather(*(post(n) for n in range(200)))) == 10_000
    await until(lambda: river.counts(website), lambda counts: sum(counts.values()) >= 10_000, 60)
    assert sum((await river.counts(website)).values()) == 10_000


async def test_facts_of_the_client_are_stored(river: River, website: str) -> None:
    chrome = (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/142.0.0.0 Safari/537.36"
    )
    body = event(
        website,
        url="https://shop.example/p?utm_source=news+letter&utm_medium=email&utm_campaign=b%C3%A4r",
        referrer="https://www.search.example/q?x=1#top",
    )
    for _ in range(2):
        answer = await river.collector.post("/e", json=body, headers={"User-Agent": chrome})
        assert answer.status_code == 202
    await until(lambda: river.counts(website), {"purchase": 2}.__eq__)
    columns = (
        "browser, os, device_type, referrer_domain, referrer_url, utm_source, utm_medium, utm_campaign, host, path, "
        "length(visitor_id)"
    )
    rows = river.rows(f"SELECT DISTINCT {columns} FROM events FINAL WHERE website_id = %(w)s", w=website)
    assert rows == [
        (
            "Chrome",
            "Windows",
            "desktop",
            "search.example",
            "https://www.search.example/q?x=1",
            "news letter",
            "email",
            "bär",
            "shop.example",
            "/p",
            32,
        )
    ]
    sessions = river.rows(
        "SELECT uniqExact(session_id), uniqExact(visitor_id), min(session_id) != toUUID('"
        + str(uuid.UUID(int=0))
        + "') FROM events FINAL WHERE website_id = %(w)s",
        w=website,
    )
    assert sessions == [(1, 1, 1)]


def raw_event(river: River, website: str, address: str) -> RawEvent:
    now = time.time_ns() // 1_000_000
    return RawEvent(
        website_id=website,
        event_id=str(uuid.uuid4()),
        event_type=EventType.EVENT_TYPE_CUSTOM,
        event_name="placed",
        timestamp_ms=now,
        received_at_ms=now,
        identity_day=now // 86_400_000,
        client_address=river.sealer.seal(ip_address(address)),
        user_agent="test",
    )


async def test_a_configured_geoip_database_gives_the_place(river: River, website: str) -> None:
    chunk = RawEvents(events=[raw_event(river, website, a) for a in ("2.125.160.216", "198.51.100.1")])
    async with producer(river.kafka) as sender:
        await send(sender, RAW.name, 0, [Record(chunk.SerializeToString())])
    await until(lambda: river.counts(website), {"placed": 2}.__eq__)
    rows = river.rows(
        "SELECT country, region, city FROM events FINAL WHERE website_id = %(w)s ORDER BY country",
        w=website,
    )
    assert rows == [("", "", ""), ("GB", "England", "Boxford")]


async def ends(river: River, topic: str) -> dict[int, int]:
    """End offset by partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=river.kafka)
    await consumer.start()
    try:
        partitions = [
            TopicPartition(topic, n)
            for n in consumer.partitions_for_topic(topic) or await _known(consumer, topic)
        ]
        return {tp.partition: offset for tp, offset in (await consumer.end_offsets(partitions)).items()}
    finally:
        await consumer.stop()


async def _known(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    # The metadata of a topic comes with the first question about it.
    await consumer._client.add_topic(topic)
    return set(consumer.partitions_for_topic(topic))


GOOD = {"website_id": "bad-input", "event_type": "custom", "event_name": "x"}
BAD_BODIES: list[tuple[str, object, int]] = [
    ("malformed", b'{"website_id":', 400),
    ("empty body", b"", 400),
    ("no object", b'"text"', 400),
    ("not UTF-8", b'{"website_id":"\xff"}', 400),
    ("wrong type of name", {**GOOD, "event_name": 5}, 400),
    ("missing name", {"website_id": "bad-input", "event_type": "custom"}, 400),
    ("blank name", {**GOOD, "event_name": " \u3000"}, 400),
    ("name of 256", {**GOOD, "event_name": "x" * 256}, 400),
    ("missing website", {"event_type": "custom", "event_name": "x"}, 400),
    ("bad website", {**GOOD, "website_id": "a/b"}, 400),
    ("unknown event type", {**GOOD, "event_type": "other"}, 400),
    ("event_data no JSON", {**GOOD, "event_data": "{"}, 400),
    ("event_data no object", {**GOOD, "event_data": "[1]"}, 400),
    ("event_data too large", {**GOOD, "event_data": '{"a":"' + "x" * 4096 + '"}'}, 400),
    ("empty array", [], 400),
    ("51 events", [GOOD] * 51, 400),
    ("array of numbers", [1, 2], 400),
    ("body too large", b" " * 102_401, 413),
]


@pytest.mark.parametrize(("name", "body", "status"), BAD_BODIES, ids=[name for name, _, _ in BAD_BODIES])
async def test_bad_input_is_refused_and_nothing_published(
    river: River, name: str, body: object, status: int
) -> None:
    before = await ends(river, RAW.name)
    answer = await river.post(body)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert {"code", "message", "field"} <= error.keys()
    assert len(error["message"]) > 10
    assert await ends(river, RAW.name) == before


async def rejected_after(river: River, start: dict[int, int], original: bytes) -> RejectedEvent:
    consumer = AIOKafkaConsumer(bootstrap_servers=river.kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(REJECTED.name, n) for n in start])
        for partition, offset in start.items():
            consumer.seek(TopicPartition(REJECTED.name, partition), offset)
        async with asyncio.timeout(30):
            async for record in consumer:
                found = RejectedEvent.FromString(record.value)
                if found.original == original:
                    return found
    finally:
        await consumer.stop()
    raise AssertionError("unreachable")


@pytest.mark.parametrize(
    ("topic", "stage"), [(RAW.name, Stage.STAGE_ENRICHER), (ENRICHED.name, Stage.STAGE_WRITER)]
)
async def test_garbage_on_a_topic_is_put_aside_and_the_stream_goes_on(
    river: River, website: str, topic: str, stage: Stage.ValueType
) -> None:
    garbage = b"\xff no message " + random.randbytes(8)
    start = await ends(river, REJECTED.name)
    async with producer(river.kafka) as sender:
        for partition in await ends(river, topic):
            await send(sender, topic, partition, [Record(garbage)])
    found = await rejected_after(river, start, garbage)
    assert (found.stage, found.reason) == (stage, RejectionReason.REJECTION_REASON_UNDECODABLE)
    assert found.source_topic == topic
    assert (await river.post([event(website)] * 20)).status_code == 202
    await until(lambda: river.counts(website), {"purchase": 20}.__eq__)


async def test_status_names_all_seven_and_each_answers(river: River) -> None:
    programs = {row["name"]: row for row in river.status()}
    assert list(programs) == [
        "kafka",
        "clickhouse",
        "collector",
        "enricher",
        "writer",
        "query-api",
        "auditor",
    ]
    assert all(row["ready"] and row["pid"] > 0 and ":" in row["address"] for row in programs.values())
    async with httpx.AsyncClient() as client:
        for name in ("collector", "enricher", "writer", "query-api", "auditor"):
            address = programs[name]["address"]
            assert (await client.get(f"http://{address}/livez")).status_code == 200
            assert (await client.get(f"http://{address}/readyz")).status_code == 200
            assert (
                f'eventrail_build_info{{service="{name}"'
                in (await client.get(f"http://{address}/metrics")).text
            )
