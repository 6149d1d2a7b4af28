"""The door to Kafka: a consumer and a producer that are connected and have their topics."""

from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from eventrail.contract import topics
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.admin import verify_topics
from eventrail.kafka.ending import end
from eventrail.kafka.records import producer
from eventrail.kafka.security import client_options, unreachable
from eventrail.settings import KafkaSettings
from writer.settings import WriterSettings

NEEDED_TOPICS = (topics.ENRICHED, topics.REJECTED, topics.ERASURES)
NEEDED = tuple(topic.name for topic in NEEDED_TOPICS)

_CLOSE_SECONDS = 5.0
_FETCH_BYTES = 4 * 1024 * 1024
"""Of one answer of the broker, which stands in memory more than once; a batch of any size still comes."""
_FETCH_AT_LEAST_BYTES = 64 * 1024
_FETCH_WAIT_MS = 100
"""How long the broker may wait for so many bytes: fewer and larger answers cost both sides less."""
_REJECTED_BYTES = topics.REJECTED_BYTES - 4096
"""What the topic takes, less Kafka's framing of a batch."""


async def connected_consumer(kafka: KafkaSettings, settings: WriterSettings) -> AIOKafkaConsumer:
    """A started consumer that has not subscribed yet.

    Raises KafkaUnavailable where no broker answers or a topic is missing, ConfigurationError where a topic is
    not as it must be.
    """
    session_ms = int(settings.session_timeout_seconds * 1000)
    consumer = AIOKafkaConsumer(
        **client_options(kafka),
        group_id=settings.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=session_ms,
        heartbeat_interval_ms=session_ms // 5,
        metadata_max_age_ms=60_000,
        fetch_max_bytes=_FETCH_BYTES,
        fetch_min_bytes=_FETCH_AT_LEAST_BYTES,
        fetch_max_wait_ms=_FETCH_WAIT_MS,
    )
    try:
        await consumer.start()
        await require_topics(consumer)
        await verify_topics(kafka, NEEDED_TOPICS)
    except BaseException as error:
        await close(consumer)
        if isinstance(error, KafkaError):
            raise await unreachable(kafka, error) from error
        raise
    return consumer


async def connected_producer(kafka: KafkaSettings) -> AIOKafkaProducer:
    """A started producer for the rejected topic. Raises KafkaUnavailable where no broker answers."""
    made = producer(kafka, max_batch_size=_REJECTED_BYTES, max_request_size=_REJECTED_BYTES)
    try:
        await made.start()
    except BaseException as error:
        await close(made)
        if isinstance(error, KafkaError):
            raise await unreachable(kafka, error) from error
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
    await end(client.stop(), _CLOSE_SECONDS)
