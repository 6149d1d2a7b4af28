"""The door to Kafka: what is read, and how far everybody is."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from auditor.checkpoints import Offsets
from auditor.settings import AuditorSettings
from eventrail.contract import topics
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.admin import admin
from eventrail.kafka.ending import end
from eventrail.kafka.security import client_options, unreachable
from eventrail.settings import KafkaSettings

_ANSWER_SECONDS: Final = 20.0


class Names(NamedTuple):
    """The topics of one river."""

    raw: str = topics.RAW.name
    enriched: str = topics.ENRICHED.name
    rejected: str = topics.REJECTED.name


class Span(NamedTuple):
    """What a partition holds: its first offset, and that of the next record."""

    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Survey:
    """How far everybody was, asked for in the order that `checkpoints.py` needs.

    `enricher`, `writer` and `auditor` are the groups' committed offsets, where there are any that make sense.
    `astray` are raw partitions in which the enricher's makes none: it lies behind the end.
    """

    enricher: Offsets
    raw: dict[int, Span]
    enriched: dict[int, Span]
    writer: Offsets
    rejected: dict[int, Span]
    auditor: Offsets
    astray: frozenset[int] = frozenset()


async def connected_consumer(kafka: KafkaSettings, group: str | None) -> AIOKafkaConsumer:
    """A started consumer without partitions. Raises KafkaUnavailable."""
    consumer = AIOKafkaConsumer(
        **client_options(kafka),
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="none",
        metadata_max_age_ms=30_000,
        max_partition_fetch_bytes=1024 * 1024,
        fetch_max_bytes=8 * 1024 * 1024,
    )
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


async def partitions(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, list[TopicPartition]]:
    """The partitions of each topic. Raises KafkaUnavailable that names those that are missing, or KafkaError."""
    described = await admin.describe_topics(list(names))
    found = {
        item["topic"]: [TopicPartition(item["topic"], at) for at in sorted(_numbers(item))]
        for item in described
        if item["error_code"] == 0 and item["partitions"]
    }
    missing = [name for name in names if name not in found]
    if missing:
        raise KafkaUnavailable(
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


class Surveyor:
    """Asks how far everybody is, with clients of its own."""

    def __init__(
        self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient, settings: AuditorSettings, names: Names
    ) -> None:
        self._consumer = consumer
        self._admin = admin
        self._settings = settings
        self._names = names

    async def survey(self) -> Survey:
        """Raises KafkaUnavailable."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await self._survey()
        except (KafkaError, OSError, TimeoutError) as error:
            raise KafkaUnavailable(f"the offsets are not known: {error!r}") from error

    async def _survey(self) -> Survey:
        settings, names = self._settings, self._names
        found = await partitions(self._admin, names)
        # The order matters: what came of the records before a commit lies before the ends seen after it.
        enricher = await self._committed(settings.enricher_group, found[names.raw])
        raw = await spans(self._consumer, found[names.raw])
        enriched = await spans(self._consumer, found[names.enriched])
        writer = await self._committed(settings.writer_group, found[names.enriched])
        rejected = await spans(self._consumer, found[names.rejected])
        auditor = await self._committed(settings.group, found[names.raw])
        sound = _within(enricher, raw)
        astray = frozenset(enricher) - frozenset(sound)
        return Survey(sound, raw, enriched, _within(writer, enriched), rejected, auditor, astray)

    async def _committed(self, group: str, wanted: list[TopicPartition]) -> Offsets:
        found = await self._admin.list_consumer_group_offsets(group, partitions=wanted)
        return {one.partition: entry.offset for one, entry in found.items() if entry.offset >= 0}


def _within(committed: Offsets, log: dict[int, Span]) -> Offsets:
    # Behind the end: a commit from before the topic was created anew.
    return {at: offset for at, offset in committed.items() if at in log and offset <= log[at].end}


@asynccontextmanager
async def surveyor(kafka: KafkaSettings, settings: AuditorSettings, names: Names) -> AsyncIterator[Surveyor]:
    """A connected Surveyor. Raises KafkaUnavailable."""
    async with admin(kafka) as asking:
        consumer = await connected_consumer(kafka, None)
        try:
            yield Surveyor(consumer, asking, settings, names)
        finally:
            await close(consumer)
