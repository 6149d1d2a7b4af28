"""The real worker process on a real broker: what goes in comes out, whatever happens to the workers."""

import asyncio
import base64
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from devstack.ports import free_addresses
from enricher.chunk import process
from enricher.replay.raw_log import raw_log
from enricher.sessions import Overlay
from enricher.world import World
from eventrail.contract.codec import decode_enriched
from eventrail.contract.topics import ALL, ENRICHER_APP, RAW, SESSIONS_CHANGELOG
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.contract.v1.rejected_pb2 import RejectionReason, Stage
from eventrail.kafka.admin import create_topics
from eventrail.kafka.records import Record, producer, send
from eventrail.sealing import AddressSealer
from eventrail.settings import KafkaSettings
from tests.enricher.worker_process import (
    KEY,
    LIMIT_S,
    NO_TLS,
    PARTITIONS,
    Reader,
    Worker,
    chunk,
    environment,
    raw_event,
    until,
)
from tests.eventrail.conformance.live import judged

pytestmark = pytest.mark.stack


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


async def caught_up(kafka: str) -> None:
    """Wait until the group has committed all there is: other tests may have left something on the raw topic."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            end = {number: offset for number, offset in (await ends(kafka)).items() if offset}
            done = await committed(kafka)
            if all(done.get(number, 0) >= offset for number, offset in end.items()):
                return
            await asyncio.sleep(0.1)


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
    await caught_up(kafka)
    reader.rejected.clear()
    out_before = await worker.metric("eventrail_enricher_events_out_total")
    rejected_before = await worker.metric("eventrail_enricher_rejected_total")
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
    assert await worker.metric("eventrail_enricher_events_out_total") == out_before + len(wanted)
    assert await worker.metric("eventrail_enricher_rejected_total") == rejected_before + 4

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


class Walk:
    """Visitors whose events come in any order and with pauses of any length, some of them by a campaign."""

    def __init__(self, website: str, visitors: int) -> None:
        self._website = website
        self._random = random.Random(website)
        now_ms = time.time_ns() // 1_000_000
        self._at_ms = {f"v{number}": now_ms - 20 * 86_400_000 for number in range(visitors)}

    def step(self, visitor: str) -> RawEvent:
        self._at_ms[visitor] += 60_000 * self._random.choice([0, 1, 5, 20, 31, 45])
        late_ms = 60_000 * self._random.choice([0, 0, 0, 0, 15, 40, 100])
        event = raw_event(self._website, visitor, self._at_ms[visitor] - late_ms)
        event.url = "https://shop.example/" + self._random.choice(
            ["", "", "?utm_source=news&utm_medium=email"]
        )
        return event

    def chunks(self, partition: int, count: int, each: int) -> list[list[RawEvent]]:
        """A visitor stays in one partition."""
        mine = [visitor for number, visitor in enumerate(self._at_ms) if number % PARTITIONS == partition]
        return [[self.step(self._random.choice(mine)) for _ in range(each)] for _ in range(count)]


async def alone(kafka: str, begins: dict[int, int], world: World) -> dict[tuple[int, int, int], bytes]:
    """What one worker that is never disturbed makes of the raw topic from `begins` on, by place on it."""
    made: dict[tuple[int, int, int], bytes] = {}
    async with raw_log(kafka) as log:
        for partition, end in (await ends(kafka)).items():
            states: dict[bytes, bytes] = {}
            async for record in log.read(partition, begins[partition], end):
                outcome = process(record, Overlay(states), world, time.time_ns() // 1_000_000)
                states.update(outcome.sessions.written)
                for enriched in outcome.enriched:
                    place = decode_enriched(enriched.value).raw_position
                    made[place.partition, place.offset, place.index] = enriched.value or b""
    return made


async def test_workers_that_join_are_killed_and_leave_lose_nothing_and_change_nothing(
    kafka: str,
    sender: AIOKafkaProducer,
    reader: Reader,
    workers: Callable[..., Worker],
    website: str,
    world: World,
) -> None:
    wanted: set[str] = set()
    walk, begins = Walk(website, 5 * PARTITIONS), await ends(kafka)

    async def keep_sending() -> None:
        while True:
            for partition in range(PARTITIONS):
                events = walk.chunks(partition, count=4, each=4)
                wanted.update(event.event_id for chunk_ in events for event in chunk_)
                await send(sender, RAW.name, partition, map(chunk, events))
            await asyncio.sleep(0.02)

    # They commit seldom, so that each that goes has done more than it has committed.
    often = workers(EVENTRAIL_ENRICHER_COMMIT_INTERVAL_SECONDS="3")
    second = workers(EVENTRAIL_ENRICHER_COMMIT_INTERVAL_SECONDS="3")
    sending = asyncio.create_task(keep_sending())
    await works(often)
    await works(second)
    often.kill()
    third = workers(EVENTRAIL_ENRICHER_COMMIT_INTERVAL_SECONDS="3")
    await works(third)
    await works(second)
    third.kill()
    fourth = workers()
    await works(fourth)
    await works(second)
    assert second.end() == 0
    await works(fourth)
    sending.cancel()
    await asyncio.wait([sending])
    await until(lambda: reader.ids(website) >= wanted, "every event that was sent")
    assert fourth.end() == 0

    # Every copy of every event is what an undisturbed worker makes of it, to the last byte.
    judge = {
        place: value
        for place, value in (await alone(kafka, begins, world)).items()
        if decode_enriched(value).website_id == website
    }
    copies: Counter[tuple[int, int, int]] = Counter()
    for event in reader.of(website):
        place = (event.raw_position.partition, event.raw_position.offset, event.raw_position.index)
        expected = decode_enriched(judge[place])
        assert event.session_id == expected.session_id
        expected.enrichment.CopyFrom(event.enrichment)  # the worker has no GeoIP database
        assert event == expected
        copies[place] += 1
    assert set(copies) == set(judge)
    assert copies.total() > len(copies), "nothing was done twice, so this test has shown nothing"
    assert len({event.session_id for event in reader.of(website)}) > 5 * PARTITIONS

    # What subscribers are promised of keys, order and copies holds all the same.
    findings = await judged(kafka, website)
    assert findings.examples == {}
    assert findings.copies_of_enricher == copies.total() - len(copies)


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
    assert worker.log.read_text().count('"level": "warning", "logger": "enricher.waits"') == 1
    assert worker.end() == 0
    both = ",".join(
        f"{name}:{base64.b64encode(key).decode()}" for name, key in (("t1", KEY), ("t2", new_key))
    )
    workers(EVENTRAIL_ADDRESS_KEYS=both)
    wanted = Counter([before.event_id, sealed.event_id, behind.event_id])
    await until(lambda: len(reader.of(website)) >= 3, "the rest")
    assert Counter(event.event_id for event in reader.of(website)) == wanted


async def test_a_salt_that_only_others_can_read_makes_the_stream_wait_until_a_process_has_its_key(
    kafka: str, sender: AIOKafkaProducer, reader: Reader, workers: Callable[..., Worker], website: str
) -> None:
    from ipaddress import ip_address

    from enricher.lookups.salts import DaySalts
    from enricher.metrics import Metrics
    from enricher.salts.keeper import SaltKeeper
    from enricher.salts.sealing import SaltSealer
    from enricher.salts.topic import KafkaSaltLog
    from eventrail.clock import SystemClock
    from eventrail.sealing import parse_keys

    def hashed() -> RawEvent:
        event = raw_event(website, "")
        event.client_address.CopyFrom(AddressSealer({"t1": KEY}).seal(ip_address("192.0.2.1")))
        return event

    new = f"t2:{base64.b64encode(KEY[1:] + KEY[:1]).decode()}"
    old = environment("", "")["EVENTRAIL_SALT_KEYS"]
    log = KafkaSaltLog(kafka, lambda: producer(kafka))
    sealer = SaltSealer(parse_keys(old))
    keeper = SaltKeeper(log, sealer, salts := DaySalts(), lambda: True, SystemClock(), Metrics(), 3600)
    await keeper.look(make=True)
    await log.stop()
    assert len(salts) >= 3
    blind = workers(EVENTRAIL_SALT_KEYS=new)
    await blind.until_ready()
    await send(sender, RAW.name, 0, [chunk([hashed()])])
    checks = await blind.until_ready(status=503)
    assert "EVENTRAIL_SALT_KEYS has no key 't1'" in checks["stream"]
    assert await blind.metric("eventrail_enricher_waiting", cause="salt") == 1
    assert blind.end() == 0
    workers(EVENTRAIL_SALT_KEYS=f"{new},{old}")
    await until(lambda: reader.of(website), "the event that had to wait")
    assert [len(event.visitor_id) for event in reader.of(website)] == [32]


async def test_kafka_away_at_the_start_is_waited_for(tmp_path: Path) -> None:
    nobody = str(free_addresses(random.Random()).kafka)
    worker = Worker(nobody, tmp_path / "worker.log")
    try:
        checks = await worker.until_ready(status=503)
        assert checks["kafka"] != "ok"
        async with httpx.AsyncClient(trust_env=False, verify=NO_TLS) as client:
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
