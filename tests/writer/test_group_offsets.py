"""Where the group stands, as the broker tells somebody who is no member."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from eventrail.contract import topics
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.errors import KafkaUnavailable
from eventrail.settings import KafkaSettings
from writer.group_offsets import GroupOffsets


async def test_without_a_broker_it_says_so(unused_tcp_port: int) -> None:
    nowhere = KafkaSettings(kafka_bootstrap_servers=f"127.0.0.1:{unused_tcp_port}")
    offsets = GroupOffsets(nowhere, "g")
    for _ in range(2):
        with pytest.raises(KafkaUnavailable, match="no answer about the group's offsets"):
            await offsets.places()
    await offsets.close()


class Broker:
    """What a broker says of partition 3."""

    def __init__(self, committed: int | None, begin: int, end: int) -> None:
        self.numbers = committed, begin, end

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def committed(self, _partition: TopicPartition) -> int | None:
        return self.numbers[0]

    async def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, self.numbers[1])

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, self.numbers[2])


@pytest.mark.parametrize(
    ("committed", "begin", "end", "lag"),
    [
        (100, 0, 200, 100),
        (None, 50, 200, 150),
        (100, 150, 200, 50),
        pytest.param(100, 200, 200, 0, id="retention removed everything unread"),
    ],
)
async def test_what_retention_removed_is_no_lag(
    monkeypatch: pytest.MonkeyPatch, committed: int | None, begin: int, end: int, lag: int
) -> None:
    async def partitions(_kafka: KafkaSettings) -> list[TopicPartition]:
        return [TopicPartition(topics.ENRICHED.name, 3)]

    monkeypatch.setattr("writer.group_offsets.AIOKafkaConsumer", lambda **_: Broker(committed, begin, end))
    monkeypatch.setattr("writer.group_offsets.partitions_of", partitions)
    [(number, place)] = (await GroupOffsets(KafkaSettings(), "g").places()).items()
    assert (number, place.lag) == (3, lag)


@pytest.mark.stack
async def test_places_are_those_of_the_group(
    topics_made: str, post: Callable[..., Awaitable[None]], event: Callable[..., EnrichedEvent]
) -> None:
    group = f"g-{uuid4().hex}"
    offsets = GroupOffsets(KafkaSettings(kafka_bootstrap_servers=topics_made), group)
    before = await offsets.places()
    assert len(before) == 8
    assert {place.committed for place in before.values()} == {0}
    copied = event(visitor_id="the same")
    await post(copied, copied, copied)
    after = await offsets.places()
    grown = [number for number in after if after[number].end > before[number].end]
    [number] = grown
    assert after[number].end == before[number].end + 3
    consumer: Any = AIOKafkaConsumer(bootstrap_servers=topics_made, group_id=group, enable_auto_commit=False)
    async with consumer:
        partition = TopicPartition(topics.ENRICHED.name, number)
        consumer.assign([partition])
        await consumer.commit({partition: after[number].end - 1})
    assert (await offsets.places())[number].lag == 1
    await offsets.close()
