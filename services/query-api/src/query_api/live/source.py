"""The enriched topic, read from its end by each process for itself: no group, no commits."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, NoReturn

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from eventrail import logs
from eventrail.contract import topics
from eventrail.contract.codec import decode_enriched
from eventrail.errors import ContractError, EventrailError, KafkaUnavailable
from eventrail.kafka.admin import admin
from eventrail.kafka.ending import end
from eventrail.kafka.security import Brokers, client_options, unreachable
from query_api.live.hub import source_of
from query_api.live.ring import Entry, Ring

AWAY: Final = "Kafka does not answer"
"""What clients are told; which broker and why is for the log."""

_POLL_MS: Final = 250
_READ_AT_ONCE: Final = 500
_OPEN_SECONDS: Final = 15.0
_PROBE_EVERY_SECONDS: Final = 3.0
_PROBE_SECONDS: Final = 5.0
_FIRST_PAUSE_SECONDS: Final = 0.25
_LONGEST_PAUSE_SECONDS: Final = 5.0
_SOURCE_HEADER: Final = "ce_source"

_log = logs.get(__name__)


class EnrichedTopic:
    """A Source over the brokers; `topic` differs in tests only."""

    def __init__(self, brokers: Brokers, topic: str = topics.ENRICHED.name) -> None:
        self._brokers = brokers
        self._topic = topic
        self._pause = _FIRST_PAUSE_SECONDS

    async def run(self, ring: Ring) -> NoReturn:
        """As Source has it; Kafka may be away for any time."""
        while True:
            try:
                consumer = await self._connected()
                try:
                    await self._read(consumer, ring)
                finally:
                    await end(consumer.stop())
            except Exception as error:  # whatever it is: without another try no stream would go on
                self._wait(ring, error)
            await asyncio.sleep(self._pause)

    def _wait(self, ring: Ring, error: Exception) -> None:
        if ring.waiting != AWAY:
            known = isinstance(error, KafkaError | EventrailError | OSError)
            _log.warning("live streams wait for Kafka", reason=repr(error), exc_info=None if known else error)
            ring.waiting = AWAY
            ring.news.tell()
        self._pause = min(self._pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _connected(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            **client_options(self._brokers),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            metadata_max_age_ms=30_000,
            fetch_max_wait_ms=_POLL_MS,
        )
        try:
            async with asyncio.timeout(_OPEN_SECONDS):
                await consumer.start()
        except BaseException as error:
            await end(consumer.stop())
            if isinstance(error, KafkaError | OSError):
                raise await unreachable(self._brokers, error) from error
            raise
        return consumer

    async def _read(self, consumer: AIOKafkaConsumer, ring: Ring) -> None:
        """Until the topic is another one, or has more partitions: then it has to be opened again."""
        async with asyncio.timeout(_OPEN_SECONDS):
            partitions = await self._open(consumer, ring)
        _log.info("live streams read the enriched topic", partitions=len(partitions))
        self._pause = _FIRST_PAUSE_SECONDS
        ring.waiting = None
        ring.news.tell()
        probed_at = time.monotonic()
        while True:
            found = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_READ_AT_ONCE)
            for records in found.values():
                take(ring, records)
            if found:
                ring.news.tell()
            if ring.ends_asked > ring.ends_answered or time.monotonic() - probed_at >= _PROBE_EVERY_SECONDS:
                if await self._is_another(consumer, partitions, ring):
                    return
                probed_at = time.monotonic()
            await asyncio.sleep(0)

    async def _open(self, consumer: AIOKafkaConsumer, ring: Ring) -> list[TopicPartition]:
        partitions = await self._partitions()
        begins = await consumer.beginning_offsets(partitions)
        question = ring.ends_asked
        ends = await consumer.end_offsets(partitions)
        self._take_place(ring, _by_number(begins), _by_number(ends))
        ring.learn_ends(_by_number(ends), question)
        consumer.assign(partitions)
        for one in partitions:
            consumer.seek(one, ring.next[one.partition])
        return partitions

    async def _partitions(self) -> list[TopicPartition]:
        async with admin(self._brokers) as asking:
            (described,) = await asking.describe_topics([self._topic])
        if described["error_code"] or not described["partitions"]:
            raise KafkaUnavailable(
                f"topic {self._topic} does not exist or may not be seen: python -m eventrail topics create"
            )
        return [TopicPartition(self._topic, item["partition"]) for item in described["partitions"]]

    def _take_place(self, ring: Ring, begins: Mapping[int, int], ends: Mapping[int, int]) -> None:
        if any(at not in ends or offset > ends[at] for at, offset in ring.next.items()):
            ring.begin_anew("unknown")
        elif any(offset < begins[at] for at, offset in ring.next.items()):
            ring.begin_anew("gap")
        # Partitions that came while we read are read from their beginning.
        back = ring.max_records if ring.opened else ring.max_records // len(ends)
        ring.begin({at: max(begins[at], end_ - back) for at, end_ in ends.items()})

    async def _is_another(
        self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition], ring: Ring
    ) -> bool:
        """Whether to open anew; also finds out whether the broker still answers. Raises what Kafka raises."""
        question = ring.ends_asked
        async with asyncio.timeout(_PROBE_SECONDS):
            ends = _by_number(await consumer.end_offsets(partitions))
        ring.learn_ends(ends, question)
        known = consumer.partitions_for_topic(self._topic) or set()
        return len(known) > len(partitions) or any(ring.next[at] > end_ for at, end_ in ends.items())


def take(ring: Ring, records: Iterable[Any]) -> None:
    """Put consumed `records` of one partition, in their order, into `ring`; what is no event takes no room."""
    for record in records:
        source = _source(record)
        if source is None or record.value is None:
            ring.skip(record.partition, record.offset, record.timestamp)
        else:
            ring.append(Entry(source, record.partition, record.offset, record.timestamp, record.value))


def _source(record: Any) -> bytes | None:
    for name, value in record.headers:
        if name == _SOURCE_HEADER:
            return bytes(value)
    try:
        return source_of(decode_enriched(record.value).website_id)
    except ContractError:
        return None


def _by_number(offsets: Mapping[TopicPartition, int]) -> dict[int, int]:
    return {one.partition: offset for one, offset in offsets.items()}
