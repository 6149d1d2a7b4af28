"""The embedded broker: its settings, and that it keeps what it acknowledged."""

import os
import random
import signal
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from devstack import programs
from devstack.kafka import random_cluster_id, server_properties
from devstack.ports import Address, free_addresses
from devstack.single import running

LISTEN = Address("127.0.0.1", 21092)
CONTROLLER = Address("127.0.0.1", 21093)


async def create_topic(bootstrap: str, name: str, partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        answer = await admin.create_topics([NewTopic(name, partitions, 1)])
    finally:
        await admin.close()
    assert [error[1] for error in answer.topic_errors] == [0]


async def produce(bootstrap: str, topic: str, values: list[bytes]) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, compression_type="gzip"
    )
    async with producer:
        for value in values:
            await producer.send_and_wait(topic, value, partition=0)


async def read_all(bootstrap: str, topic: str) -> list[bytes]:
    partition = TopicPartition(topic, 0)
    values: list[bytes] = []
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as consumer:
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        while await consumer.position(partition) < end:
            batch = await consumer.getmany(partition, timeout_ms=1000)
            values += [record.value for records in batch.values() for record in records]
    return values


def parse(properties: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in properties.splitlines())


def test_settings_bind_both_listeners_to_loopback() -> None:
    settings = parse(server_properties(LISTEN, CONTROLLER, Path("/data/log")))
    assert settings["listeners"] == "PLAINTEXT://127.0.0.1:21092,CONTROLLER://127.0.0.1:21093"
    assert settings["advertised.listeners"] == "PLAINTEXT://127.0.0.1:21092"
    assert settings["controller.quorum.voters"] == "1@127.0.0.1:21093"
    assert settings["auto.create.topics.enable"] == "false"


def test_a_folder_with_odd_characters_is_escaped_for_java() -> None:
    text = server_properties(LISTEN, CONTROLLER, Path("/data/ä b\\c"))
    assert r"log.dirs=/data/\u00e4 b\\c" in text


def test_cluster_ids_differ_and_have_kafkas_form() -> None:
    first, second = random_cluster_id(), random_cluster_id()
    assert first != second
    assert len(first) == 22


@pytest.mark.stack
async def test_produce_and_consume(kafka: str) -> None:
    await create_topic(kafka, "devstack.plain", 3)
    values = [f"value {number}".encode() for number in range(100)]
    await produce(kafka, "devstack.plain", values)
    assert await read_all(kafka, "devstack.plain") == values


@pytest.mark.stack
async def test_a_topic_does_not_appear_by_itself(kafka: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka, request_timeout_ms=1000) as producer:
        with pytest.raises(KafkaError):
            await producer.send_and_wait("devstack.nowhere", b"value")
        assert "devstack.nowhere" not in (await producer.client.fetch_all_metadata()).topics()


@pytest.mark.stack
async def test_a_consumer_group_commits_and_resumes(kafka: str) -> None:
    await create_topic(kafka, "devstack.grouped", 1)
    await produce(kafka, "devstack.grouped", [b"one", b"two", b"three"])
    settings = {"bootstrap_servers": kafka, "group_id": "devstack", "auto_offset_reset": "earliest"}
    async with AIOKafkaConsumer("devstack.grouped", enable_auto_commit=False, **settings) as first:
        assert (await first.getone()).value == b"one"
        await first.commit({TopicPartition("devstack.grouped", 0): 1})
    async with AIOKafkaConsumer("devstack.grouped", enable_auto_commit=False, **settings) as second:
        assert (await second.getone()).value == b"two"


@pytest.mark.stack
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_restart_keeps_acknowledged_records(tmp_path: Path, number: int) -> None:
    addresses = free_addresses(random.Random())
    program = programs.kafka(addresses.kafka, addresses.kafka_controller, tmp_path)
    bootstrap = str(program.address)
    async with running(program, tmp_path / "log") as run:
        await create_topic(bootstrap, "kept", 1)
        await produce(bootstrap, "kept", [b"before"])
        os.kill(run.pid, number)
        await run.wait()
    async with running(program, tmp_path / "log"):
        await produce(bootstrap, "kept", [b"after"])
        assert await read_all(bootstrap, "kept") == [b"before", b"after"]
