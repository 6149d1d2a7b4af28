"""Sets the group back, so that events are written again from Kafka: after a table was restored from an older backup.

Nothing is doubled by it: the table counts each event once, whatever is written how often.
"""

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from eventrail.errors import ConfigurationError, KafkaUnavailable
from eventrail.kafka.admin import admin, member_count
from eventrail.kafka.security import client_options
from eventrail.settings import KafkaSettings
from writer.consumer import close
from writer.group_offsets import partitions_of

Rewound = dict[int, tuple[int | None, int | None]]
"""By partition: the offset that was committed before, and the one that is now; None where there is none, which
stands for the oldest record."""


async def rewind(kafka: KafkaSettings, group: str, since_ms: int | None, *, dry_run: bool) -> Rewound:
    """Commit, in each partition, the first record that was accepted at `since_ms` (Unix milliseconds) or later.

    None stands for the oldest record that Kafka still has. A partition that stands before that already stays where
    it is. Raises ConfigurationError while a writer of the group runs, and KafkaUnavailable.
    """
    partitions = await partitions_of(kafka)
    client = AIOKafkaConsumer(**client_options(kafka), group_id=group, enable_auto_commit=False)
    try:
        await client.start()
        targets = await _targets(client, partitions, since_ms)
        before = {partition: await client.committed(partition) for partition in partitions}
        await _require_nobody(kafka, group)
        chosen = {
            partition: targets[partition]
            for partition, committed in before.items()
            if committed is not None and targets[partition] < committed
        }
        if chosen and not dry_run:
            client.assign(partitions)  # else aiokafka commits nothing
            await client.commit(chosen)
    except KafkaError as error:
        raise KafkaUnavailable(f"the group {group} was not set back: {error!r}") from error
    finally:
        await close(client)
    return {
        partition.partition: (before[partition], chosen.get(partition, before[partition]))
        for partition in partitions
    }


async def _require_nobody(kafka: KafkaSettings, group: str) -> None:
    async with admin(kafka) as client:
        running = await member_count(client, group)
    if running:
        raise ConfigurationError(
            f"{running} writers of the group {group} run: stop them first, "
            "for they would commit their own offsets again"
        )


async def _targets(
    client: AIOKafkaConsumer, partitions: list[TopicPartition], since_ms: int | None
) -> dict[TopicPartition, int]:
    if since_ms is None:
        oldest: dict[TopicPartition, int] = await client.beginning_offsets(partitions)
        return oldest
    ends = await client.end_offsets(partitions)
    found = await client.offsets_for_times(dict.fromkeys(partitions, since_ms))
    return {
        partition: ends[partition] if found[partition] is None else found[partition].offset
        for partition in partitions
    }
