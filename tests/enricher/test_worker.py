"""The real worker process on a real broker: what goes in comes out, whatever happens to the workers."""

import asyncio
import base64
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from prometheus_client.parser import text_string_to_metric_families

from devstack.ports import free_addresses
from eventrail.contract.codec import decode, decode_enriched
from eventrail.contract.topics import ALL, ENRICHED, ENRICHER_APP, RAW, REJECTED, SESSIONS_CHANGELOG
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, EventType
from eventrail.contract.v1.raw_pb2 import RawEvent, RawEvents
from eventrail.contract.v1.rejected_pb2 import RejectedEvent, RejectionReason, Stage
from eventrail.kafka.admin import create_topics
from eventrail.kafka.records import Record, producer, send
from eventrail.sealing import AddressSealer
from eventrail.settings import KafkaSettings

pytestmark = pytest.mark.stack

PARTITIONS: int = KafkaSettings.model_fields["topic_partitions"].default
KEY = b"enricher tests: thirty-two bytes"
LIMIT_S = 30.0


def environment(kafka: str, listen: str) -> dict[str, str]:
    return {
        **os.environ,
        "EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS": kafka,
        "EVENTRAIL_ADDRESS_KEYS": f"t1:{base64.b64encode(KEY).decode()}",
        "EVENTRAIL_SALT_SECRET": base64.b64encode(KEY[::-1]).decode(),
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
    """One `python -m enricher worker` as a child process."""

    def __init__(self, kafka: str, log: Path, **settings: str) -> None:
        self.address = str(free_addresses(random.Random()).enricher)
        self.log = log
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "enricher", "worker"],
                env=environment(kafka, self.address) | settings,
                stderr=output,
            )

    async def readiness(self) -> tuple[int, dict[str, str]]:
        """Status of /readyz and its checks; 0 while nothing answers."""
        async with httpx.AsyncClient(trust_env=False) as client:
            with suppress(httpx.HTTPError):
                answer = await client.get(f"http://{self.address}/readyz", timeout=5)
                return answer.status_code, answer.json()["checks"]
        return 0, {}

    async def until_ready(self, *, status: int = 200) -> dict[str, str]:
        end = time.monotonic() + LIMIT_S
        while True:
            found, checks = await self.readiness()
            if found == status:
                return checks
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, f"{found} {checks}\n{self.log.read_text()}"
            await asyncio.sleep(0.02)

    async def metric(self, name: str, **labels: str) -> float:
        async with httpx.AsyncClient(trust_env=False) as client:
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

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(15)


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


@pytest.fixture(scope="module")
async def topics(kafka: str) -> None:
    await create_topics(KafkaSettings(kafka_bootstrap_servers=kafka), ALL)


@pytest.fixture(scope="module")
async def sender(kafka: str, topics: None) -> AsyncIterator[AIOKafkaProducer]:
    made = producer(kafka)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def reader(kafka: str, topics: None) -> AsyncIterator[Reader]:
    async with reading(kafka) as made:
        yield made


@pytest.fixture
def workers(kafka: str, topics: None, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Starts workers; ends those that a test leaves behind."""
    started: list[Worker] = []

    def start(**settings: str) -> Worker:
        started.append(Worker(kafka, tmp_path / f"worker-{len(started)}.log", **settings))
        return started[-1]

    yield start
    for worker in started:
        # Orderly where possible: the group waits for a killed member until its session times out.
        if worker.process.poll() is None:
            worker.process.terminate()
    for worker in started:
        with suppress(subprocess.TimeoutExpired):
            worker.process.wait(15)
        worker.kill()


@pytest.fixture
def website() -> str:
    return f"site-{uuid.uuid4().hex[:12]}"


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


async def publish(
    sender: AIOKafkaProducer, website: str, *, chunks: int = 5, each: int = 4
) -> dict[str, str]:
    """Chunks for each partition, one visitor by chunk's place; event ids with their visitors."""
    sent: dict[str, str] = {}
    for partition in range(PARTITIONS):
        records = []
        for number in range(chunks):
            events = [raw_event(website, f"v{partition}-{number % 3}") for _ in range(each)]
            sent |= {event.event_id: event.visitor_id for event in events}
            records.append(chunk(events))
        await send(sender, RAW.name, partition, records)
    return sent


async def committed(kafka: str) -> dict[int, int]:
    """Committed offsets of the enricher's group, by partition of the raw topic."""
    client = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await client.start()
    try:
        offsets = await client.list_consumer_group_offsets(ENRICHER_APP)
    finally:
        await client.close()
    return {tp.partition: found.offset for tp, found in offsets.items() if tp.topic == RAW.name}


async def ends(kafka: str) -> dict[int, int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka)
    await consumer.start()
    try:
        found = await consumer.end_offsets([TopicPartition(RAW.name, n) for n in range(PARTITIONS)])
    finally:
        await consumer.stop()
    return {tp.partition: offset for tp, offset in found.items()}


async def works(worker: Worker) -> None:
    """Wait until `worker` has done more than it had when this was asked."""
    await worker.until_ready()
    seen = await worker.metric("eventrail_enricher_events_out_total")
    end = time.monotonic() + LIMIT_S
    while await worker.metric("eventrail_enricher_events_out_total") <= seen:
        assert time.monotonic() < end, worker.log.read_text()
        await asyncio.sleep(0.02)


def one_session_each(events: Iterable[EnrichedEvent]) -> bool:
    sessions: dict[str, set[str]] = {}
    for event in events:
        sessions.setdefault(event.visitor_id, set()).add(event.session_id)
    return all(len(found) == 1 for found in sessions.values())


async def test_each_event_arrives_once_what_is_wrong_is_rejected_and_a_restart_continues(
    kafka: str, sender: AIOKafkaProducer, reader: Reader, workers: Callable[..., Worker], website: str
) -> None:
    worker = workers()
    await worker.until_ready()
    first = await publish(sender, website)
    garbage = Record(b"\xff no message", key=b"k")
    bad = raw_event(website, "v")
    bad.event_name = ""
    far = raw_event(website, "v", at_ms=10**17)
    fine = raw_event(website, "v")
    await send(sender, RAW.name, 0, [garbage, Record(None), chunk([bad, far, fine])])
    second = await publish(sender, website)
    wanted = {*first, *second, fine.event_id}
    await until(lambda: reader.ids(website) >= wanted and len(reader.rejected) >= 4, "all events")

    assert Counter(event.event_id for event in reader.of(website)) == Counter(wanted)
    assert one_session_each(reader.of(website))
    by_index = sorted(reader.rejected, key=lambda found: (found.source_offset, found.source_index))
    assert [RejectionReason.Name(found.reason).removeprefix("REJECTION_REASON_") for found in by_index] == [
        "UNDECODABLE",
        "UNDECODABLE",
        "INVALID",
        "INVALID",
    ]
    assert by_index[0].original == b"\xff no message"
    assert by_index[0].original_key == b"k"
    assert by_index[2].original == bad.SerializeToString(deterministic=True)
    assert (by_index[2].website_id, by_index[2].event_id) == (website, bad.event_id)
    assert {found.stage for found in by_index} == {Stage.STAGE_ENRICHER}
    assert {(found.source_topic, found.source_partition) for found in by_index} == {(RAW.name, 0)}
    assert await worker.metric("eventrail_enricher_events_out_total") == len(wanted)
    assert await worker.metric("eventrail_enricher_rejected_total") == 4

    # The agent and the registered table did it: the group of the Faust app has committed, its changelog has states.
    assert sum(reader.changes.values()) > 0
    assert set(reader.changes) == set(range(PARTITIONS))
    assert worker.end() == 0, worker.log.read_text()
    assert await committed(kafka) == await ends(kafka)

    # A restarted worker continues the sessions from the changelog, and an orderly restart makes no copies.
    restarted = workers()
    third = await publish(sender, website)
    wanted |= set(third)
    await until(lambda: reader.ids(website) >= wanted, "events after the restart")
    assert Counter(event.event_id for event in reader.of(website)) == Counter(wanted)
    assert one_session_each(reader.of(website))
    assert restarted.end(signal.SIGINT) == 0


async def test_workers_that_join_are_killed_and_leave_lose_nothing(
    sender: AIOKafkaProducer, reader: Reader, workers: Callable[..., Worker], website: str
) -> None:
    wanted: dict[str, str] = {}

    async def keep_sending() -> None:
        while True:
            wanted.update(await publish(sender, website, chunks=2))
            await asyncio.sleep(0.02)

    first, second = workers(), workers()
    sending = asyncio.create_task(keep_sending())
    await works(first)
    await works(second)
    first.kill()
    third = workers()
    await works(third)
    await works(second)
    assert second.end() == 0
    await works(third)
    sending.cancel()
    await asyncio.wait([sending])
    await until(lambda: reader.ids(website) >= set(wanted), "every event that was sent")
    assert one_session_each(reader.of(website))
    assert third.end() == 0


async def test_a_missing_address_key_makes_the_stream_wait_until_a_process_has_it(
    sender: AIOKafkaProducer, reader: Reader, workers: Callable[..., Worker], website: str
) -> None:
    from ipaddress import ip_address

    new_key = b"another key of thirty-two bytes!"
    sealed = raw_event(website, "")
    sealed.client_address.CopyFrom(AddressSealer({"t2": new_key}).seal(ip_address("192.0.2.1")))
    before, behind = raw_event(website, "v"), raw_event(website, "v")
    worker = workers()
    await worker.until_ready()
    await send(sender, RAW.name, 0, [chunk([before]), chunk([sealed]), chunk([behind])])
    checks = await worker.until_ready(status=503)
    assert "t2" in checks["stream"]
    assert await worker.metric("eventrail_enricher_waiting", cause="address_key") == 1
    await until(lambda: reader.ids(website) == {before.event_id}, "what came before")
    assert worker.log.read_text().count('"level": "warning"') == 1
    assert worker.end() == 0
    both = ",".join(
        f"{name}:{base64.b64encode(key).decode()}" for name, key in (("t1", KEY), ("t2", new_key))
    )
    workers(EVENTRAIL_ADDRESS_KEYS=both)
    wanted = Counter([before.event_id, sealed.event_id, behind.event_id])
    await until(lambda: len(reader.of(website)) >= 3, "the rest")
    assert Counter(event.event_id for event in reader.of(website)) == wanted


async def test_kafka_away_at_the_start_is_waited_for(tmp_path: Path) -> None:
    nobody = str(free_addresses(random.Random()).kafka)
    worker = Worker(nobody, tmp_path / "worker.log")
    try:
        checks = await worker.until_ready(status=503)
        assert checks["kafka"] != "ok"
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"http://{worker.address}/livez")).status_code == 200
        assert worker.end() == 0
    finally:
        worker.kill()


async def test_a_missing_topic_ends_the_worker_with_status_2(
    kafka: str, topics: None, tmp_path: Path
) -> None:
    client = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await client.start()
    await client.delete_topics([SESSIONS_CHANGELOG.name])
    worker = Worker(kafka, tmp_path / "worker.log")
    try:
        assert await asyncio.to_thread(worker.process.wait, 20) == 2
        assert f"topic {SESSIONS_CHANGELOG.name} does not exist" in worker.log.read_text()
    finally:
        worker.kill()
        await create_topics(KafkaSettings(kafka_bootstrap_servers=kafka), ALL)
        await client.close()
