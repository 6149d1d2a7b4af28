"""Topics on the real broker are made as declared, and every difference is named."""

import uuid
from types import MappingProxyType

import pytest
from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from eventrail.contract.topics import Topic
from eventrail.errors import ConfigurationError, KafkaUnavailable
from eventrail.kafka.admin import admin, create_topics, verify_topics
from eventrail.settings import KafkaSettings

pytestmark = pytest.mark.stack


def some_topic(**config: str) -> Topic:
    settings = {name.replace("_", "."): value for name, value in config.items()}
    return Topic(f"admin-{uuid.uuid4()}", "test records", MappingProxyType(settings))


def settings(kafka: str, partitions: int = 2) -> KafkaSettings:
    return KafkaSettings(kafka_bootstrap_servers=kafka, topic_partitions=partitions)


async def make(kafka: str, name: str, partitions: int, config: dict[str, str] | None = None) -> None:
    async with admin(kafka) as client:
        await client.create_topics([NewTopic(name, partitions, 1, topic_configs=config or {})])


async def test_created_once(kafka: str) -> None:
    topic = some_topic(retention_ms="3600000", cleanup_policy="compact,delete")
    assert await create_topics(settings(kafka), [topic]) == [topic.name]
    assert await create_topics(settings(kafka), [topic]) == []
    await verify_topics(settings(kafka), [topic])


async def test_a_missing_topic_is_named_with_what_to_run(kafka: str) -> None:
    topic = some_topic()
    with pytest.raises(
        ConfigurationError, match=f"{topic.name} does not exist; run: python -m eventrail topics create"
    ):
        await verify_topics(settings(kafka), [topic])


async def test_a_wrong_setting_is_named_with_both_values(kafka: str) -> None:
    topic = some_topic(retention_ms="3600000")
    await create_topics(settings(kafka), [topic])
    other = Topic(topic.name, topic.holds, MappingProxyType({"retention.ms": "7200000"}))
    with pytest.raises(ConfigurationError, match=r"retention.ms=3600000, but must have 7200000"):
        await verify_topics(settings(kafka), [other])


async def test_topics_must_agree_about_their_partitions(kafka: str) -> None:
    first, second = some_topic(), some_topic()
    await make(kafka, first.name, 2)
    await make(kafka, second.name, 3)
    with pytest.raises(ConfigurationError, match="same number of partitions"):
        await verify_topics(settings(kafka), [first, second])


async def test_an_existing_partition_count_wins_over_the_setting(kafka: str) -> None:
    topic = some_topic()
    await make(kafka, topic.name, 5)
    assert await create_topics(settings(kafka, partitions=2), [topic]) == []


async def test_no_broker_is_told_with_its_address() -> None:
    with pytest.raises(KafkaUnavailable, match=r"127\.0\.0\.1:1"):
        await verify_topics(settings("127.0.0.1:1"), [some_topic()])


def test_a_topic_of_one_partition_must_not_have_more() -> None:
    from eventrail.contract.topics import SALTS
    from eventrail.kafka.admin import _partition_faults

    assert _partition_faults([SALTS], {SALTS.name: 1}) == []
    assert _partition_faults([SALTS], {SALTS.name: 8}) == [
        f"topic {SALTS.name} must have 1 partition, but has 8"
    ]


async def test_topics_are_made_as_durable_as_the_settings_say(kafka: str) -> None:
    topic = some_topic()
    await create_topics(settings(kafka), [topic])
    async with admin(kafka) as client:
        answers = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name)])
    found = {entry[0]: entry[1] for answer in answers for entry in answer.resources[0][4]}
    assert found["min.insync.replicas"] == "1"
    assert found["unclean.leader.election.enable"] == "false"


async def test_too_few_replicas_are_named_with_the_setting(kafka: str) -> None:
    topic = some_topic()
    await create_topics(settings(kafka), [topic])
    production = KafkaSettings(
        kafka_bootstrap_servers=kafka, topic_replication_factor=3, topic_min_insync_replicas=2
    )
    with pytest.raises(ConfigurationError) as caught:
        await verify_topics(production, [topic])
    told = str(caught.value)
    assert f"{topic.name} has 1 replicas, but must have 3 (EVENTRAIL_TOPIC_REPLICATION_FACTOR)" in told
    assert "has min.insync.replicas=1, but must have at least 2 (EVENTRAIL_TOPIC_MIN_INSYNC_REPLICAS)" in told


async def test_more_acknowledgements_than_asked_for_are_fine(kafka: str) -> None:
    topic = some_topic(min_insync_replicas="3")
    await make(kafka, topic.name, 2, {"min.insync.replicas": "3"})
    await verify_topics(settings(kafka), [Topic(topic.name, topic.holds)])


async def test_a_topic_that_may_lose_records_to_a_late_replica_is_refused(kafka: str) -> None:
    topic = some_topic()
    await make(kafka, topic.name, 2, {"unclean.leader.election.enable": "true"})
    with pytest.raises(ConfigurationError, match="enable=true, but must have false"):
        await verify_topics(settings(kafka), [topic])
