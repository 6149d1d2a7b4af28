import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.errors import KafkaTimeoutError, TopicAuthorizationFailedError

from eventrail.checkpoints import Span
from eventrail.errors import ConfigurationError, KafkaUnavailable
from eventrail.kafka.admin import admin
from eventrail.kafka.bounded import BoundedTopic, reading
from eventrail.kafka.records import Record, producer, send
from eventrail.settings import KafkaSettings

NOON_MS = 1_790_000_000_000


def settings(kafka: str) -> KafkaSettings:
    return KafkaSettings(kafka_bootstrap_servers=kafka)


@asynccontextmanager
async def filled(kafka: str, *times_ms: int) -> AsyncIterator[tuple[str, BoundedTopic]]:
    """A topic of two partitions; the second one holds a record for each of these times."""
    name = f"bounded-{uuid4()}"
    config = {"message.timestamp.before.max.ms": "9223372036854775807", "retention.ms": "-1"}
    async with admin(kafka) as client:
        await client.create_topics([NewTopic(name, 2, 1, topic_configs=config)])
    async with producer(kafka) as sender:
        records = [Record(b"%d" % at, timestamp_ms=time) for at, time in enumerate(times_ms)]
        await send(sender, name, 1, records)
    async with reading(settings(kafka), name) as consumer:
        yield name, BoundedTopic(consumer, name)


async def values(topic: BoundedTopic, span: Span) -> list[bytes]:
    return [record.value async for record in topic.read(1, span)]


@pytest.mark.stack
async def test_records_are_read_from_one_offset_to_another_as_often_as_one_likes(kafka: str) -> None:
    async with filled(kafka, *[NOON_MS] * 5) as (_, topic):
        assert await topic.spans() == {0: Span(0, 0), 1: Span(0, 5)}
        assert await values(topic, Span(1, 3)) == [b"1", b"2"]
        assert await values(topic, Span(0, 5)) == [b"0", b"1", b"2", b"3", b"4"]
        assert await values(topic, Span(2, 2)) == []
        assert [record async for record in topic.read(0, Span(0, 0))] == []


@pytest.mark.stack
async def test_a_time_tells_where_to_begin(kafka: str) -> None:
    async with filled(kafka, NOON_MS, NOON_MS + 10, NOON_MS + 20) as (_, topic):
        assert await topic.spans(NOON_MS + 5) == {0: Span(0, 0), 1: Span(1, 3)}
        assert await topic.spans(NOON_MS + 21) == {0: Span(0, 0), 1: Span(3, 3)}


@pytest.mark.stack
async def test_what_was_removed_is_left_out(kafka: str) -> None:
    async with filled(kafka, *[NOON_MS] * 4) as (name, topic):
        for removed, left in ((2, [b"2", b"3"]), (4, [])):
            async with admin(kafka) as client:
                await client.delete_records({TopicPartition(name, 1): RecordsToDelete(before_offset=removed)})
            assert (await topic.spans())[1] == Span(removed, 4)
            assert await values(topic, Span(0, 4)) == left


class Stalled:
    """A consumer of a broker that says nothing any more."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    def assign(self, partitions: Any) -> None:
        pass

    def seek(self, tp: Any, offset: int) -> None:
        pass

    async def position(self, tp: Any) -> int:
        return 5

    async def getmany(self, *_: Any, timeout_ms: int) -> dict[Any, Any]:
        if self._error:
            raise self._error
        await asyncio.sleep(0.01)
        return {}

    def partitions_for_topic(self, name: str) -> None:
        return None


async def test_a_broker_that_falls_silent_is_told() -> None:
    topic = BoundedTopic(Stalled(), "t", stall_seconds=0.05)
    with pytest.raises(KafkaUnavailable, match=r"nothing came for 0\.05 s at offset 5"):
        _ = [entry async for entry in topic.read(0, Span(5, 9))]


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (KafkaTimeoutError(), "t: could not be read: KafkaTimeoutError"),
        (TopicAuthorizationFailedError("t"), "t: this user may not read it"),
    ],
)
async def test_an_error_of_the_client_is_told(error: Exception, what: str) -> None:
    topic = BoundedTopic(Stalled(error), "t")
    with pytest.raises(KafkaUnavailable, match=what):
        _ = [entry async for entry in topic.read(0, Span(5, 9))]


async def test_a_missing_topic_is_told_with_what_to_run() -> None:
    with pytest.raises(ConfigurationError, match="t: no such topic; run: python -m eventrail topics create"):
        await BoundedTopic(Stalled(), "t").spans()
