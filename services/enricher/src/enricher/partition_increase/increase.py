"""One increase: what must be true before it, the changelog with its states, the other topics, the raw topic last."""

import asyncio
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from enricher.partition_increase.carrying import carry
from enricher.partition_increase.plan import GENERAL, Plan, plan
from eventrail.contract.topics import ENRICHER_APP, RAW, SESSIONS_CHANGELOG
from eventrail.errors import ConfigurationError, KafkaUnavailable
from eventrail.kafka.admin import VISIBLE_LIMIT_S, add_partitions, admin, member_count, partition_counts
from eventrail.kafka.offsets import close, committed, connected_consumer, partitions, spans
from eventrail.kafka.records import producer
from eventrail.settings import KafkaSettings


@dataclass(frozen=True)
class Increase:
    """What was done, or would be.

    `carried` are the states that were carried, None where nothing was done. `waiting` are records of the raw topic
    that no enricher had done: of their visitors' sessions some may be split.
    """

    plan: Plan
    carried: int | None
    waiting: int


async def increase(kafka: KafkaSettings, wanted: int, now_ms: int, *, dry_run: bool) -> Increase:
    """Give each topic of GENERAL `wanted` partitions, and the new ones the states of their visitors.

    Before, all of the raw topic must be done, and no enricher run. What was broken off after its first change is
    finished in any case: until then the topics disagree, and nothing starts. Raises ConfigurationError where it may
    not be done, and KafkaUnavailable, after which it can be run again.
    """
    found = plan(await partition_counts(kafka, GENERAL), wanted)
    if not found.short:
        return Increase(found, None, 0)
    await _require_nobody(kafka)
    waiting = await _waiting(kafka, found.old)
    if waiting and len(found.short) == len(GENERAL):
        raise ConfigurationError(
            f"{waiting} records of {RAW.name} wait: stop the collectors, and the enrichers when they have done them"
        )
    if dry_run:
        return Increase(found, None, waiting)
    return await _increase(kafka, found, now_ms)


async def _increase(kafka: KafkaSettings, found: Plan, now_ms: int) -> Increase:
    changelog, *others = GENERAL
    await _extend(kafka, found, changelog.name)
    carried = await _carry(kafka, found, now_ms)
    for topic in others:
        await _extend(kafka, found, topic.name)
    return Increase(found, carried, await _waiting(kafka, found.old))


async def _extend(kafka: KafkaSettings, found: Plan, name: str) -> None:
    if name in found.short:
        await add_partitions(kafka, name, found.new)


async def _carry(kafka: KafkaSettings, found: Plan, now_ms: int) -> int:
    sender = producer(kafka)
    try:
        await sender.start()
        await _until_known(sender, found.new)
        return await carry(kafka, sender, found, now_ms)
    except (KafkaError, OSError, TimeoutError) as error:
        raise KafkaUnavailable(f"{SESSIONS_CHANGELOG.name}: no states were carried: {error!r}") from error
    finally:
        await close(sender)


async def _until_known(sender: AIOKafkaProducer, partitions: int) -> None:
    # Another broker than the one that was asked for them may learn of new partitions later.
    async with asyncio.timeout(VISIBLE_LIMIT_S):
        while len(await sender.partitions_for(SESSIONS_CHANGELOG.name)) < partitions:
            await sender.client.force_metadata_update()


async def _require_nobody(kafka: KafkaSettings) -> None:
    async with admin(kafka) as client:
        running = await member_count(client, ENRICHER_APP)
    if running:
        raise ConfigurationError(
            f"{running} enrichers run: stop them first, for they would not see the states that are carried"
        )


async def _waiting(kafka: KafkaSettings, old: int) -> int:
    """Records in the `old` partitions of the raw topic that no enricher has committed."""
    consumer = await connected_consumer(kafka, None)
    try:
        async with admin(kafka) as client:
            wanted = (await partitions(client, [RAW.name]))[RAW.name][:old]
            done = await committed(client, ENRICHER_APP, wanted)
        logs = await spans(consumer, wanted)
    finally:
        await close(consumer)
    return sum(span.end - max(done.get(number, 0), span.begin) for number, span in logs.items())
