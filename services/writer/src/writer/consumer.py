"""The door to Kafka: a consumer and a producer that are connected and have their topics."""

import asyncio
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from eventrail.contract import topics
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.records import producer
from eventrail.settings import KafkaSettings
from writer.settings import WriterSettings

NEEDED = (topics.ENRICHED.name, topics.REJECTED.name)

_CLOSE_SECONDS = 5.0


async def connected_consumer(kafka: KafkaSettings, settings: WriterSettings) -> AIOKafkaConsumer:
    """A started consumer that has not subscribed yet.

    Raises KafkaUnavailable where no broker answers or a topic is missing.
    """
    session_ms = int(settings.session_timeout_seconds * 1000)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka.kafka_bootstrap_servers,
        group_id=settings.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=session_ms,
        heartbeat_interval_ms=session_ms // 5,
        metadata_max_age_ms=60_000,
    )
    try:
        await consumer.start()
        await require_topics(consumer)
    except BaseException as error:
        await close(consumer)
        if isinstance(error, KafkaError):
            raise KafkaUnavailable(f"no answer from {kafka.kafka_bootstrap_servers}: {error!r}") from error
        raise
    return consumer


async def connected_producer(kafka: KafkaSettings) -> AIOKafkaProducer:
    """A started producer. Raises KafkaUnavailable where no broker answers."""
    made = producer(kafka.kafka_bootstrap_servers)
    try:
        await made.start()
    except BaseException as error:
        await close(made)
        if isinstance(error, KafkaError):
            raise KafkaUnavailable(f"no answer from {kafka.kafka_bootstrap_servers}: {error!r}") from error
        raise
    return made


async def require_topics(consumer: AIOKafkaConsumer) -> None:
    """Asks the broker. Raises KafkaUnavailable that names the missing topics, or KafkaError."""
    there: set[str] = await consumer.topics()
    missing = [name for name in NEEDED if name not in there]
    if missing:
        raise KafkaUnavailable(
            f"topic {' and '.join(missing)} does not exist; run: python -m eventrail topics create"
        )


async def close(client: Any) -> None:
    """Stop a consumer (which leaves its group) or a producer, within 5 s whatever the broker does."""
    with suppress(KafkaError, TimeoutError):
        await asyncio.wait_for(client.stop(), _CLOSE_SECONDS)
