"""The group is set back, and only back."""

from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer

from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.settings import KafkaSettings
from writer.group_offsets import GroupOffsets, partitions_of
from writer.rewind import rewind

Post = Callable[..., Awaitable[None]]
Event = Callable[..., EnrichedEvent]

pytestmark = pytest.mark.stack


async def test_it_goes_back_only_and_a_group_without_offsets_begins_with_the_oldest_anyway(
    topics_made: str, post: Post, event: Event
) -> None:
    kafka, group = KafkaSettings(kafka_bootstrap_servers=topics_made), f"rewind-{uuid4().hex}"
    await post(*(event(visitor_id=str(number)) for number in range(20)))
    done = await rewind(kafka, group, None, dry_run=False)
    assert set(done.values()) == {(None, None)}
    partitions = await partitions_of(kafka)
    consumer = AIOKafkaConsumer(bootstrap_servers=topics_made, group_id=group, enable_auto_commit=False)
    async with consumer:
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        [low, high] = [partition for partition in partitions if ends[partition] > 1][:2]
        await consumer.commit({low: 1, high: ends[high]})
    # Nothing was accepted after this moment, so the first record to be read is at the end, where low is not yet.
    far_future = 4_000_000_000_000
    assert (await rewind(kafka, group, far_future, dry_run=False))[low.partition] == (1, 1)
    done = await rewind(kafka, group, None, dry_run=False)
    assert done[low.partition] == (1, 0)
    assert done[high.partition] == (ends[high], 0)
    offsets = GroupOffsets(kafka, group)
    assert (await offsets.places())[high.partition].committed == 0
    await offsets.close()
