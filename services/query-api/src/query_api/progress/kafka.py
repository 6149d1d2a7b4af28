"""The door to Kafka: how far everybody is, asked for in the order that tracker.py needs."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from eventrail.checkpoints import Spans, within
from eventrail.clock import Clock
from eventrail.contract import topics
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.admin import admin
from eventrail.kafka.offsets import close, committed, connected_consumer, partitions, spans
from eventrail.settings import KafkaSettings
from eventrail.spools.topic import SpoolsTopic
from query_api.progress.survey import Survey

_ANSWER_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Sources:
    """The topics and groups of one river."""

    raw: str = topics.RAW.name
    enriched: str = topics.ENRICHED.name
    spools: str = topics.SPOOLS.name
    enricher_group: str = topics.ENRICHER_APP
    writer_group: str = topics.WRITER_GROUP


class KafkaSurveyor:
    """Asks with clients of its own that somebody else closes."""

    def __init__(
        self,
        asking: AIOKafkaConsumer,
        admin: AIOKafkaAdminClient,
        spools: SpoolsTopic,
        sources: Sources,
        clock: Clock,
    ) -> None:
        self._consumer = asking
        self._admin = admin
        self._spools = spools
        self._sources = sources
        self._clock = clock

    async def survey(self) -> Survey:
        """Raises KafkaUnavailable; connect anew then."""
        at_ms = self._clock.now_ms()
        try:
            await self._partitions(self._sources.spools)
            # Without a bound of ours: at the first time all of that topic is read.
            end = await self._spools.catch_up()
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await self._rest(at_ms, end)
        except (KafkaError, OSError, TimeoutError) as error:
            raise KafkaUnavailable(f"the offsets are not known: {error!r}") from error

    async def _rest(self, at_ms: int, spools_end: int) -> Survey:
        # The order matters, also that the partitions of each topic are asked for at their turn: see tracker.py.
        sources, spools = self._sources, tuple(self._spools.spools)
        partitions = await self._partitions(sources.raw)
        raw = await spans(self._consumer, partitions)
        enricher = await self._committed(sources.enricher_group, partitions, raw)
        partitions = await self._partitions(sources.enriched)
        enriched = await spans(self._consumer, partitions)
        writer = await self._committed(sources.writer_group, partitions, enriched)
        return Survey(at_ms, spools_end, spools, raw, enricher, enriched, writer)

    async def _partitions(self, topic: str) -> list[TopicPartition]:
        return (await partitions(self._admin, [topic]))[topic]

    async def _committed(self, group: str, wanted: Sequence[TopicPartition], known: Spans) -> dict[int, int]:
        found = await committed(self._admin, group, wanted)
        if all(offset <= known[at].end for at, offset in found.items()):
            return found
        # Either the log has grown since its end was asked for, or the commit is of a topic that is no more.
        return within(found, await spans(self._consumer, wanted))


@asynccontextmanager
async def surveyor(kafka: KafkaSettings, sources: Sources, clock: Clock) -> AsyncIterator[KafkaSurveyor]:
    """A connected KafkaSurveyor. Raises KafkaUnavailable or ConfigurationError."""
    async with admin(kafka) as client, _consumer(kafka) as asking, _consumer(kafka) as reading:
        yield KafkaSurveyor(asking, client, SpoolsTopic(reading, asking, sources.spools), sources, clock)


@asynccontextmanager
async def _consumer(kafka: KafkaSettings) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = await connected_consumer(kafka, None)
    try:
        yield consumer
    finally:
        await close(consumer)
