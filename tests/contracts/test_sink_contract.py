"""What every sink promises; the in-memory one, the one for Kafka, and each behind a spool pass the same tests.

How each of them deals with a broker in trouble: tests/collector/sinks/.
"""

import asyncio
import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition

from collector.metrics import Metrics
from collector.sinks import Placed, Sink
from collector.sinks.connection import Connection
from collector.sinks.kafka import Bounds, KafkaSink
from collector.sinks.memory import MemorySink
from collector.sinks.spool import SpoolBounds, SpoolSink
from collector.sinks.spool_file import SpoolBroken, SpoolFile
from collector.sinks.spool_thread import SpoolThread
from devstack.ports import free_addresses
from eventrail.clock import SystemClock
from eventrail.contract import topics
from eventrail.contract.codec import decode_raw
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.kafka.admin import create_topics
from eventrail.settings import KafkaSettings

Log = dict[int, list[tuple[int, RawEvent]]]
"""What is readable: by partition, each event with the offset of its chunk, in order."""


class Subject(ABC):
    """A sink under test and a way to read what it took."""

    sink: Sink

    @abstractmethod
    async def read(self, count: int) -> Log:
        """Everything that was published since the start, once `count` events or more are there."""

    @abstractmethod
    async def break_it(self) -> None:
        """From now on nothing can be stored."""


class InMemory(Subject):
    def __init__(self) -> None:
        self.sink: MemorySink = MemorySink(partitions=4)

    async def read(self, count: int) -> Log:
        return {
            partition: [(offset, event) for offset, chunk in enumerate(chunks) for event in decode_raw(chunk)]
            for partition, chunks in self.sink.chunks.items()
        }

    async def break_it(self) -> None:
        self.sink.refuse = dict.fromkeys(range(4), "Kafka is away")


class OnKafka(Subject):
    """Reads the real topic from where it ended when the test began."""

    def __init__(self, sink: KafkaSink, connection: Connection, consumer: AIOKafkaConsumer) -> None:
        self.sink: KafkaSink = sink
        self._connection = connection
        self._consumer = consumer

    async def read(self, count: int) -> Log:
        log: Log = {}
        async with asyncio.timeout(30):
            while sum(map(len, log.values())) < count:
                for at, records in (await self._consumer.getmany(timeout_ms=200)).items():
                    read = [
                        (record.offset, event) for record in records for event in decode_raw(record.value)
                    ]
                    log.setdefault(at.partition, []).extend(read)
        return log

    async def break_it(self) -> None:
        await self._connection.close()


@pytest.fixture
def in_memory() -> InMemory:
    return InMemory()


@pytest_asyncio.fixture
async def on_kafka(kafka: str) -> AsyncIterator[OnKafka]:
    settings = KafkaSettings(kafka_bootstrap_servers=kafka)
    await create_topics(settings, topics.ALL)
    connection = Connection(settings, patience=10)
    sink = KafkaSink(connection, Bounds(), Metrics())
    sink.open()
    async with asyncio.timeout(30):
        while sink.trouble():  # noqa: ASYNC110 - a plain value
            await asyncio.sleep(0.02)
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka)
    await consumer.start()
    session = connection.session
    assert session is not None
    consumer.assign([TopicPartition(topics.RAW.name, number) for number in range(session.partitions)])
    await consumer.seek_to_end()
    for partition in consumer.assignment():
        await consumer.position(partition)
    yield OnKafka(sink, connection, consumer)
    await consumer.stop()
    await sink.close()


class WithSpool(Subject):
    """A spool before another subject's sink."""

    def __init__(self, behind: Subject, folder: Path) -> None:
        self._behind = behind
        self._file = SpoolFile(folder, 64 * 1024 * 1024, SystemClock())
        bounds = SpoolBounds(64 * 1024 * 1024)
        self.sink: SpoolSink = SpoolSink(
            behind.sink, SpoolThread(self._file), bounds, Metrics(), SystemClock()
        )
        self.sink.open()

    async def read(self, count: int) -> Log:
        return await self._behind.read(count)

    async def break_it(self) -> None:
        await self._behind.break_it()

        def fail(*_: object) -> None:
            raise SpoolBroken("disk I/O error")

        self._file.write = fail  # type: ignore[method-assign, assignment]


@pytest_asyncio.fixture
async def spool_before_memory(in_memory: InMemory, tmp_path: Path) -> AsyncIterator[WithSpool]:
    subject = WithSpool(in_memory, tmp_path / "spool")
    yield subject
    await subject.sink.close()


@pytest_asyncio.fixture
async def spool_before_kafka(on_kafka: OnKafka, tmp_path: Path) -> AsyncIterator[WithSpool]:
    subject = WithSpool(on_kafka, tmp_path / "spool")
    yield subject
    await subject.sink.close()


@pytest.fixture(
    params=[
        "in_memory",
        "spool_before_memory",
        pytest.param("on_kafka", marks=pytest.mark.stack),
        pytest.param("spool_before_kafka", marks=pytest.mark.stack),
    ]
)
def subject(request: pytest.FixtureRequest) -> Subject:
    made: Subject = request.getfixturevalue(request.param)
    return made


def event(name: str, key: int, size: int = 0) -> Placed:
    return Placed(
        key, RawEvent(event_id=name, website_id=str(key), event_data="x" * size).SerializeToString()
    )


def names(log: Log) -> list[str]:
    return [event.event_id for events in log.values() for _, event in events]


def all_of(prefix: str, count: int, keys: Sequence[int]) -> list[Placed]:
    return [event(f"{prefix}{number:04}", keys[number % len(keys)]) for number in range(count)]


async def test_every_acknowledged_event_is_readable_once(subject: Subject) -> None:
    events = all_of("e", 50, range(10))
    done = await subject.sink.publish(events)
    assert done.failures == {}
    assert Counter(names(await subject.read(50))) == Counter(f"e{number:04}" for number in range(50))


async def test_nothing_to_publish_is_nothing_published(subject: Subject) -> None:
    done = await subject.sink.publish([])
    assert (done.failures, done.offsets) == ({}, {})


async def test_events_of_one_key_share_a_partition_and_keep_their_order(subject: Subject) -> None:
    source = random.Random(7)
    keys = [source.getrandbits(64) for _ in range(5)]
    for call in range(4):
        await subject.sink.publish(all_of(f"{call}-", 50, keys))
    log = await subject.read(200)
    for key in keys:
        homes = [
            [event.event_id for _, event in events if event.website_id == str(key)] for events in log.values()
        ]
        (home,) = [found for found in homes if found]
        assert home == sorted(home)
        assert len(home) == 40


async def test_the_offsets_name_the_last_chunk_of_each_partition(subject: Subject) -> None:
    done = await subject.sink.publish(all_of("e", 40, range(20)))
    log = await subject.read(40)
    assert done.offsets == {partition: events[-1][0] for partition, events in log.items()}


async def test_calls_at_the_same_time_all_end_and_nothing_is_lost_or_doubled(subject: Subject) -> None:
    calls = [all_of(f"{call:03}-", 1 + call % 50, [call * 7919 + n for n in range(3)]) for call in range(200)]
    done = await asyncio.gather(*(subject.sink.publish(events) for events in calls))
    assert all(published.failures == {} for published in done)
    sent = Counter(RawEvent.FromString(item.value).event_id for events in calls for item in events)
    assert Counter(names(await subject.read(sent.total()))) == sent


async def test_large_events_are_taken_in_any_number(subject: Subject) -> None:
    """3 MB for one partition: more than a chunk, a batch and a record of Kafka may hold."""
    calls = [[event(f"{call:02}-{number:02}", 5, 4096) for number in range(50)] for call in range(15)]
    done = await asyncio.gather(*(subject.sink.publish(events) for events in calls))
    assert all(published.failures == {} for published in done)
    found = names(await subject.read(750))
    assert Counter(found) == Counter(f"{call:02}-{number:02}" for call in range(15) for number in range(50))


async def test_what_cannot_be_stored_is_told_for_each_event_and_not_raised(subject: Subject) -> None:
    await subject.sink.publish(all_of("before", 5, range(5)))
    await subject.break_it()
    done = await subject.sink.publish(all_of("after", 5, range(5)))
    assert set(done.failures) == set(range(5))
    assert all(done.failures.values())
    assert done.offsets == {}
    assert all(name.startswith("before") for name in names(await subject.read(5)))


async def test_a_closed_sink_refuses_and_says_why(subject: Subject) -> None:
    assert subject.sink.trouble() is None
    await subject.sink.publish(all_of("before", 3, range(3)))
    await subject.sink.close()
    assert subject.sink.trouble()
    done = await subject.sink.publish(all_of("after", 3, range(3)))
    assert set(done.failures) == {0, 1, 2}
    assert sorted(names(await subject.read(3))) == ["before0000", "before0001", "before0002"]


async def test_closing_twice_is_closing(subject: Subject) -> None:
    await subject.sink.close()
    await subject.sink.close()
    assert subject.sink.trouble()


async def test_closing_waits_for_what_is_on_its_way(subject: Subject) -> None:
    publishing = asyncio.ensure_future(subject.sink.publish(all_of("e", 50, range(9))))
    await asyncio.sleep(0)
    await subject.sink.close()
    assert (await publishing).failures == {}
    assert len(names(await subject.read(50))) == 50


@pytest.mark.stack
async def test_a_sink_whose_broker_is_away_tells_it_at_once() -> None:
    nowhere = str(free_addresses(random.Random()).kafka)
    sink = KafkaSink(
        Connection(KafkaSettings(kafka_bootstrap_servers=nowhere), 1), Bounds(patience=1), Metrics()
    )
    sink.open()
    done = await asyncio.wait_for(sink.publish(all_of("e", 3, range(3))), 0.5)
    assert set(done.failures) == {0, 1, 2}
    assert sink.trouble()
    await sink.close()
