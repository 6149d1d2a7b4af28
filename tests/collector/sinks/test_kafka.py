"""What the Kafka sink does with a broker that is slow, partly away or gone; the broker is scripted here.

The same sink against a real broker: tests/contracts/test_sink_contract.py and tests/collector/test_process.py.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest_asyncio
from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.structs import RecordMetadata, TopicPartition

from collector.metrics import Metrics
from collector.sinks import Placed, Published
from collector.sinks.connection import Connection, Session
from collector.sinks.kafka import AWAY, CLOSED, FULL, LATE, Bounds, KafkaSink
from eventrail.contract.codec import decode_raw
from eventrail.contract.topics import RAW
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.settings import KafkaSettings

PATIENCE = 0.2


class ScriptedProducer:
    """Acknowledges a batch when its partition is not held; `fails` gives a partition its error."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.free.set()
        self.held: set[int] = set()
        self.fails: dict[int, Exception] = {}
        self.batches: defaultdict[int, list[BatchBuilder]] = defaultdict(list)
        self._ends: defaultdict[int, int] = defaultdict(int)

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(1_048_576, 0)

    async def send_batch(
        self, batch: BatchBuilder, topic: str, *, partition: int
    ) -> asyncio.Task[RecordMetadata]:
        assert topic == RAW.name
        return asyncio.create_task(self._acknowledge(batch, partition))

    async def _acknowledge(self, batch: BatchBuilder, partition: int) -> RecordMetadata:
        self.batches[partition].append(batch)
        if partition in self.held:
            await asyncio.Event().wait()
        await self.free.wait()
        if partition in self.fails:
            raise self.fails[partition]
        offset = self._ends[partition]
        self._ends[partition] += batch.record_count()
        at = TopicPartition(RAW.name, partition)
        return RecordMetadata(RAW.name, partition, at, offset, -1, 0, 0)


class ScriptedConnection(Connection):
    """Always has the session it was given, and remembers why it was asked to replace it."""

    def __init__(self, producer: ScriptedProducer, partitions: int) -> None:
        super().__init__(KafkaSettings(), PATIENCE)
        self.session: Session | None = Session(producer, partitions)
        self.away = None
        self.replaced: list[str] = []

    def replace(self, session: Session, reason: str) -> None:
        self.replaced.append(reason)

    async def close(self) -> None:
        self.session = None


@pytest_asyncio.fixture
async def producer() -> ScriptedProducer:
    return ScriptedProducer()


@pytest_asyncio.fixture
async def connection(producer: ScriptedProducer) -> ScriptedConnection:
    return ScriptedConnection(producer, 3)


Make = Callable[..., KafkaSink]


@pytest_asyncio.fixture
async def make(connection: ScriptedConnection) -> AsyncIterator[Make]:
    made: list[KafkaSink] = []

    def build(**bounds: Any) -> KafkaSink:
        made.append(
            KafkaSink(connection, Bounds(**{"patience": PATIENCE, "linger": 0.0, **bounds}), Metrics())
        )
        return made[-1]

    yield build
    for sink in made:
        await sink.close()
        assert (sink.backlog.events, sink.backlog.bytes) == (0, 0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the conditions are plain values
            await asyncio.sleep(0)


def event(key: int, size: int = 0) -> Placed:
    return Placed(key, RawEvent(event_id=str(key), event_data="x" * size).SerializeToString())


async def test_what_arrives_during_a_send_leaves_together_in_the_next(
    make: Make, producer: ScriptedProducer
) -> None:
    sink = make(patience=5)
    producer.free.clear()
    first = asyncio.ensure_future(sink.publish([event(0)]))
    await until(lambda: bool(producer.batches[0]))
    others = [asyncio.ensure_future(sink.publish([event(3 * n)])) for n in range(1, 200)]
    await until(lambda: sink.backlog.events == 200)
    producer.free.set()
    done = await asyncio.gather(first, *others)
    assert all(published.failures == {} for published in done)
    assert len(producer.batches[0]) == 2
    assert {published.offsets[0] for published in done[1:]} == {1}


async def test_a_send_is_cut_into_chunks_by_count(make: Make, producer: ScriptedProducer) -> None:
    sink = make(chunk_events=10)
    done = await sink.publish([event(0) for _ in range(45)])
    assert done.failures == {}
    assert done.offsets == {0: 4}
    assert [batch.record_count() for batch in producer.batches[0]] == [5]


async def test_a_send_is_cut_into_chunks_by_bytes(make: Make, producer: ScriptedProducer) -> None:
    sink = make(chunk_bytes=5000)
    await sink.publish([event(0, 2000) for _ in range(9)])
    assert sum(batch.record_count() for batch in producer.batches[0]) == 5


async def test_only_the_events_of_a_failed_partition_fail(
    make: Make, producer: ScriptedProducer, connection: ScriptedConnection
) -> None:
    producer.fails = {1: MessageSizeTooLargeError()}
    done = await make().publish([event(n) for n in range(6)])
    assert done.failures == {1: LATE, 4: LATE}
    assert set(done.offsets) == {0, 2}
    assert len(connection.replaced) == 1
    assert "eventrail.raw.v1/1" in connection.replaced[0]


async def test_a_stuck_partition_costs_its_events_the_deadline_and_the_others_nothing(
    make: Make, producer: ScriptedProducer, connection: ScriptedConnection
) -> None:
    sink = make()
    producer.held = {2}
    stuck = asyncio.ensure_future(sink.publish([event(2), event(0)]))
    assert (await sink.publish([event(1)])).failures == {}
    assert not stuck.done()
    done = await asyncio.wait_for(stuck, 5)
    assert done.failures == {0: LATE}
    assert set(done.offsets) == {0}
    await until(lambda: bool(connection.replaced))


async def test_events_that_were_given_up_in_the_queue_are_never_sent(
    make: Make, producer: ScriptedProducer
) -> None:
    # The first fills a send alone, and its send begins after all have come: its end is after their deadline.
    sink = make(linger=0.05)
    producer.held = {0}
    in_flight = asyncio.ensure_future(sink.publish([event(0, 600_000)]))
    waiting = [asyncio.ensure_future(sink.publish([event(3)])) for _ in range(50)]
    done = await asyncio.wait_for(asyncio.gather(in_flight, *waiting), 5)
    assert [published.failures for published in done] == [{0: LATE}] * 51
    await sink.close()
    assert sum(len(decode_raw(value_of(batch))) for batch in producer.batches[0]) == 1


def value_of(batch: BatchBuilder) -> bytes:
    (record,) = DefaultRecordBatch(bytes(batch._build()))
    assert record.value is not None
    return bytes(record.value)


async def test_a_full_queue_refuses_at_once_and_takes_again_afterwards(
    make: Make, producer: ScriptedProducer
) -> None:
    sink = make(queue_events=10, patience=5)
    producer.free.clear()
    taken = [asyncio.ensure_future(sink.publish([event(n)])) for n in range(10)]
    await until(lambda: sink.backlog.events == 10)
    refused = await asyncio.wait_for(sink.publish([event(1), event(2)]), 1)
    assert refused.failures == {0: FULL, 1: FULL}
    assert sink.backlog.events == 10
    producer.free.set()
    assert all(not done.failures for done in await asyncio.gather(*taken))
    assert (await sink.publish([event(1)])).failures == {}


async def test_a_full_queue_is_also_counted_in_bytes(make: Make) -> None:
    assert (await make(queue_bytes=1000).publish([event(0, 1000)])).failures == {0: FULL}


async def test_without_a_session_nothing_waits(make: Make, connection: ScriptedConnection) -> None:
    sink = make()
    connection.session, connection.away = None, "no answer from Kafka at 127.0.0.1:1"
    assert (await sink.publish([event(0), event(1)])).failures == {0: AWAY, 1: AWAY}
    assert sink.trouble() == "no answer from Kafka at 127.0.0.1:1"


async def test_a_lost_session_fails_what_still_waits(
    make: Make, producer: ScriptedProducer, connection: ScriptedConnection
) -> None:
    sink = make(patience=5)
    producer.free.clear()
    first = asyncio.ensure_future(sink.publish([event(0)]))
    await until(lambda: bool(producer.batches[0]))
    second = asyncio.ensure_future(sink.publish([event(0)]))
    await until(lambda: sink.backlog.events == 2)
    connection.session = None
    producer.free.set()
    assert (await first).failures == {}
    assert (await asyncio.wait_for(second, 1)).failures == {0: AWAY}


async def test_a_fault_of_the_client_library_is_told_and_gives_the_room_back(
    make: Make, producer: ScriptedProducer, connection: ScriptedConnection
) -> None:
    sink = make(patience=5)
    producer.fails = {0: AttributeError("a bug")}
    assert (await asyncio.wait_for(sink.publish([event(0)]), 1)).failures == {0: LATE}
    assert sink.backlog.events == 0
    assert connection.replaced == ["AttributeError('a bug')"]
    producer.fails = {}
    assert (await sink.publish([event(0)])).failures == {}


async def test_closing_waits_for_what_was_taken(make: Make, producer: ScriptedProducer) -> None:
    sink = make(patience=5)
    producer.free.clear()
    taken = asyncio.ensure_future(sink.publish([event(0)]))
    await until(lambda: bool(producer.batches[0]))
    closing = asyncio.create_task(sink.close())
    await until(lambda: sink.trouble() is not None)
    assert (await sink.publish([event(1)])).failures == {0: CLOSED}
    assert not closing.done()
    producer.free.set()
    await asyncio.wait_for(closing, 5)
    assert (await taken).failures == {}


async def test_what_is_given_up_ends_at_once_in_the_order_of_arrival(
    make: Make, producer: ScriptedProducer
) -> None:
    sink = make(patience=2)
    ended: list[int] = []

    async def publish(number: int) -> Published:
        done = await sink.publish([event(number), event(number + 1)])
        ended.append(number)
        return done

    producer.held = {0, 1, 2}
    publishing = [asyncio.create_task(publish(number)) for number in range(100)]
    await until(lambda: len(producer.batches) == 3)
    publishing += [asyncio.create_task(publish(number)) for number in range(100, 200)]
    await until(lambda: sink.backlog.events == 400)
    sink.give_up()
    done = await asyncio.wait_for(asyncio.gather(*publishing), 1)
    assert [published.failures for published in done] == [{0: LATE, 1: LATE}] * 200
    assert ended == list(range(200))
    # Only what is on its way is still counted; the rest is never sent.
    assert sink.backlog.events == 200
    await sink.close()
    assert sum(map(len, producer.batches.values())) == 3
