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
