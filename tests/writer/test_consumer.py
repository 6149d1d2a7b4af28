"""The door to Kafka: who is not there is told, and nothing is left open."""

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from eventrail.errors import ConfigurationError, KafkaUnavailable
from eventrail.settings import KafkaSettings
from writer.consumer import NEEDED, close, connected_consumer, connected_producer, require_topics
from writer.settings import WriterSettings


@pytest.fixture
def nowhere(unused_tcp_port: int) -> KafkaSettings:
    return KafkaSettings(kafka_bootstrap_servers=f"127.0.0.1:{unused_tcp_port}")


async def test_a_consumer_without_broker_is_unavailable(nowhere: KafkaSettings) -> None:
    with pytest.raises(KafkaUnavailable, match=nowhere.kafka_bootstrap_servers):
        await connected_consumer(nowhere, WriterSettings())


async def test_a_producer_without_broker_is_unavailable(nowhere: KafkaSettings) -> None:
    with pytest.raises(KafkaUnavailable, match=nowhere.kafka_bootstrap_servers):
        await connected_producer(nowhere)


@pytest.mark.stack
async def test_both_connect_where_the_topics_are(topics_made: str) -> None:
    kafka = KafkaSettings(kafka_bootstrap_servers=topics_made)
    consumer, producer = await connected_consumer(kafka, WriterSettings()), await connected_producer(kafka)
    await require_topics(consumer)
    assert consumer.subscription() == frozenset()
    await close(consumer)
    await close(producer)


class Client:
    """A client whose stop fails or never ends."""

    def __init__(self, fault: Exception | None) -> None:
        self.fault = fault
        self.topic_names: set[str] = set()

    async def stop(self) -> None:
        if self.fault:
            raise self.fault
        await asyncio.Event().wait()

    async def topics(self) -> set[str]:
        return self.topic_names


async def test_every_missing_topic_is_named() -> None:
    with pytest.raises(KafkaUnavailable) as error:
        await require_topics(Client(None))
    assert all(name in str(error.value) for name in NEEDED)
    assert "python -m eventrail topics create" in str(error.value)


@pytest.mark.parametrize("fault", [KafkaConnectionError("gone"), None])
async def test_closing_ends_whatever_the_broker_does(
    fault: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("writer.consumer._CLOSE_SECONDS", 0.01)
    client: Any = Client(fault)
    await asyncio.wait_for(close(client), 5)


@pytest.mark.stack
async def test_topics_with_too_few_replicas_are_a_matter_for_a_person(topics_made: str) -> None:
    kafka = KafkaSettings(kafka_bootstrap_servers=topics_made, topic_replication_factor=3)
    with pytest.raises(ConfigurationError, match="EVENTRAIL_TOPIC_REPLICATION_FACTOR"):
        await connected_consumer(kafka, WriterSettings())
