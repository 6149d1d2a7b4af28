"""Topics are created as contract/topics.py declares them, and verified before anybody uses them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)

from eventrail.contract.topics import Topic
from eventrail.errors import ConfigurationError, KafkaUnavailable
from eventrail.kafka.security import Brokers, client_options, unreachable
from eventrail.settings import KafkaSettings

VISIBLE_LIMIT_S = 15.0
"""How long a new topic may take to appear in the metadata of all brokers, in seconds."""

_NOT_ALLOWED = (TopicAuthorizationFailedError.errno, ClusterAuthorizationFailedError.errno)
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
        await _until_visible(client, settings, topics)
    await verify_topics(settings, topics)
    return created


async def _until_visible(
    client: AIOKafkaAdminClient, settings: KafkaSettings, topics: Sequence[Topic]
) -> None:
    # In KRaft a creation is acknowledged before the broker that is asked next knows of the topic.
    async with asyncio.timeout(VISIBLE_LIMIT_S):
        while len(await _described(client, settings, topics)) < len(topics):  # noqa: ASYNC110
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


async def partition_counts(settings: KafkaSettings, topics: Sequence[Topic]) -> dict[str, int]:
    """Number of partitions of each topic. Raises ConfigurationError where one is missing, or KafkaUnavailable."""
    async with admin(settings) as client:
        described = await _described(client, settings, topics)
    missing = [topic.name for topic in topics if topic.name not in described]
    if missing:
        raise ConfigurationError(
            f"topic {' and '.join(missing)} does not exist; run: python -m eventrail topics create"
        )
    return {name: len(parts) for name, parts in described.items()}


async def add_partitions(settings: KafkaSettings, name: str, total: int) -> None:
    """Let the topic have `total` partitions, more than before, and wait until they can be written to.

    Raises ConfigurationError where the broker refuses, or KafkaUnavailable.
    """
    async with admin(settings) as client:
        response = await client.create_partitions({name: NewPartitions(total)})
        for _name, code, message in response.topic_errors:
            if code != 0:
                raise ConfigurationError(
                    f"Kafka refuses {total} partitions for {name}: {for_code(code).__name__}: {message}"
                )
        async with asyncio.timeout(VISIBLE_LIMIT_S):
            while await _led(client, name) < total:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def _led(client: AIOKafkaAdminClient, name: str) -> int:
    """How many partitions of a topic have a leader."""
    [described] = await client.describe_topics([name])
    return sum(part["leader"] >= 0 for part in described["partitions"])


async def member_count(client: AIOKafkaAdminClient, group: str) -> int:
    """Consumers that are members of `group`; 0 where there is no such group. Raises KafkaError."""
    [response] = await client.describe_consumer_groups([group])
    return sum(len(members) for _code, _name, _state, _kind, _protocol, members, *_rest in response.groups)


async def verify_topics(settings: KafkaSettings, topics: Sequence[Topic]) -> None:
    """Raises ConfigurationError that names each missing topic and each wrong partition count or setting.

    KafkaUnavailable where no broker answers, or our user may not see a topic: that is set right without us.

    A topic must have at least the replicas that `settings` ask for, at least as many of them must have a record
    before it counts as acknowledged, and no replica that lacks records may come to lead.

    All topics that share the general partition count must agree with each other, whatever
    the count is: a changelog with another count than its source would lose writes silently.
    """
    async with admin(settings) as client:
        described = await _described(client, settings, topics)
        faults = _partition_faults(topics, {name: len(parts) for name, parts in described.items()})
        faults += _replica_faults(settings, described)
        there = [topic for topic in topics if topic.name in described]
        faults += await _config_faults(client, settings, there)
    if faults:
        raise ConfigurationError("\n".join(faults))


async def _described(
    client: AIOKafkaAdminClient, settings: KafkaSettings, topics: Sequence[Topic]
) -> dict[str, list[dict[str, Any]]]:
    """The partitions of each of `topics` that exists. Raises KafkaUnavailable where we may not see one."""
    answer = await client.describe_topics([topic.name for topic in topics])
    _raise_if_hidden(settings, {item["topic"]: item["error_code"] for item in answer})
    return {
        item["topic"]: item["partitions"] for item in answer if item["error_code"] == 0 and item["partitions"]
    }


def _raise_if_hidden(settings: KafkaSettings, codes: dict[str, int]) -> None:
    hidden = sorted(name for name, code in codes.items() if code in _NOT_ALLOWED)
    if hidden:
        who = settings.kafka_sasl_username or settings.kafka_ssl_cert_file or "this client"
        raise KafkaUnavailable(f"{who} may not see {', '.join(hidden)}: python -m eventrail acls")


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


def _replica_faults(settings: KafkaSettings, described: dict[str, list[dict[str, Any]]]) -> list[str]:
    wanted = settings.topic_replication_factor
    fewest = {name: min(len(part["replicas"]) for part in parts) for name, parts in described.items()}
    return [
        f"topic {name} has {found} replicas, but must have {wanted} (EVENTRAIL_TOPIC_REPLICATION_FACTOR)"
        for name, found in fewest.items()
        if found < wanted
    ]


async def _config_faults(
    client: AIOKafkaAdminClient, settings: KafkaSettings, topics: Sequence[Topic]
) -> list[str]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics]
    answers = [
        answer
        for response in (await client.describe_configs(resources) if resources else [])
        for answer in response.resources
    ]
    codes = {name: code for code, _message, _kind, name, _entries in answers}
    _raise_if_hidden(settings, codes)
    for name, code in codes.items():
        if code != 0:  # such as a topic that is being removed
            raise KafkaUnavailable(f"Kafka does not tell the settings of {name}: {for_code(code).__name__}")
    found = {name: {entry[0]: entry[1] for entry in entries} for *_rest, name, entries in answers}
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
