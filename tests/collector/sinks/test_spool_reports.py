"""Reports of a spool on the real broker, and what becomes of them where it does not take them."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from collector.sinks.connection import Connection
from collector.sinks.spool_registration import Registration
from collector.sinks.spool_reports import SpoolReports
from devstack.ports import free_addresses
from eventrail.contract import topics
from eventrail.kafka.admin import create_topics
from eventrail.kafka.offsets import close, connected_consumer
from eventrail.settings import KafkaSettings
from eventrail.spools.reports import Spool
from eventrail.spools.topic import SpoolsTopic

pytestmark = pytest.mark.stack


@pytest_asyncio.fixture
async def settings(kafka: str) -> KafkaSettings:
    made = KafkaSettings(kafka_bootstrap_servers=kafka)
    await create_topics(made, topics.ALL)
    return made


@pytest_asyncio.fixture
async def topic(settings: KafkaSettings) -> AsyncIterator[SpoolsTopic]:
    consumer = await connected_consumer(settings, None)
    yield SpoolsTopic(consumer)
    await close(consumer)


def reports(settings: KafkaSettings, folder: Path, events: Callable[[], int], **times: float) -> SpoolReports:
    connection = Connection(settings, 5, topics.SPOOLS)
    chosen = {"patience": 5.0, "every": 0.05, **times}
    return SpoolReports(Registration(folder), connection, events, "collector-0", **chosen)


async def until(condition: Callable[[], object], topic: SpoolsTopic | None = None) -> None:
    async with asyncio.timeout(20):
        while not condition():
            if topic is not None:
                await topic.catch_up()
            await asyncio.sleep(0.02)


def of(topic: SpoolsTopic, folder: Path) -> Spool | None:
    name = Registration(folder).id()
    return next((spool for spool in topic.spools if spool.id == name), None)


async def test_a_spool_is_registered_told_of_and_taken_back(
    settings: KafkaSettings, topic: SpoolsTopic, tmp_path: Path
) -> None:
    held = [12]
    made = reports(settings, tmp_path, lambda: held[0])
    assert made.trouble() == "not connected yet"
    made.open()
    await until(made.registered)
    assert made.trouble() is None
    await until(lambda: of(topic, tmp_path), topic)
    end = await topic.catch_up()
    spool = of(topic, tmp_path)
    assert spool is not None
    assert (spool.events, spool.host, spool.was_empty_after(0)) == (12, "collector-0", False)
    held[0] = 0
    await until(lambda: (told := of(topic, tmp_path)) and told.was_empty_after(end), topic)
    assert Registration(tmp_path).marked
    await made.close(empty=True)
    await until(lambda: of(topic, tmp_path) is None, topic)
    assert not Registration(tmp_path).marked


async def test_a_spool_with_events_stays_registered_and_the_next_process_goes_on(
    settings: KafkaSettings, topic: SpoolsTopic, tmp_path: Path
) -> None:
    first = reports(settings, tmp_path, lambda: 3)
    first.open()
    await until(first.registered)
    await first.close(empty=False)
    second = reports(settings, tmp_path, lambda: 0)
    assert second.registered()
    await until(lambda: (told := of(topic, tmp_path)) and told.events == 3, topic)
    end = await topic.catch_up()
    second.open()
    await until(lambda: (told := of(topic, tmp_path)) and told.was_empty_after(end), topic)
    await second.close(empty=True)


async def test_without_kafka_it_is_not_registered_and_ends_in_time(tmp_path: Path) -> None:
    nowhere = KafkaSettings(kafka_bootstrap_servers=str(free_addresses(random.Random()).kafka))
    made = reports(nowhere, tmp_path, lambda: 0, patience=0.2)
    made.open()
    await until(lambda: "no answer from Kafka" in (made.trouble() or ""))
    assert not made.registered()
    await asyncio.wait_for(made.close(empty=True), 5)
    assert not Registration(tmp_path).marked


async def test_a_folder_that_cannot_be_written_is_told(
    settings: KafkaSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: Registration) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Registration, "mark", fail)
    made = reports(settings, tmp_path, lambda: 0)
    made.open()
    await until(lambda: "No space left on device" in (made.trouble() or ""))
    assert not made.registered()
    monkeypatch.undo()
    await until(made.registered)
    await made.close(empty=True)
