"""The connection to a broker that comes, goes, and loses its topics. It has a broker of its own."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio

from collector.metrics import Metrics
from collector.sinks import Placed
from collector.sinks.connection import Connection, Session
from collector.sinks.kafka import AWAY, LATE, Bounds, KafkaSink
from devstack import programs
from devstack.ports import Addresses, free_addresses
from devstack.process import Run
from devstack.single import running
from eventrail.contract import topics
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.kafka.admin import create_topics
from eventrail.settings import KafkaSettings

pytestmark = pytest.mark.stack

PATIENCE = 1.0

Broker = Callable[[str], AbstractAsyncContextManager[Run]]


@pytest.fixture
def addresses() -> Addresses:
    return free_addresses(random.Random())


@pytest.fixture
def broker(addresses: Addresses, tmp_path: Path) -> Broker:
    """A broker at one address, with the data of a given name."""

    def start(data: str) -> AbstractAsyncContextManager[Run]:
        program = programs.kafka(addresses.kafka, addresses.kafka_controller, tmp_path / data)
        return running(program, tmp_path / f"{data}.log")

    return start


@pytest.fixture
def settings(addresses: Addresses) -> KafkaSettings:
    return KafkaSettings(kafka_bootstrap_servers=str(addresses.kafka), topic_partitions=3)


@pytest_asyncio.fixture
async def connection(settings: KafkaSettings) -> Connection:
    return Connection(settings, PATIENCE, heartbeat=1.0, longest_pause=0.5)


@pytest_asyncio.fixture
async def sink(connection: Connection) -> AsyncIterator[KafkaSink]:
    made = KafkaSink(connection, Bounds(patience=PATIENCE, queue_events=100), Metrics())
    made.open()
    yield made
    await asyncio.wait_for(made.close(), 20)
    assert (made.backlog.events, made.backlog.bytes) == (0, 0)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - the conditions are plain values
            await asyncio.sleep(0.02)


async def publish(sink: KafkaSink) -> set[str]:
    """One event for each partition; the reasons of those that failed."""
    event = RawEvent(event_id="e").SerializeToString()
    return set((await sink.publish([Placed(key, event) for key in range(3)])).failures.values())


async def test_an_outage_costs_answers_but_no_restart(
    broker: Broker, settings: KafkaSettings, connection: Connection, sink: KafkaSink
) -> None:
    assert await publish(sink) == {AWAY}
    await until(lambda: connection.away and "no answer from Kafka" in connection.away)
    async with broker("first"):
        await create_topics(settings, topics.ALL)
        await until(lambda: sink.trouble() is None)
        assert await publish(sink) == set()
    # Away where the heartbeat has missed the broker twice before.
    assert await publish(sink) in ({LATE}, {AWAY})
    await until(lambda: connection.session is None)
    began = asyncio.get_running_loop().time()
    for _ in range(500):
        assert await publish(sink) == {AWAY}
    assert asyncio.get_running_loop().time() - began < PATIENCE
    assert sink.backlog.events == 0
    async with broker("first"):
        await until(lambda: sink.trouble() is None)
        assert await publish(sink) == set()


async def test_a_short_outage_is_waited_for(
    broker: Broker, settings: KafkaSettings, sink: KafkaSink, connection: Connection
) -> None:
    async with broker("first"):
        await create_topics(settings, topics.ALL)
        await until(lambda: sink.trouble() is None)
        patient = KafkaSink(Connection(settings, 25), Bounds(patience=25), Metrics())
        patient.open()
        await until(lambda: patient.trouble() is None)
    waiting = asyncio.create_task(publish(patient))
    async with broker("first"):
        assert await waiting == set()
    await asyncio.wait_for(patient.close(), 60)


async def test_a_missing_topic_is_named_until_it_is_there(
    broker: Broker, settings: KafkaSettings, connection: Connection, sink: KafkaSink
) -> None:
    async with broker("first"):
        await until(lambda: connection.fault)
        assert "topic eventrail.raw.v1 does not exist" in str(connection.fault)
        assert await publish(sink) == {AWAY}
        await create_topics(settings, topics.ALL)
        await until(lambda: sink.trouble() is None)
        assert connection.fault is None
        assert await publish(sink) == set()


@pytest.mark.long
async def test_a_broker_that_lost_everything_is_found_out(
    broker: Broker, settings: KafkaSettings, connection: Connection, sink: KafkaSink
) -> None:
    async with broker("first"):
        await create_topics(settings, topics.ALL)
        await until(lambda: sink.trouble() is None)
        assert await publish(sink) == set()
    async with broker("second"):
        await until(lambda: connection.fault)
        await create_topics(settings, topics.ALL)
        await until(lambda: sink.trouble() is None)
        assert await publish(sink) == set()


@pytest.mark.long
async def test_silence_is_noticed_without_traffic(
    broker: Broker, settings: KafkaSettings, connection: Connection, sink: KafkaSink
) -> None:
    async with broker("first"):
        await create_topics(settings, topics.ALL)
        await until(lambda: sink.trouble() is None)
    await until(lambda: sink.trouble() == "Kafka does not answer")
    assert connection.session is not None
    async with broker("first"):
        await until(lambda: sink.trouble() is None)
        assert await publish(sink) == set()


class DeadProducer:
    """A started producer whose client never hears from the broker."""

    @property
    def client(self) -> "DeadProducer":
        return self

    async def force_metadata_update(self) -> bool:
        return False

    async def flush(self) -> None: ...

    async def stop(self) -> None: ...


async def test_a_fault_while_connecting_does_not_end_the_attempts(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [ValueError("a bug"), KeyError("another")]

    async def start() -> Session:
        if faults:
            raise faults.pop(0)
        return Session(cast("Any", DeadProducer()), 3)

    monkeypatch.setattr(connection, "_started", start)
    connection.open()
    await until(lambda: connection.away == "ValueError('a bug')")
    await until(lambda: connection.session)
    assert (connection.trouble, faults) == (None, [])
    await connection.close()


async def test_a_session_that_stays_silent_is_replaced_without_traffic(
    settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = Connection(settings, PATIENCE, heartbeat=0.05)
    sessions: list[Session] = []

    async def start() -> Session:
        sessions.append(Session(cast("Any", DeadProducer()), 3))
        return sessions[-1]

    monkeypatch.setattr(connection, "_started", start)
    connection.open()
    await until(lambda: connection.silent)
    assert connection.session is sessions[0]
    await until(lambda: len(sessions) > 1)
    await until(lambda: connection.session is not sessions[0])
    await connection.close()
