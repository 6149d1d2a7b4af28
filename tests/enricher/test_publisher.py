"""The real producer on a real broker, and a broker that is away."""

import asyncio
import random
from collections.abc import Callable
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
from eventrail.kafka.records import Record, producer
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
    monkeypatch.setattr(publisher, "start", AsyncMock())
    work = asyncio.create_task(publisher.publish(address, lambda: wanted))
    await asked.wait()
    assert not (await asyncio.wait([work], timeout=0.05))[0]
    wanted = False
    async with asyncio.timeout(1):
        assert await work is None


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
