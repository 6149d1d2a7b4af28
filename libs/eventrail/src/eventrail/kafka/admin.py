"""Topics are created as contract/topics.py declares them, and verified before anybody uses them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from eventrail.contract.topics import Topic
from eventrail.errors import ConfigurationError
from eventrail.kafka.security import Brokers, client_options, unreachable
from eventrail.settings import KafkaSettings

VISIBLE_LIMIT_S = 15.0
"""How long a new topic may take to appear in the metadata of all brokers, in seconds."""

_INSYNC = "min.insync.replicas"
_UNCLEAN = "unclean.leader.election.enable"


@asynccontextmanager
async def admin(brokers: Brokers) -> AsyncIterator[AIOKafkaAdminClient]:
    """A connected admin client. Raises KafkaUnavailable where no broker answers, or takes us."""
    client = AIOKafkaAdminClient(**client_options(brokers), request_timeout_ms=15_000)
    try:
        await client.start()
        yield client
    except (KafkaError, OSError) as error:
        raise await unreachable(brokers, error) from error
    finally:
        await client.close()


async def create_topics(settings: KafkaSettings, topics: Sequence[Topic]) -> list[str]:
    """Create those of `topics` that are missing and verify all; returns the names that were created.

    Raises KafkaUnavailable, or ConfigurationError as `verify_topics` does.
    """
    async with admin(settings) as client:
        created = [topic.name for topic in topics if await _create(client, settings, topic)]
        await _until_visible(client, topics)
    await verify_topics(settings, topics)
    return created


async def _until_visible(client: AIOKafkaAdminClient, topics: Sequence[Topic]) -> None:
    # In KRaft a creation is acknowledged before the broker that is asked next knows of the topic.
    async with asyncio.timeout(VISIBLE_LIMIT_S):
        while len(await _partition_counts(client, topics)) < len(topics):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def _create(client: AIOKafkaAdminClient, settings: KafkaSettings, topic: Topic) -> bool:
    wanted = NewTopic(
        topic.name,
        topic.partitions(settings.topic_partitions),
        settings.topic_replication_factor,
        topic_configs=_config(settings, topic),
    )
    try:
        response = await client.create_topics([wanted])
    except TopicAlreadyExistsError:
        return False
    return _raise_for(response, topic)


def _raise_for(response: Any, topic: Topic) -> bool:
    for _name, code, *_message in response.topic_errors:
        error = for_code(code)
        if error is TopicAlreadyExistsError:
            return False
        if code != 0:
            raise ConfigurationError(f"Kafka refuses to create topic {topic.name}: {error.__name__}")
    return True


def _config(settings: KafkaSettings, topic: Topic) -> dict[str, str]:
    durable = {_INSYNC: str(settings.topic_min_insync_replicas), _UNCLEAN: "false"}
    return {**topic.config, **durable}


async def verify_topics(settings: KafkaSettings, topics: Sequence[Topic]) -> None:
    """Raises ConfigurationError that names each missing topic and each wrong partition count or setting.

    A topic must have at least the replicas that `settings` ask for, at least as many of them must have a record
    before it counts as acknowledged, and no replica that lacks records may come to lead.

    All topics that share the general partition count must agree with each other, whatever
    the count is: a changelog with another count than its source would lose writes silently.
    """
    async with admin(settings) as client:
        counts = await _partition_counts(client, topics)
        faults = _partition_faults(topics, counts)
        there = [topic for topic in topics if topic.name in counts]
        faults += await _replica_faults(client, settings, there)
        faults += await _config_faults(client, settings, there)
    if faults:
        raise ConfigurationError("\n".join(faults))


async def _partition_counts(client: AIOKafkaAdminClient, topics: Sequence[Topic]) -> dict[str, int]:
    described = await client.describe_topics([topic.name for topic in topics])
    return {item["topic"]: len(item["partitions"]) for item in described if item["error_code"] == 0}


def _partition_faults(topics: Sequence[Topic], counts: dict[str, int]) -> list[str]:
    missing = [topic.name for topic in topics if topic.name not in counts]
    faults = [f"topic {name} does not exist; run: python -m eventrail topics create" for name in missing]
    faults += [
        f"topic {topic.name} must have 1 partition, but has {counts[topic.name]}"
        for topic in topics
        if topic.single_partition and counts.get(topic.name, 1) != 1
    ]
    general = {
        topic.name: counts[topic.name]
        for topic in topics
        if topic.name in counts and not topic.single_partition
    }
    if len(set(general.values())) > 1:
        faults.append(f"topics must have the same number of partitions, but have {general}")
    return faults


async def _replica_faults(
    client: AIOKafkaAdminClient, settings: KafkaSettings, topics: Sequence[Topic]
) -> list[str]:
    wanted = settings.topic_replication_factor
    described = await client.describe_topics([topic.name for topic in topics]) if topics else []
    fewest = {item["topic"]: min(len(part["replicas"]) for part in item["partitions"]) for item in described}
    return [
        f"topic {name} has {found} replicas, but must have {wanted} (EVENTRAIL_TOPIC_REPLICATION_FACTOR)"
        for name, found in fewest.items()
        if found < wanted
    ]


async def _config_faults(
    client: AIOKafkaAdminClient, settings: KafkaSettings, topics: Sequence[Topic]
) -> list[str]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics]
    found: dict[str, dict[str, str]] = {}
    for response in await client.describe_configs(resources) if resources else []:
        for _code, _message, _kind, name, entries in response.resources:
            found[name] = {entry[0]: entry[1] for entry in entries}
    faults = [
        f"topic {topic.name} has {key}={found[topic.name].get(key)}, but must have {value}"
        for topic in topics
        for key, value in {**topic.config, _UNCLEAN: "false"}.items()
        if not _same(found[topic.name].get(key), value)
    ]
    wanted = settings.topic_min_insync_replicas
    faults += [
        f"topic {topic.name} has {_INSYNC}={found[topic.name].get(_INSYNC)}, but must have at least {wanted} "
        "(EVENTRAIL_TOPIC_MIN_INSYNC_REPLICAS)"
        for topic in topics
        if int(found[topic.name].get(_INSYNC) or 1) < wanted
    ]
    return faults


def _same(found: str | None, wanted: str) -> bool:
    # The broker may answer a list such as cleanup.policy in another order.
    return set((found or "").split(",")) == set(wanted.split(","))
