"""A real worker process, what it reads and what it writes, as the tests hold them in their hands."""

import asyncio
import base64
import os
import random
import signal
import ssl
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from devstack.checkout import CHECKOUT
from devstack.ports import free_addresses
from eventrail.contract.codec import decode, decode_enriched
from eventrail.contract.topics import ENRICHED, REJECTED, SESSIONS_CHANGELOG
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, EventType
from eventrail.contract.v1.raw_pb2 import RawEvent, RawEvents
from eventrail.contract.v1.rejected_pb2 import RejectedEvent
from eventrail.kafka.records import Record
from eventrail.settings import KafkaSettings

PARTITIONS: int = KafkaSettings.model_fields["topic_partitions"].default
KEY = b"enricher tests: thirty-two bytes"
LIMIT_S = 60.0

# Reading the authorities' certificates for each question costs more than all the rest of it.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def environment(kafka: str, listen: str) -> dict[str, str]:
    return {
        **os.environ,
        "EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS": kafka,
        "EVENTRAIL_ADDRESS_KEYS": f"t1:{base64.b64encode(KEY).decode()}",
        "EVENTRAIL_SALT_KEYS": f"t1:{base64.b64encode(KEY[::-1]).decode()}",
        "EVENTRAIL_ENRICHER_LISTEN": listen,
        "EVENTRAIL_ENRICHER_SESSION_TIMEOUT_SECONDS": "6",
        "EVENTRAIL_ENRICHER_HEARTBEAT_INTERVAL_SECONDS": "1",
    }


async def until(holds: Callable[[], object], what: str, limit_s: float = LIMIT_S) -> None:
    end = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < end, f"not within {limit_s:g} s: {what}"
        await asyncio.sleep(0.02)


class Worker:
    """One `python -m enricher worker` as a child process; `program` is another module and its arguments."""

    def __init__(self, kafka: str, log: Path, *, program: str = "enricher worker", **settings: str) -> None:
        self.address = str(free_addresses(random.Random()).enricher)
        self.log = log
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *program.split()],
                cwd=CHECKOUT,
                env=environment(kafka, self.address) | settings,
                stderr=output,
            )

    async def readiness(self) -> tuple[int, dict[str, str]]:
        """Status of /readyz and its checks; 0 while nothing answers."""
        async with httpx.AsyncClient(trust_env=False, verify=NO_TLS) as client:
            with suppress(httpx.HTTPError):
                answer = await client.get(f"http://{self.address}/readyz", timeout=5)
                return answer.status_code, answer.json()["checks"]
        return 0, {}

    async def until_ready(self, *, status: int = 200, limit_s: float = LIMIT_S) -> dict[str, str]:
        end = time.monotonic() + limit_s
        while True:
            found, checks = await self.readiness()
            if found == status:
                return checks
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, f"{found} {checks}\n{self.log.read_text()}"
            await asyncio.sleep(0.02)

    async def metric(self, name: str, **labels: str) -> float:
        async with httpx.AsyncClient(trust_env=False, verify=NO_TLS) as client:
            text = (await client.get(f"http://{self.address}/metrics", timeout=5)).text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def end(self, how: signal.Signals = signal.SIGTERM, limit_s: float = 20) -> int:
        self.process.send_signal(how)
        return self.process.wait(limit_s)


class Reader:
    """Everything that arrives on some topics from its start on, read in the background."""

    def __init__(self) -> None:
        self.enriched: list[EnrichedEvent] = []
        self.enriched_records: list[object] = []
        self.rejected: list[RejectedEvent] = []
        self.changes: Counter[int] = Counter()

    def of(self, website: str) -> list[EnrichedEvent]:
        return [event for event in self.enriched if event.website_id == website]

    def ids(self, website: str) -> set[str]:
        return {event.event_id for event in self.of(website)}

    async def run(self, consumer: AIOKafkaConsumer) -> None:
        async for record in consumer:
            if record.topic == ENRICHED.name:
                self.enriched.append(decode_enriched(record.value))
                self.enriched_records.append(record)
            elif record.topic == REJECTED.name:
                self.rejected.append(decode(RejectedEvent, record.value))
            else:
                self.changes[record.partition] += 1


@asynccontextmanager
async def reading(kafka: str) -> AsyncIterator[Reader]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="latest")
    await consumer.start()
    topics = (ENRICHED.name, REJECTED.name, SESSIONS_CHANGELOG.name)
    tps = [TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)]
    consumer.assign(tps)
    await consumer.seek_to_end(*tps)
    for tp in tps:
        await consumer.position(tp)
    reader = Reader()
    task = asyncio.create_task(reader.run(consumer))
    try:
        yield reader
    finally:
        task.cancel()
        await asyncio.wait([task])
        await consumer.stop()


def raw_event(website: str, visitor: str, at_ms: int | None = None) -> RawEvent:
    now_ms = time.time_ns() // 1_000_000
    return RawEvent(
        website_id=website,
        event_id=str(uuid.uuid4()),
        event_type=EventType.EVENT_TYPE_CUSTOM,
        event_name="signup_click",
        timestamp_ms=at_ms or now_ms,
        received_at_ms=now_ms,
        visitor_id=visitor,
        url="https://shop.example/pricing?utm_source=news",
    )


def chunk(events: Iterable[RawEvent]) -> Record:
    return Record(RawEvents(events=events).SerializeToString())
