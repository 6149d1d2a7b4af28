"""The door to the raw topic: read from one offset to another, without a consumer group and without a trace."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from enricher.chunk import RawRecord
from enricher.replay.time_range import TimeRange
from eventrail.contract.topics import RAW
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.ending import end
from eventrail.kafka.security import Brokers, client_options

_FETCH_BYTES: Final = 4 * 1024 * 1024
_POLL_MS: Final = 500


class Span(NamedTuple):
    """Of one partition: where it begins and ends now, and the offsets at or behind both ends of a range.

    A record's timestamp is never before the acceptance of its events, so all that were accepted in the range stand
    at `begin` or behind it.
    """

    first: int
    begin: int
    behind: int
    end: int


class RawLog:
    """Reads the raw topic. Its methods raise KafkaUnavailable."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def spans(self, within: TimeRange) -> dict[int, Span]:
        """Where to look for events that were accepted `within`, for each partition."""
        partitions = await self._partitions()
        first = await self._consumer.beginning_offsets(partitions)
        end = await self._consumer.end_offsets(partitions)
        begins = await self._consumer.offsets_for_times(dict.fromkeys(partitions, within.begin_ms))
        behinds = await self._consumer.offsets_for_times(dict.fromkeys(partitions, within.end_ms))
        return {
            tp.partition: Span(
                first[tp],
                begins[tp].offset if begins[tp] else end[tp],
                behinds[tp].offset if behinds[tp] else end[tp],
                end[tp],
            )
            for tp in partitions
        }

    async def _partitions(self) -> list[TopicPartition]:
        found = self._consumer.partitions_for_topic(RAW.name)
        if not found:
            raise KafkaUnavailable(f"{RAW.name}: no such topic here")
        return [TopicPartition(RAW.name, number) for number in sorted(found)]

    async def read(self, partition: int, begin: int, end: int) -> AsyncIterator[RawRecord]:
        """The records from `begin` to before `end`, in their order."""
        tp = TopicPartition(RAW.name, partition)
        self._consumer.assign([tp])
        self._consumer.seek(tp, begin)
        while await self._consumer.position(tp) < end:
            for record in (await self._consumer.getmany(tp, timeout_ms=_POLL_MS)).get(tp, ()):
                if record.offset < end:
                    yield RawRecord(partition, record.offset, 0, record.key, record.value)


@asynccontextmanager
async def raw_log(brokers: Brokers) -> AsyncIterator[RawLog]:
    """A connected RawLog. Raises KafkaUnavailable, also for what fails inside the block."""
    consumer = AIOKafkaConsumer(
        RAW.name,
        **client_options(brokers),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=_FETCH_BYTES,
    )
    try:
        await consumer.start()
        consumer.unsubscribe()
        yield RawLog(consumer)
    except (KafkaError, OSError) as error:
        raise KafkaUnavailable(f"{RAW.name}: could not be read: {error!r}") from error
    finally:
        await end(consumer.stop())
