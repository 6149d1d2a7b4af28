"""The door to Kafka: what is read, and how far everybody is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from auditor.settings import AuditorSettings
from eventrail.checkpoints import Offsets, Span, within
from eventrail.contract import topics
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.admin import admin
from eventrail.kafka.offsets import close, committed, connected_consumer, partitions, spans
from eventrail.settings import KafkaSettings

_ANSWER_SECONDS: Final = 20.0


class Names(NamedTuple):
    """The topics of one river."""

    raw: str = topics.RAW.name
    enriched: str = topics.ENRICHED.name
    rejected: str = topics.REJECTED.name


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
        enricher = await committed(self._admin, settings.enricher_group, found[names.raw])
        raw = await spans(self._consumer, found[names.raw])
        enriched = await spans(self._consumer, found[names.enriched])
        writer = await committed(self._admin, settings.writer_group, found[names.enriched])
        rejected = await spans(self._consumer, found[names.rejected])
        auditor = await committed(self._admin, settings.group, found[names.raw])
        sound = within(enricher, raw)
        astray = frozenset(enricher) - frozenset(sound)
        return Survey(sound, raw, enriched, within(writer, enriched), rejected, auditor, astray)


@asynccontextmanager
async def surveyor(kafka: KafkaSettings, settings: AuditorSettings, names: Names) -> AsyncIterator[Surveyor]:
    """A connected Surveyor. Raises KafkaUnavailable."""
    async with admin(kafka) as asking:
        consumer = await connected_consumer(kafka, None)
        try:
            yield Surveyor(consumer, asking, settings, names)
        finally:
            await close(consumer)
