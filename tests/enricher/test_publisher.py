"""The real producer on a real broker, and a broker that is away."""

import asyncio
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaTimeoutError

from devstack.ports import free_addresses
from enricher import publisher as publisher_module
from enricher.metrics import Metrics
from enricher.publisher import Parcel, Publisher
from enricher.waits import Waits
from eventrail.clock import SystemClock
from eventrail.contract.topics import ALL, ENRICHED, REJECTED
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.admin import create_topics
from eventrail.kafka.records import Acknowledged, Record, producer
from eventrail.settings import KafkaSettings


def waits() -> Waits:
    return Waits(Metrics(), SystemClock())


def always() -> bool:
    return True


def addressed(parcels: list[Parcel]) -> Callable[[], Any]:
    async def address() -> list[Parcel]:
        return parcels

    return address


async def test_a_broker_that_is_away_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = str(free_addresses(random.Random()).kafka)
    publisher = Publisher(lambda: producer(nobody), waits())
    assert await publisher.reachable() == "not connected"
    with pytest.raises(KafkaUnavailable):
        await publisher.start()
    with pytest.raises(KafkaUnavailable):
        await publisher.partition_count(ENRICHED.name)
    await publisher.stop()


async def test_it_gives_up_only_what_is_not_wanted_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher_module, "_FIRST_PAUSE_SECONDS", 0.001)
    nobody = str(free_addresses(random.Random()).kafka)
    attempts = 0

    def connect() -> AIOKafkaProducer:
        nonlocal attempts
        attempts += 1
        return producer(nobody)

    waiting = waits()
    publisher = Publisher(connect, waiting)
    assert await publisher.publish(addressed([]), lambda: attempts < 4) is None
    assert attempts == 4
    assert not waiting


async def test_an_answer_that_does_not_come_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher_module, "_LOOK_SECONDS", 0.001)
    asked, wanted = asyncio.Event(), True

    async def address() -> list[Parcel]:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    publisher = Publisher(lambda: producer("127.0.0.1:1"), waits())
    monkeypatch.setattr(publisher, "_ensure", AsyncMock())
    work = asyncio.create_task(publisher.publish(address, lambda: wanted))
    await asked.wait()
    assert not (await asyncio.wait([work], timeout=0.05))[0]
    wanted = False
    async with asyncio.timeout(1):
        assert await work is None


class Silent:
    """A producer of a broker that answers questions and acknowledges nothing."""

    def __init__(self) -> None:
        self.client = SimpleNamespace(fetch_all_metadata=AsyncMock(), close=AsyncMock())
        self._sender = SimpleNamespace(sender_task=None)
        self.start = AsyncMock()
        self.sent: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def create_batch(self) -> Any:
        return SimpleNamespace(
            append=lambda **_: 1, size=lambda: 1, close=lambda: None, record_count=lambda: 1
        )

    async def send_batch(self, _batch: Any, _topic: str, *, partition: int) -> asyncio.Future[Any]:
        return self.sent


def silent_broker() -> tuple[list[Silent], Callable[[], Any]]:
    made: list[Silent] = []

    def connect() -> Silent:
        made.append(Silent())
        return made[-1]

    return made, connect


async def test_a_producer_that_was_let_go_is_no_broker_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher_module, "_LOOK_SECONDS", 0.001)
    made, connect = silent_broker()
    publisher = Publisher(connect, waits())
    await publisher.start()
    parcels = [Parcel("t", 0, [Record(b"v")])]
    assert await publisher.publish(addressed(parcels), lambda: False) is None
    assert await asyncio.gather(*(publisher.reachable() for _ in range(3))) == ["ok"] * 3
    assert len(made) == 2, "one new producer, whoever asks"
    monkeypatch.setattr(publisher_module, "_PROBE_SECONDS", 0.01)
    monkeypatch.setattr(made[1].client, "fetch_all_metadata", asyncio.Event().wait)
    assert await publisher.reachable() == "no answer from Kafka: TimeoutError"
    await publisher.stop()
    assert await publisher.reachable() == "not connected"
    assert len(made) == 2, "nobody connects after the end"


async def test_a_connection_that_hangs_is_told_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher_module, "_LOOK_SECONDS", 0.001)
    monkeypatch.setattr(publisher_module, "_PROBE_SECONDS", 0.01)
    made, connect = silent_broker()
    publisher = Publisher(connect, waits())
    await publisher.start()
    assert await publisher.publish(addressed([Parcel("t", 0, [Record(b"v")])]), lambda: False) is None
    real = publisher._connect

    def hangs() -> Any:
        producer = real()
        monkeypatch.setattr(producer, "start", asyncio.Event().wait)
        return producer

    monkeypatch.setattr(publisher, "_connect", hangs)
    async with asyncio.timeout(1):
        assert await publisher.reachable() == "no answer from Kafka: TimeoutError"
    monkeypatch.setattr(publisher, "_connect", real)
    assert await publisher.reachable() == "ok"
    assert made[1].client.close.called
    await publisher.stop()


async def test_an_acknowledgement_that_does_not_come_is_a_named_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher_module, "_LOOK_SECONDS", 0.001)
    monkeypatch.setattr(publisher_module, "_PATIENCE_SECONDS", 0.02)
    made, connect = silent_broker()
    waiting = waits()
    publisher = Publisher(connect, waiting)
    work = asyncio.create_task(publisher.publish(addressed([Parcel("t", 0, [Record(b"v")])]), always))
    async with asyncio.timeout(1):
        while not waiting:  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.001)
    assert "not acknowledged for" in str(waiting)
    assert not work.done()
    made[0].sent.set_result(SimpleNamespace(offset=7))
    async with asyncio.timeout(1):
        assert await work == [Acknowledged("t", 0, 7, 1)]
    assert not waiting
    assert len(made) == 1, "the same producer goes on: what it sends again makes no copy"
    await publisher.stop()


@pytest.mark.stack
async def test_all_partitions_leave_at_once_and_after_a_failure_the_same_bytes_again(
    kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create_topics(KafkaSettings(kafka_bootstrap_servers=kafka), ALL)
    monkeypatch.setattr(publisher_module, "_FIRST_PAUSE_SECONDS", 0.001)
    made: list[AIOKafkaProducer] = []

    def connect() -> AIOKafkaProducer:
        made.append(producer(kafka))
        return made[-1]

    publisher = Publisher(connect, waits())
    await publisher.start()
    assert await publisher.reachable() == "ok"
    count = await publisher.partition_count(ENRICHED.name)
    tps = [TopicPartition(ENRICHED.name, 0), TopicPartition(REJECTED.name, count - 1)]
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka)
    await consumer.start()
    before = await consumer.end_offsets(tps)
    parcels = [
        Parcel(tp.topic, tp.partition, [Record(b"%d" % n, key=b"k", headers=[("h", b"v")]) for n in range(3)])
        for tp in tps
    ]

    real = made[0].send_batch

    async def fails_once(*arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(made[0], "send_batch", real)
        raise KafkaTimeoutError

    monkeypatch.setattr(made[0], "send_batch", fails_once)
    acknowledged = await publisher.publish(addressed(parcels), always)
    assert acknowledged is not None
    assert [(TopicPartition(a.topic, a.partition), a.offset, a.count) for a in acknowledged] == [
        (tp, before[tp], 3) for tp in tps
    ]
    assert len(made) == 2, "a new producer after a failure"
    consumer.assign(tps)
    for tp in tps:
        consumer.seek(tp, before[tp])
        records = (await consumer.getmany(tp, timeout_ms=5000))[tp]
        assert [(found.value, found.headers) for found in records] == [
            (b"%d" % n, (("h", b"v"),)) for n in range(3)
        ]
    await consumer.stop()
    await publisher.stop()
