"""The batch API against the real broker: order, offsets, headers, sizes."""

import uuid

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from eventrail.errors import KafkaUnavailable
from eventrail.kafka.records import MAX_BATCH_BYTES, Record, RecordTooLarge, pack, producer, send

pytestmark = pytest.mark.stack


@pytest.fixture
async def topic(kafka: str) -> str:
    name = f"records-{uuid.uuid4()}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, 2, 1)])
    await admin.close()
    return name


async def read(kafka: str, topic: str, partition: int, count: int) -> list[object]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, partition)])
        return [await consumer.getone() for _ in range(count)]
    finally:
        await consumer.stop()


async def test_records_arrive_in_order_with_key_headers_and_time(kafka: str, topic: str) -> None:
    async with producer(kafka) as sender:
        records = [
            Record(str(n).encode(), key=b"k", headers=[("h", b"v")], timestamp_ms=1_000 + n)
            for n in range(500)
        ]
        (done,) = await send(sender, topic, 1, records)
    found = await read(kafka, topic, 1, 500)
    assert (done.partition, done.offset, done.count) == (1, 0, 500)
    assert [r.value for r in found] == [r.value for r in records]  # type: ignore[attr-defined]
    last = found[-1]
    assert (last.key, last.headers, last.timestamp) == (b"k", (("h", b"v"),), 1_499)  # type: ignore[attr-defined]


async def test_more_than_a_batch_holds_is_sent_in_several(kafka: str, topic: str) -> None:
    async with producer(kafka) as sender:
        done = await send(sender, topic, 0, [Record(b"x" * 300_000) for _ in range(10)])
    assert len(done) > 1
    assert sum(batch.count for batch in done) == 10
    assert [batch.offset for batch in done] == [sum(b.count for b in done[:n]) for n in range(len(done))]


async def test_a_record_larger_than_a_batch_is_refused_before_anything_is_sent(
    kafka: str, topic: str
) -> None:
    async with producer(kafka) as sender:
        with pytest.raises(RecordTooLarge) as caught:
            await send(sender, topic, 0, [Record(b"a"), Record(b"x" * (MAX_BATCH_BYTES + 1))])
        (done,) = await send(sender, topic, 0, [Record(b"b")])
    assert caught.value.index == 1
    assert done.offset == 0


async def test_a_tombstone_has_no_value(kafka: str, topic: str) -> None:
    async with producer(kafka) as sender:
        await send(sender, topic, 0, [Record(None, key=b"gone")])
    (found,) = await read(kafka, topic, 0, 1)
    assert found.value is None  # type: ignore[attr-defined]


async def test_nothing_to_send_is_nothing(kafka: str, topic: str) -> None:
    async with producer(kafka) as sender:
        assert pack(sender, []) == []
        assert await send(sender, topic, 0, []) == []


async def test_a_topic_that_is_not_there_is_told_as_unavailable(kafka: str) -> None:
    async with producer(kafka, request_timeout_ms=500) as sender:
        with pytest.raises(KafkaUnavailable, match="not acknowledged"):
            await send(sender, "no-such-topic", 0, [Record(b"a")])
