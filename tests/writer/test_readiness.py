"""Readiness: each backend is asked at most once a second, and what is waited for is said."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError
from prometheus_client import CollectorRegistry

from eventrail.clock import ManualClock
from writer.consumer import NEEDED
from writer.metrics import metrics
from writer.readiness import Readiness
from writer.table import Table
from writer.waiting import Cause, Waiting


class MemoryConsumer:
    def __init__(self, *there: str) -> None:
        self.there = set(there)
        self.fault: Exception | None = None

    async def topics(self) -> set[str]:
        if self.fault:
            raise self.fault
        return self.there


@pytest.fixture
def waiting() -> Waiting:
    return Waiting(metrics(CollectorRegistry()), lambda: 0.0)


@pytest.fixture
def readiness(waiting: Waiting, unused_tcp_port: int) -> Iterator[Readiness]:
    with closing(Table(f"clickhouse://127.0.0.1:{unused_tcp_port}/x", timeout_seconds=1)) as table:
        yield Readiness(table, waiting)


async def test_without_a_consumer_kafka_is_not_ready(readiness: Readiness) -> None:
    assert await readiness.kafka() == "not connected yet"


async def test_kafka_is_ready_with_its_topics(readiness: Readiness) -> None:
    readiness.consumer = MemoryConsumer(*NEEDED, "other")
    assert await readiness.kafka() == "ok"


async def test_missing_topics_are_named(readiness: Readiness) -> None:
    readiness.consumer = MemoryConsumer(*NEEDED[1:])
    assert await readiness.kafka() == (
        "topic eventrail.enriched.v1 does not exist; run: python -m eventrail topics create"
    )


async def test_a_broker_that_is_away_is_told(readiness: Readiness) -> None:
    consumer: Any = MemoryConsumer()
    consumer.fault = KafkaConnectionError("no broker")
    readiness.consumer = consumer
    assert "no broker" in await readiness.kafka()


async def test_an_engine_that_is_away_is_told(readiness: Readiness) -> None:
    assert "no answer from ClickHouse" in await readiness.clickhouse()


async def test_what_holds_the_writer_comes_first(readiness: Readiness, waiting: Waiting) -> None:
    waiting.begin(Cause.CLICKHOUSE, "overloaded")
    assert await readiness.clickhouse() == "overloaded"
    waiting.begin(Cause.TABLE, "no column")
    assert await readiness.clickhouse() == "no column"
    waiting.begin(Cause.KAFKA, "not acknowledged")
    assert await readiness.kafka() == "not acknowledged"


async def test_a_held_line_is_told(readiness: Readiness, waiting: Waiting) -> None:
    assert await readiness.breaker() == "ok"
    waiting.begin(Cause.BREAKER, "more than 20% are bad")
    assert await readiness.breaker() == "more than 20% are bad"


async def test_all_are_required(readiness: Readiness) -> None:
    health = readiness.health(ManualClock().monotonic)
    ready, answers = await health.ask()
    assert not ready
    assert set(answers) == set(health.required) == {"kafka", "clickhouse", "breaker"}
