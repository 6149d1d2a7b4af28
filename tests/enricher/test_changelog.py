import random
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from devstack.ports import free_addresses
from enricher.changelog import load
from enricher.sessions import Sessions
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.records import Record, producer, send


@pytest.fixture
async def topic(kafka: str) -> AsyncIterator[str]:
    """A changelog of two partitions for one test."""
    name = f"changelog-{random.randrange(10**9)}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, 2, 1)])
    yield name
    await admin.delete_topics([name])
    await admin.close()


@pytest.fixture
async def sender(kafka: str) -> AsyncIterator[AIOKafkaProducer]:
    made = producer(kafka)
    await made.start()
    yield made
    await made.stop()


@pytest.mark.stack
async def test_states_are_loaded_to_the_end_and_later_only_what_is_new(
    kafka: str, topic: str, sender: AIOKafkaProducer
) -> None:
    many = [Record(b"%d" % n, key=b"%d" % (n % 700), timestamp_ms=1000 + n) for n in range(2000)]
    await send(sender, topic, 0, many)
    await send(sender, topic, 0, [Record(None, key=b"5", timestamp_ms=9000)])
    sessions = Sessions()
    await load(kafka, topic, sessions, [0, 1])
    held = sessions.of(0)
    assert len(held.states) == 699
    assert held.states[b"6"] == b"1406"
    assert held.loaded == 2000
    assert held.watermark_ms == 0, "the changelog may be ahead of what was committed"
    assert sessions.of(1).loaded == -1
    held.states.clear()
    await send(sender, topic, 0, [Record(b"new", key=b"n", timestamp_ms=9001)])
    await load(kafka, topic, sessions, [0])
    assert held.states == {b"n": b"new"}
    assert held.loaded == 2001


@pytest.mark.stack
async def test_states_of_a_topic_that_was_made_anew_are_dropped(
    kafka: str, topic: str, sender: AIOKafkaProducer
) -> None:
    sessions = Sessions()
    sessions.of(0).put(b"old", b"1")
    sessions.of(0).loaded = 500
    await send(sender, topic, 0, [Record(b"2", key=b"new")])
    await load(kafka, topic, sessions, [0])
    assert sessions.of(0).states == {b"new": b"2"}
    assert sessions.of(0).loaded == 0


async def test_a_broker_that_is_away_is_reported() -> None:
    with pytest.raises(KafkaUnavailable):
        await load(str(free_addresses(random.Random()).kafka), "t", Sessions(), [0])


async def test_nothing_is_asked_for_no_partitions() -> None:
    await load("nowhere.invalid:1", "t", Sessions(), [])
