"""`python -m eventrail spools` on the real broker."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer

from eventrail.__main__ import main
from eventrail.contract import topics
from eventrail.kafka.admin import create_topics
from eventrail.kafka.records import Record, producer, send
from eventrail.settings import KafkaSettings
from eventrail.spools import command
from eventrail.spools.reports import Spool, report


def test_the_table_says_for_how_long_a_spool_is_silent() -> None:
    found = [Spool("ab12", "collector-0", 1203, 1_000_000), Spool("cd34", "", None, 2_000_000)]
    assert command.lines(found, 1_999_999) == [
        "spool  host         events      last report",
        "ab12   collector-0  1,203       999 s ago".replace("999", "1,000"),
        "cd34   -            unreadable  0 s ago",
    ]
    assert command.lines([], 0) == ["no spool is registered"]


@pytest_asyncio.fixture
async def sender(kafka: str) -> AsyncIterator[AIOKafkaProducer]:
    await create_topics(KafkaSettings(kafka_bootstrap_servers=kafka), topics.ALL)
    async with producer(kafka) as made:
        yield made


@pytest.mark.stack
async def test_a_spool_is_listed_and_forgotten(
    kafka: str, sender: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS", kafka)
    name = uuid4().hex[:16]
    await send(sender, topics.SPOOLS.name, 0, [Record(report(12, None, "web-1"), key=name.encode())])
    assert await asyncio.to_thread(main, ["spools", "list"]) == 0
    assert f"{name}  web-1  12" in capsys.readouterr().out
    assert await asyncio.to_thread(main, ["spools", "forget", name]) == 0
    assert f"{name} is forgotten" in capsys.readouterr().out
    assert await asyncio.to_thread(main, ["spools", "forget", name]) == 2
    assert f"no spool '{name}' is registered" in capsys.readouterr().err
    assert name not in [
        spool.id for spool in await command.registered(KafkaSettings(kafka_bootstrap_servers=kafka))
    ]
