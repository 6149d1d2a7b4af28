"""What bare clients take from memory to the broker: records as the collector sends them, acks=all, idempotent."""

import asyncio
import random
import time
from typing import Final

from aiokafka import AIOKafkaProducer
from confluent_kafka import Producer

from eventrail.contract.topics import RAW

RECORD_BYTES: Final = 420
"""About what an event of the load has as a record of its own, its address encrypted."""


def records(count: int, seed: int) -> list[bytes]:
    dice = random.Random(seed)  # noqa: S311 - no secret
    return [dice.randbytes(RECORD_BYTES) for _ in range(count)]


async def aiokafka(bootstrap_servers: str, values: list[bytes], partitions: int) -> float:
    """Records a second by aiokafka's batch interface, from the first to the last acknowledgement."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all", enable_idempotence=True)
    await producer.start()
    began = time.monotonic()
    waiting = []
    for number in range(partitions):
        rest = values[number::partitions]
        while rest:
            batch = producer.create_batch()
            place = 0
            while place < len(rest) and batch.append(key=None, value=rest[place], timestamp=None) is not None:
                place += 1
            rest = rest[place:]
            waiting.append(await producer.send_batch(batch, RAW.name, partition=number))
    await asyncio.gather(*waiting)
    taken = time.monotonic() - began
    await producer.stop()
    return len(values) / taken


def librdkafka(bootstrap_servers: str, values: list[bytes], partitions: int) -> float:
    """Records a second by confluent-kafka. Blocks. Raises RuntimeError where one was not acknowledged."""
    failed: list[object] = []
    producer = Producer(
        {"bootstrap.servers": bootstrap_servers, "enable.idempotence": True, "linger.ms": 5, "acks": "all"}
    )

    def delivered(error: object, _message: object) -> None:
        if error is not None:
            failed.append(error)

    began = time.monotonic()
    for number, value in enumerate(values):
        while True:
            try:
                producer.produce(RAW.name, value, partition=number % partitions, on_delivery=delivered)
                break
            except BufferError:  # its queue is full
                producer.poll(0.01)
        producer.poll(0)
    producer.flush(60)
    if failed:
        raise RuntimeError(f"librdkafka: {len(failed)} records were not acknowledged, the first: {failed[0]}")
    return len(values) / (time.monotonic() - began)
