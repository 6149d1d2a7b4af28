import time

import pytest
from aiokafka import TopicPartition
from aiokafka.admin.records_to_delete import RecordsToDelete

from eventrail.checkpoints import Span
from eventrail.contract.topics import REJECTED
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.admin import admin
from eventrail.kafka.records import producer
from eventrail.rejected.entry import Address
from eventrail.rejected.topic import rejected_topic
from eventrail.settings import KafkaSettings
from tests.eventrail.rejected.making import by_writer, enriched

PARTITION = 7
MINUTE_MS = 60_000
# Of today: the broker removes what is older than the topic keeps, and refuses what lies an hour ahead.
NOW_MS = time.time_ns() // 1_000_000
TIMES = (NOW_MS - 3, NOW_MS - 2, NOW_MS - 1)


def settings(kafka: str) -> KafkaSettings:
    return KafkaSettings(kafka_bootstrap_servers=kafka)


async def put(kafka: str, *times: int, size: int = 0) -> list[int]:
    """Offsets of rejections with these times, also as times of the records."""
    offsets = []
    async with producer(kafka) as sender:
        for at in times:
            value = by_writer(enriched(event_data="a" * size), rejected_at_ms=at).SerializeToString()
            sent = await sender.send_and_wait(REJECTED.name, value, partition=PARTITION, timestamp_ms=at)
            offsets.append(sent.offset)
    return offsets


@pytest.mark.stack
async def test_records_are_read_from_one_offset_to_another(kafka: str) -> None:
    offsets = await put(kafka, *TIMES)
    async with rejected_topic(settings(kafka)) as topic:
        wanted = Span(offsets[0], offsets[2])
        for _ in range(2):  # again and again, in any order
            found = [entry async for entry in topic.read(PARTITION, wanted)]
            assert [entry.at_ms for entry in found] == list(TIMES[:2])
        one = await topic.at(Address(PARTITION, offsets[1]))
        assert one is not None
        assert (one.at_ms, one.address) == (TIMES[1], Address(PARTITION, offsets[1]))
        for nobody in (Address(PARTITION, offsets[2] + 1), Address(77, 0)):
            assert await topic.at(nobody) is None
        assert (await topic.spans())[PARTITION].end == offsets[2] + 1


@pytest.mark.stack
async def test_a_time_tells_where_to_begin(kafka: str) -> None:
    later_ms = NOW_MS + 10 * MINUTE_MS  # later than what other tests send
    [first, second, third] = await put(kafka, later_ms, later_ms + 10 * MINUTE_MS, later_ms + 20 * MINUTE_MS)
    async with rejected_topic(settings(kafka)) as topic:
        assert (await topic.spans(later_ms + 10 * MINUTE_MS))[PARTITION] == Span(second, third + 1)
        assert (await topic.spans(later_ms + 10 * MINUTE_MS + 30_000))[
            PARTITION
        ].begin == second  # clocks differ
        assert (await topic.spans(later_ms + 90 * MINUTE_MS))[PARTITION] == Span(third + 1, third + 1)
        assert (await topic.spans(-5))[PARTITION].begin <= first


@pytest.mark.stack
async def test_large_records_come_whole(kafka: str) -> None:
    [offset] = await put(kafka, NOW_MS, size=900_000)
    async with rejected_topic(settings(kafka)) as topic:
        found = await topic.at(Address(PARTITION, offset))
    assert found is not None
    assert found.event is not None
    assert len(found.event.original) > 900_000


@pytest.mark.stack
async def test_nothing_is_at_the_address_of_what_was_removed(kafka: str) -> None:
    offsets = await put(kafka, *TIMES)
    tp = TopicPartition(REJECTED.name, PARTITION)
    async with rejected_topic(settings(kafka)) as topic:
        async with admin(settings(kafka)) as client:
            await client.delete_records({tp: RecordsToDelete(before_offset=offsets[2])})
        assert await topic.at(Address(PARTITION, offsets[0])) is None
        assert await topic.at(Address(PARTITION, offsets[2])) is not None


async def test_no_broker_is_told() -> None:
    with pytest.raises(KafkaUnavailable, match=r"127\.0\.0\.1:1"):
        async with rejected_topic(settings("127.0.0.1:1")):
            raise AssertionError("there is no broker")
