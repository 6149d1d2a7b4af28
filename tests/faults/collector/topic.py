"""What stands on the raw topic, read to its end."""

from collections import Counter

from aiokafka import AIOKafkaConsumer, TopicPartition

from eventrail.contract.codec import decode_raw
from eventrail.contract.topics import RAW


async def ids_on_topic(kafka: str) -> Counter[str]:
    """How often each event id stands on the raw topic of the broker `kafka`."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        await consumer._client._wait_on_metadata(RAW.name)
        partitions = [TopicPartition(RAW.name, n) for n in consumer.partitions_for_topic(RAW.name) or ()]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        found: Counter[str] = Counter()
        while [at for at in partitions if await consumer.position(at) < ends[at]]:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    found.update(event.event_id for event in decode_raw(record.value or b""))
        return found
    finally:
        await consumer.stop()
