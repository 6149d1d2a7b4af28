"""What stands on the raw topic, read to its end."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from eventrail.contract.codec import decode_raw
from eventrail.contract.topics import RAW


class Found(NamedTuple):
    """An event and the place of its record."""

    event_id: str
    partition: int
    offset: int


async def ids_on_topic(kafka: str) -> Counter[str]:
    """How often each event id stands on the raw topic of the broker `kafka`."""
    return Counter([found.event_id async for found in events_on_topic(kafka)])


async def first_places(kafka: str) -> dict[str, Found]:
    """Where each event id stands first."""
    places: dict[str, Found] = {}
    async for found in events_on_topic(kafka):
        places.setdefault(found.event_id, found)  # copies share a partition
    return places


async def events_on_topic(kafka: str) -> AsyncIterator[Found]:
    """All events, those of a partition in their order."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        await consumer._client._wait_on_metadata(RAW.name)
        partitions = [TopicPartition(RAW.name, n) for n in consumer.partitions_for_topic(RAW.name) or ()]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        while [at for at in partitions if await consumer.position(at) < ends[at]]:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    for event in decode_raw(record.value or b""):
                        yield Found(event.event_id, record.partition, record.offset)
    finally:
        await consumer.stop()
