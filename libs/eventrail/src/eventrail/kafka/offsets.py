"""How far everybody is: what a topic's partitions hold, and what a group has committed."""

from collections.abc import Iterable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from eventrail.checkpoints import Span
from eventrail.errors import KafkaUnavailable, TopicMissing
from eventrail.kafka.ending import end
from eventrail.kafka.security import client_options, unreachable
from eventrail.settings import KafkaSettings


async def connected_consumer(kafka: KafkaSettings, group: str | None, **settings: Any) -> AIOKafkaConsumer:
    """A started consumer without partitions; `settings` are further arguments. Raises KafkaUnavailable."""
    ours = {
        "group_id": group,
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
        "metadata_max_age_ms": 30_000,
    }
    consumer = AIOKafkaConsumer(**client_options(kafka), **{**ours, **settings})
    try:
        await consumer.start()
    except BaseException as error:
        await close(consumer)
        if isinstance(error, KafkaError | OSError):
            raise await unreachable(kafka, error) from error
        raise
    return consumer


async def close(client: Any) -> None:
    """Stop a client within 5 s, whatever the broker does."""
    await end(client.stop())


async def partitions(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, list[TopicPartition]]:
    """The partitions of each topic. Raises TopicMissing, or KafkaError."""
    wanted = list(names)
    described = await admin.describe_topics(wanted)
    found = {
        item["topic"]: [TopicPartition(item["topic"], at) for at in sorted(_numbers(item))]
        for item in described
        if item["error_code"] == 0 and item["partitions"]
    }
    missing = [name for name in wanted if name not in found]
    if missing:
        raise TopicMissing(
            f"topic {' and '.join(missing)} does not exist; run: python -m eventrail topics create"
        )
    return found


def _numbers(described: dict[str, Any]) -> list[int]:
    return [item["partition"] for item in described["partitions"]]


async def spans(consumer: AIOKafkaConsumer, wanted: Sequence[TopicPartition]) -> dict[int, Span]:
    """First and next offset of each partition of one topic. Raises KafkaUnavailable."""
    try:
        begins = await consumer.beginning_offsets(wanted)
        ends = await consumer.end_offsets(wanted)
    except KafkaError as error:
        raise KafkaUnavailable(f"{wanted[0].topic}: no offsets: {error!r}") from error
    return {one.partition: Span(begins[one], ends[one]) for one in wanted}


async def committed(
    admin: AIOKafkaAdminClient, group: str, wanted: Sequence[TopicPartition]
) -> dict[int, int]:
    """What `group` has committed in the partitions of one topic, where it did. Raises KafkaError."""
    found = await admin.list_consumer_group_offsets(group, partitions=list(wanted))
    return {one.partition: entry.offset for one, entry in found.items() if entry.offset >= 0}
