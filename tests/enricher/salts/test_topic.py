"""The salts topic on a real broker: one order for everybody, and processes that race for it."""

import asyncio
import json
import random
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from devstack.ports import free_addresses
from enricher.salts.topic import KafkaSaltLog
from eventrail.contract.topics import SALTS
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.admin import create_topics
from eventrail.kafka.records import producer
from eventrail.settings import KafkaSettings

pytestmark = pytest.mark.stack

ROUNDS = 25


@pytest.fixture
async def log(kafka: str) -> AsyncIterator[KafkaSaltLog]:
    """The topic, made anew: other tests run workers that have put their salts there."""
    client = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await client.start()
    if SALTS.name in await client.list_topics():
        await client.delete_topics([SALTS.name])
        async with asyncio.timeout(20):
            while SALTS.name in await client.list_topics():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    await client.close()
    await create_topics(KafkaSettings(kafka_bootstrap_servers=kafka), [SALTS])
    made = KafkaSaltLog(kafka, lambda: producer(kafka))
    yield made
    await made.stop()


async def test_what_is_appended_is_read_in_order_with_the_broker_s_time(log: KafkaSaltLog) -> None:
    assert await log.read() == []
    before_ms = time.time_ns() // 1_000_000
    await log.append([(b"a", b"1"), (b"b", None)])
    await log.append([(b"a", None)])
    for _ in range(2):
        found = await log.read()
        assert [(record.offset, record.key, record.value) for record in found] == [
            (0, b"a", b"1"),
            (1, b"b", None),
            (2, b"a", None),
        ]
        assert all(before_ms <= record.at_ms <= time.time_ns() // 1_000_000 for record in found)


async def test_kafka_away_is_said() -> None:
    nobody = str(free_addresses(random.Random()).kafka)
    log = KafkaSaltLog(nobody, lambda: producer(nobody))
    with pytest.raises(KafkaUnavailable, match="could not be read"):
        await log.read()
    with pytest.raises(KafkaUnavailable, match="not appended"):
        await log.append([(b"a", b"1")])
    await log.stop()


async def test_processes_that_race_to_make_the_same_days_salts_all_use_the_same(
    kafka: str, log: KafkaSaltLog
) -> None:
    # Behind the broker's clock, so that each round also removes what is over.
    begin_ms = time.time_ns() // 1_000_000 - 400 * 86_400_000
    script = str(Path(__file__).with_name("racer.py"))
    racers = [
        await asyncio.create_subprocess_exec(
            sys.executable, script, kafka, str(begin_ms), stdin=PIPE, stdout=PIPE, limit=2**20
        )
        for _ in range(3)
    ]
    used: dict[str, str] = {}
    try:
        for _ in range(ROUNDS):
            for racer in racers:
                assert racer.stdin is not None
                racer.stdin.write(b"go\n")
            for racer in racers:
                assert racer.stdout is not None
                for day, digest in json.loads(await racer.stdout.readline()).items():
                    assert used.setdefault(day, digest) == digest
    finally:
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.close()
            await racer.wait()
    assert len(used) >= 2 * ROUNDS
    assert len(set(used.values())) == len(used)
    candidates = {record.key for record in await log.read() if record.value is not None}
    assert len(candidates) > len(used), "nobody raced: each day had one candidate"
