"""What happens to every stream some day, to a real worker: nothing is lost, and all copies of an event agree."""

import asyncio
import base64
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from devstack.ports import free_addresses
from eventrail.contract.topics import ALL, RAW, SESSIONS_CHANGELOG
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.contract.v1.rejected_pb2 import RejectionReason
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.admin import create_topics
from eventrail.kafka.records import producer, send
from eventrail.settings import KafkaSettings
from tests.enricher.broker_process import Broker, own_broker
from tests.enricher.worker_process import (
    KEY,
    LIMIT_S,
    PARTITIONS,
    Reader,
    Worker,
    chunk,
    raw_event,
    reading,
    until,
)
from tests.enricher.worker_process import environment as worker_environment

pytestmark = pytest.mark.stack

HANDFUL = 5
"""Lines in the log for each cause in each minute."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Broker]:
    async with own_broker(tmp_path_factory.mktemp("own-kafka")) as made:
        await create_topics(KafkaSettings(kafka_bootstrap_servers=str(made.address)), ALL)
        yield made


@pytest.fixture
def kafka(broker: Broker) -> str:
    """The `workers` of these tests run on the broker that can be stopped."""
    return str(broker.address)


@pytest.fixture(scope="module")
def topics(broker: Broker) -> None:
    """They are there."""


@pytest.fixture
async def reader(kafka: str) -> AsyncIterator[Reader]:
    async with reading(kafka) as made:
        yield made


class Traffic:
    """One chunk for each partition again and again, each sent until Kafka has acknowledged it."""

    def __init__(self, servers: str, website: str) -> None:
        self._servers = servers
        self._website = website
        self.sent: set[str] = set()

    async def run(self) -> None:
        while True:
            sender = producer(self._servers, request_timeout_ms=3_000)
            try:
                await sender.start()
                while True:
                    for partition in range(PARTITIONS):
                        events = [raw_event(self._website, f"v{partition}-{n}") for n in range(3)]
                        await send(sender, RAW.name, partition, [chunk(events)])
                        self.sent.update(event.event_id for event in events)
                    await asyncio.sleep(0.05)
            except (KafkaError, KafkaUnavailable):
                await asyncio.sleep(0.2)
            finally:
                await sender.stop()


@asynccontextmanager
async def traffic(servers: str, website: str) -> AsyncIterator[Traffic]:
    made = Traffic(servers, website)
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.wait([task])


async def all_arrived(flow: Traffic, reader: Reader, website: str, limit_s: float = LIMIT_S) -> None:
    await until(lambda: reader.ids(website) >= flow.sent, "every event that was sent", limit_s)
    agree(reader.of(website))


async def flows(reader: Reader, website: str, limit_s: float = LIMIT_S) -> None:
    """Wait until something new of each raw partition arrived."""
    seen = len(reader.of(website))
    await until(
        lambda: len({event.raw_position.partition for event in reader.of(website)[seen:]}) == PARTITIONS,
        "output of all partitions",
        limit_s,
    )


def agree(events: list[EnrichedEvent]) -> None:
    """All copies of a raw event are the same, and each of the visitors, who made no pause, has one session."""
    copies: dict[tuple[int, int, int], list[EnrichedEvent]] = defaultdict(list)
    sessions: dict[str, set[str]] = defaultdict(set)
    for event in events:
        place = event.raw_position
        copies[place.partition, place.offset, place.index].append(event)
        sessions[event.visitor_id].add(event.session_id)
    assert all(event == found[0] for found in copies.values() for event in found)
    assert {visitor: len(found) for visitor, found in sessions.items() if len(found) != 1} == {}


def copies(events: list[EnrichedEvent]) -> int:
    return len(events) - len({event.event_id for event in events})


def storms(log: Path, own: int = HANDFUL) -> Mapping[str, int]:
    """Warnings and errors by cause, where there are more of one than a handful."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    texts = Counter(
        f"{line['logger']}: {line['message'].split(' ')[0:4]}"
        for line in lines
        if line["level"] in ("warning", "error", "critical")
    )
    return {text: count for text, count in texts.items() if count > own}


def alarms(log: Path) -> int:
    return sum(
        '"level": "warning"' in line or '"level": "error"' in line for line in log.read_text().splitlines()
    )


async def joins_and_leaves(workers: Callable[..., Worker], times: int, seconds: float) -> None:
    """So many within that many seconds; a slow machine takes longer.

    Two at once: were each started on time where they take longer than that, they would only slow each other down.
    """
    source, at_once = random.Random(), asyncio.Semaphore(2)

    async def one(number: int) -> None:
        await asyncio.sleep(seconds / times * number)
        async with at_once:
            worker = workers(**PATIENT)
            await worker.until_ready(limit_s=SLOW_LIMIT_S)
            # Some leave in the middle of the rebalance that they began, some after they had work.
            await asyncio.sleep(source.uniform(0, 1.5))
            assert await asyncio.to_thread(worker.end, limit_s=SLOW_LIMIT_S) == 0, worker.log.read_text()

    await asyncio.gather(*map(one, range(times)))


SLOW_LIMIT_S = 120.0
PATIENT = {"EVENTRAIL_ENRICHER_SESSION_TIMEOUT_SECONDS": "30"}
"""All leave in order here. On a busy machine a short timeout would throw out who is only slow, again and again."""


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_seven_joins_and_leaves_in_a_minute(
    kafka: str, reader: Reader, workers: Callable[..., Worker], website: str
) -> None:
    stays = workers(**PATIENT)
    async with traffic(kafka, website) as flow:
        await flows(reader, website, SLOW_LIMIT_S)
        await joins_and_leaves(workers, 7, 60.0)
        await flows(reader, website, SLOW_LIMIT_S)
    await all_arrived(flow, reader, website, SLOW_LIMIT_S)
    assert await asyncio.to_thread(stays.end, limit_s=SLOW_LIMIT_S) == 0, stays.log.read_text()


async def test_a_zombie_that_comes_back(
    kafka: str, reader: Reader, workers: Callable[..., Worker], website: str
) -> None:
    zombie, heir = workers(EVENTRAIL_ENRICHER_COMMIT_INTERVAL_SECONDS="3"), workers()
    async with traffic(kafka, website) as flow:
        await zombie.until_ready()
        await heir.until_ready()
        await flows(reader, website)
        zombie.process.send_signal(signal.SIGSTOP)
        await flows(reader, website)
        await flows(reader, website)
        zombie.process.send_signal(signal.SIGCONT)
        await flows(reader, website)
        await zombie.until_ready()
        await flows(reader, website)
    await all_arrived(flow, reader, website)
    assert zombie.end() == 0
    assert heir.end() == 0


async def let_changelog_take(kafka: str, largest_bytes: int) -> None:
    client = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await client.start()
    settings = {**SESSIONS_CHANGELOG.config, "max.message.bytes": str(largest_bytes)}
    try:
        topic = ConfigResource(ConfigResourceType.TOPIC, SESSIONS_CHANGELOG.name, settings)
        [answer] = await client.alter_configs([topic])
        assert answer.resources[0][0] == 0
    finally:
        await client.close()


@pytest.mark.long
async def test_sigterm_while_the_changelog_alone_refuses_what_is_in_flight(
    kafka: str, reader: Reader, workers: Callable[..., Worker], website: str
) -> None:
    worker = workers()
    await worker.until_ready()
    async with traffic(kafka, website) as flow:
        await flows(reader, website)
        # Enriched events go out again and again, their states do not.
        await let_changelog_take(kafka, largest_bytes=100)
        try:
            await worker.until_ready(status=503)
            assert await worker.metric("eventrail_enricher_waiting", cause="kafka") == 1
            await until(lambda: copies(reader.of(website)), "copies of what cannot be finished")
            assert await asyncio.to_thread(worker.end) == 0
        finally:
            await let_changelog_take(kafka, largest_bytes=1_048_588)
        heir = workers()
        await flows(reader, website)
    await all_arrived(flow, reader, website)
    assert heir.end() == 0
    assert storms(worker.log) == {}, worker.log.read_text()


@pytest.mark.long
async def test_sigterm_while_no_answer_comes(
    broker: Broker, kafka: str, reader: Reader, workers: Callable[..., Worker], website: str
) -> None:
    worker = workers(EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS=str(broker.proxy.listen))
    async with traffic(kafka, website) as flow:
        await flows(reader, website)
        broker.proxy.hold()
        try:
            seen = len(flow.sent)
            await until(lambda: len(flow.sent) > seen + 100, "more events")
            status = await asyncio.to_thread(worker.end)
        finally:
            await broker.proxy.mend()
        heir = workers()
        await flows(reader, website)
    await all_arrived(flow, reader, website)
    assert heir.end() == 0
    assert status == 0, worker.log.read_text()


async def test_a_step_that_raises_rejects_the_event_alone(
    kafka: str, reader: Reader, workers: Callable[..., Worker], website: str
) -> None:
    worker = workers(program="tests.enricher.planted poison")
    poisoned = [raw_event(website, "v") for _ in range(3)]
    for event in poisoned:
        event.event_name = "poison"
    fine = [raw_event(website, "v") for _ in range(30)]
    sender = producer(kafka)
    await sender.start()
    await send(sender, RAW.name, 0, [chunk([*fine[:10], poisoned[0], *fine[10:]]), chunk(poisoned[1:])])
    await sender.stop()
    await until(lambda: len(reader.ids(website)) == 30 and len(reader.rejected) == 3, "all events")
    assert {found.event_id for found in reader.rejected} == {event.event_id for event in poisoned}
    assert {found.reason for found in reader.rejected} == {RejectionReason.REJECTION_REASON_ENRICHMENT_FAILED}
    assert {found.detail for found in reader.rejected} == {"add_trouble failed with KeyError"}
    agree(reader.of(website))
    assert worker.end() == 0


async def test_a_step_that_raises_for_all_stops_the_line_until_a_version_without_the_fault(
    kafka: str, reader: Reader, workers: Callable[..., Worker], website: str
) -> None:
    worker = workers(program="tests.enricher.planted all_fail", EVENTRAIL_ENRICHER_WATCHDOG_SECONDS="8")
    events = [raw_event(website, f"v{n % 5}") for n in range(300)]
    sender = producer(kafka)
    await sender.start()
    await send(sender, RAW.name, 0, [chunk(events)])
    await sender.stop()
    checks = await worker.until_ready(status=503)
    while "events fail" not in checks["stream"]:
        checks = await worker.until_ready(status=503)
    assert "add_trouble failed with KeyError" in checks["stream"]
    assert await worker.metric("eventrail_enricher_waiting", cause="breaker") == 1
    await until(lambda: '"cause": "breaker"' in worker.log.read_text(), "a line in the log")
    begin = time.monotonic()
    await until(lambda: time.monotonic() > begin + 10, "longer than the watchdog's patience")
    assert worker.end() == 0, "a named wait is no standstill"
    assert reader.rejected == []
    heir = workers()
    await until(lambda: len(reader.ids(website)) == 300, "all events")
    agree(reader.of(website))
    assert reader.rejected == []
    assert heir.end() == 0


async def test_work_that_fails_after_the_acknowledgement_is_done_again(
    kafka: str, reader: Reader, workers: Callable[..., Worker], website: str
) -> None:
    worker = workers(program="tests.enricher.planted fails_after_the_acknowledgement")
    async with traffic(kafka, website) as flow:
        await flows(reader, website)
        await flows(reader, website)
    await all_arrived(flow, reader, website)
    assert copies(reader.of(website)) > 0
    assert worker.end() == 0


@pytest.mark.parametrize(
    ("how", "seconds"), [("stop", 3.0), pytest.param("kill", 60.0, marks=pytest.mark.long)]
)
async def test_the_broker_goes_away_in_the_middle_of_the_work(
    broker: Broker, reader: Reader, workers: Callable[..., Worker], website: str, how: str, seconds: float
) -> None:
    worker = workers(EVENTRAIL_ENRICHER_WATCHDOG_SECONDS="10")
    async with traffic(str(broker.address), website) as flow:
        await flows(reader, website)
        await (broker.kill() if how == "kill" else broker.stop())
        gone = time.monotonic()
        try:
            checks = await worker.until_ready(status=503)
            assert checks["kafka"] != "ok"
            await until(lambda: time.monotonic() > gone + seconds, "the outage", seconds + 5)
        finally:
            await broker.start()
        await flows(reader, website)
    await all_arrived(flow, reader, website)
    assert worker.end() == 0
    assert storms(worker.log) == {}, worker.log.read_text()
    assert alarms(worker.log) < 40, worker.log.read_text()


@pytest.mark.long
async def test_a_cut_network(
    broker: Broker, kafka: str, reader: Reader, workers: Callable[..., Worker], website: str
) -> None:
    worker = workers(EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS=str(broker.proxy.listen))
    async with traffic(kafka, website) as flow:
        await flows(reader, website)
        for _ in range(3):
            broker.proxy.truncate(100)
            await flows(reader, website)
        await broker.proxy.cut()
        seen = len(flow.sent)
        await until(lambda: len(flow.sent) > seen + 100, "more events")
        await broker.proxy.mend()
        await flows(reader, website)
        # A lost route, for longer than the session timeout: the group takes the worker for dead.
        broker.proxy.hold()
        begin = time.monotonic()
        await until(lambda: time.monotonic() > begin + 8, "longer than the session timeout")
        await broker.proxy.mend()
        await flows(reader, website, 90)
    await all_arrived(flow, reader, website)
    assert worker.end() == 0
    assert storms(worker.log) == {}, worker.log.read_text()


@contextmanager
def other_services(kafka: str, folder: Path) -> Iterator[list[Path]]:
    """A collector and a writer whose engine is away; gives their logs."""
    addresses = free_addresses(random.Random())
    environment = worker_environment(kafka, str(addresses.enricher)) | {
        "EVENTRAIL_SALT_SECRET": base64.b64encode(KEY).decode(),
        "EVENTRAIL_COLLECTOR_LISTEN": str(addresses.collector),
        "EVENTRAIL_WRITER_LISTEN": str(addresses.writer),
        "EVENTRAIL_CLICKHOUSE_URL": f"clickhouse://default@{addresses.clickhouse}/eventrail",
    }
    logs = [folder / f"{module}.log" for module in ("collector", "writer")]
    running: list[subprocess.Popen[bytes]] = []
    with ExitStack() as stack:
        for log in logs:
            output = stack.enter_context(log.open("w"))
            process = subprocess.Popen([sys.executable, "-m", log.stem], env=environment, stderr=output)
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
            running.append(process)
        yield logs
        assert [process.poll() for process in running] == [None, None]


@pytest.mark.long
async def test_no_service_storms_its_log_while_the_broker_is_away_for_a_minute(
    broker: Broker, reader: Reader, workers: Callable[..., Worker], website: str, tmp_path: Path
) -> None:
    worker = workers()
    with other_services(str(broker.address), tmp_path) as logs:
        async with traffic(str(broker.address), website) as flow:
            await flows(reader, website)
            await until(lambda: all("Started server" in log.read_text() for log in logs), "both to serve")
            await broker.stop()
            begin = time.monotonic()
            try:
                await until(lambda: time.monotonic() > begin + 60, "a minute", 65)
                counts = {log.name: (alarms(log), storms(log)) for log in (worker.log, *logs)}
            finally:
                await broker.start()
            await flows(reader, website)
        await all_arrived(flow, reader, website)
    assert all(not storm and count <= 30 for count, storm in counts.values()), counts
    assert worker.end() == 0
