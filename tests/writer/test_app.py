"""The whole writer process against the real broker and engine."""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer
from clickhouse_driver.errors import Error

from devstack import programs
from devstack.ports import free_addresses
from devstack.process import Run, until_ready
from devstack.single import ready, running
from eventrail.clickhouse import connect
from eventrail.contract import topics
from eventrail.contract.codec import enriched_key
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.contract.v1.rejected_pb2 import RejectedEvent, RejectionReason, Stage
from eventrail.kafka.admin import create_topics
from eventrail.kafka.records import producer
from eventrail.settings import KafkaSettings
from writer.migrations import migrate

Event = Callable[..., EnrichedEvent]
Query = Callable[..., list[Any]]
Post = Callable[..., Awaitable[None]]
Until = Callable[..., Awaitable[None]]
StartWriter = Callable[..., Awaitable[Any]]

Rejected = Callable[[Callable[[RejectedEvent], bool]], Awaitable[RejectedEvent]]
AnswersLost = Callable[[str], Awaitable["Proxy"]]

pytestmark = pytest.mark.stack

COUNT = "SELECT count() FROM events FINAL WHERE website_id = %(website)s"
COPIES = "SELECT count() FROM events WHERE website_id = %(website)s"


@pytest.fixture
def stored(query: Query, website: str) -> Callable[[], int]:
    """How many events of the test's website every answer counts."""
    return lambda: int(query(COUNT, {"website": website})[0][0])


class Proxy:
    """A way to the engine that hands everything on except the answer to an insert's data."""

    def __init__(self, server: asyncio.Server, url: str) -> None:
        self.server = server
        self.url = url
        self.losing = True
        self.connections: set[asyncio.Task[None]] = set()
        self.writers: list[asyncio.StreamWriter] = []

    def heal(self) -> None:
        """Hand every answer on from now, and break off the connections that wait for a lost one."""
        self.losing = False
        for writer in self.writers:
            writer.close()

    async def carry(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        engine: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        inserting = answered = data_sent = False

        async def up() -> None:
            nonlocal inserting, answered, data_sent
            while data := await client[0].read(65536):
                # The engine answers the statement with the table's columns; what comes after that is data.
                data_sent = data_sent or (inserting and answered)
                if b"INSERT INTO events" in data:
                    inserting, answered = True, False
                engine[1].write(data)
            engine[1].close()

        async def down() -> None:
            nonlocal answered
            while data := await engine[0].read(65536):
                answered = True
                if not (self.losing and data_sent):
                    client[1].write(data)
            client[1].close()

        with suppress(ConnectionError):
            await asyncio.gather(up(), down())


@pytest_asyncio.fixture
async def answers_lost() -> AsyncIterator[AnswersLost]:
    """Makes a Proxy in front of the engine of a URL."""
    made: list[Proxy] = []

    async def make(url: str) -> Proxy:
        address, _, database = url.rpartition("@")[2].partition("/")
        host, port = address.split(":")

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            upstream = await asyncio.open_connection(host, int(port))
            proxy.writers += [writer, upstream[1]]
            task = asyncio.create_task(proxy.carry((reader, writer), upstream))
            proxy.connections.add(task)

        listen = free_addresses(random.Random()).clickhouse
        server = await asyncio.start_server(accept, listen.host, listen.port)
        proxy = Proxy(server, f"clickhouse://default@{listen}/{database}")
        made.append(proxy)
        return proxy

    yield make
    for proxy in made:
        proxy.heal()
        proxy.server.close()
        await asyncio.gather(*proxy.connections)


class Engine:
    """An engine of the test's own, to be stopped and started."""

    def __init__(self, data: Path) -> None:
        self.address = free_addresses(random.Random()).clickhouse
        self.url = f"clickhouse://default@{self.address}/own"
        self._program = programs.clickhouse(self.address, data)
        self._log = data / "engine.log"
        self._run: Run | None = None

    async def start(self) -> None:
        self._run = await Run.start(self._program.command, self._log, os.environ)
        await ready(self._program, self._run, 60)

    async def stop(self) -> None:
        if self._run is not None:
            await self._run.stop(20)

    def count(self, website: str) -> int:
        """How many events of `website` it counts; -1 while it does not answer."""
        client = connect(self.url)
        try:
            return int(client.execute(COUNT, {"website": website})[0][0])
        except (Error, OSError):
            return -1
        finally:
            client.disconnect()


@pytest_asyncio.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    """Not started yet; stopped at the end."""
    made = Engine(tmp_path)
    yield made
    await made.stop()


@pytest_asyncio.fixture
async def rejected(topics_made: str) -> AsyncIterator[Rejected]:
    """Waits for the record of the rejected topic that meets a condition; reads from where the test began."""
    async with AIOKafkaConsumer(topics.REJECTED.name, bootstrap_servers=topics_made) as consumer:
        for partition in consumer.assignment():
            await consumer.position(partition)
        seen: list[RejectedEvent] = []

        async def find(wanted: Callable[[RejectedEvent], bool]) -> RejectedEvent:
            async with asyncio.timeout(30):
                while True:
                    for event in seen:
                        if wanted(event):
                            return event
                    found = await consumer.getmany(timeout_ms=200)
                    seen.extend(
                        RejectedEvent.FromString(record.value)
                        for records in found.values()
                        for record in records
                    )

        yield find


async def test_events_become_rows(
    start_writer: StartWriter,
    database: str,
    post: Post,
    event: Event,
    stored: Callable[[], int],
    until: Until,
) -> None:
    await post(*(event() for _ in range(250)))
    # A group that was never there before begins with the oldest record.
    writer = await start_writer(database, group=f"writer-test-{uuid4().hex}")
    await until(lambda: stored() == 250)
    assert await writer.metric("eventrail_writer_rows_inserted_total") >= 250
    assert await writer.run.stop(20) == 0


async def test_one_event_alone_is_visible_within_five_seconds_and_the_insert(
    start_writer: StartWriter,
    database: str,
    post: Post,
    event: Event,
    stored: Callable[[], int],
    until: Until,
) -> None:
    writer = await start_writer(database)
    # The group may still be joining, which is no part of what is measured.
    await post(event())
    await until(lambda: stored() == 1)
    began = time.monotonic()
    await post(event())
    await until(lambda: stored() == 2, seconds=6.5)
    assert time.monotonic() - began > 4, "a single event has to wait for others"
    assert await writer.metric("eventrail_writer_flushes_total", reason="age") >= 1


async def test_a_stop_writes_what_waits(
    start_writer: StartWriter,
    database: str,
    post: Post,
    event: Event,
    stored: Callable[[], int],
    until: Until,
) -> None:
    writer = await start_writer(database, flush_seconds=3600, flush_events=1000)
    await post(*(event() for _ in range(7)))
    await _waits(writer, 7)
    assert stored() == 0
    assert await writer.run.stop(20) == 0
    assert stored() == 7
    # They were committed too: the next writer of the group reads nothing again.
    again = await start_writer(database)
    await post(event())
    await until(lambda: stored() == 8)
    await _metric_is(again, lambda value: value == 1, "eventrail_writer_rows_inserted_total")


async def test_a_kill_between_insert_and_commit_loses_and_doubles_nothing(
    start_writer: StartWriter,
    database: str,
    answers_lost: AnswersLost,
    post: Post,
    event: Event,
    stored: Callable[[], int],
    until: Until,
) -> None:
    through = await answers_lost(database)
    writer = await start_writer(through.url)
    await post(*(event() for _ in range(150)))
    # The engine has rows, but the writer never hears of it, so it cannot have committed.
    await until(lambda: stored() > 0)
    assert await writer.metric("eventrail_writer_commits_total", outcome="ok") == 0
    await writer.run.kill()
    await start_writer(database)
    await until(lambda: stored() == 150)


async def test_a_lost_answer_makes_no_second_copy(
    start_writer: StartWriter,
    database: str,
    answers_lost: AnswersLost,
    post: Post,
    event: Event,
    query: Query,
    website: str,
    stored: Callable[[], int],
    until: Until,
) -> None:
    through = await answers_lost(database)
    writer = await start_writer(through.url)
    # Days of two weeks, so the block is two parts in the table.
    await post(*(event(identity_day=20_762 + 7 * (number % 2)) for number in range(100)))
    await until(lambda: stored() == 100)
    through.heal()
    await _metric_is(writer, lambda value: value >= 1, "eventrail_writer_commits_total", outcome="ok")
    assert await writer.metric("eventrail_writer_retries_total", cause="clickhouse") >= 1
    assert query(COPIES, {"website": website}) == [(100,)]


async def test_garbage_goes_to_the_rejected_topic_and_the_rest_goes_on(
    start_writer: StartWriter,
    database: str,
    post: Post,
    event: Event,
    rejected: Rejected,
    website: str,
    stored: Callable[[], int],
    until: Until,
) -> None:
    writer = await start_writer(database)
    garbage = b"\xff\xff" + website.encode()
    no_row = event(event_data="[1]")
    await post(event(), garbage, no_row, event())
    await until(lambda: stored() == 2)
    undecodable = await rejected(lambda found: found.original == garbage)
    assert undecodable.stage == Stage.STAGE_WRITER
    assert undecodable.reason == RejectionReason.REJECTION_REASON_UNDECODABLE
    assert undecodable.source_topic == topics.ENRICHED.name
    assert undecodable.original_key == b"garbage"
    assert undecodable.source_index == -1
    invalid = await rejected(lambda found: found.event_id == no_row.event_id)
    assert invalid.reason == RejectionReason.REJECTION_REASON_INVALID
    assert invalid.website_id == website
    assert invalid.original == no_row.SerializeToString()
    assert invalid.detail == "event_data is JSON, but no object"
    await _metric_is(
        writer, lambda value: value == 1, "eventrail_writer_rejected_total", reason="undecodable"
    )
    await _metric_is(writer, lambda value: value >= 1, "eventrail_writer_commits_total", outcome="ok")


async def test_a_row_that_the_engine_refuses_is_rejected_alone(
    start_writer: StartWriter,
    database: str,
    post: Post,
    event: Event,
    rejected: Rejected,
    query: Query,
    stored: Callable[[], int],
    until: Until,
) -> None:
    query("ALTER TABLE events ADD CONSTRAINT no_bad CHECK event_name != 'bad'")
    await start_writer(database)
    bad = event(event_name="bad")
    await post(*(event() for _ in range(60)), bad, *(event() for _ in range(60)))
    await until(lambda: stored() == 120)
    found = await rejected(lambda found: found.event_id == bad.event_id)
    assert found.reason == RejectionReason.REJECTION_REASON_INSERT_REFUSED
    assert found.original == bad.SerializeToString()
    assert "469 VIOLATED_CONSTRAINT" in found.detail


async def test_the_engine_away_and_back_loses_nothing(
    start_writer: StartWriter, engine: Engine, post: Post, event: Event, website: str, until: Until
) -> None:
    await engine.start()
    await asyncio.to_thread(migrate, engine.url)
    writer = await start_writer(engine.url, max_waiting_events=50, flush_events=10)
    await post(event())
    await until(lambda: engine.count(website) == 1)
    await engine.stop()
    await post(*(event() for _ in range(500)))
    await _metric_is(writer, lambda value: value == 1, "eventrail_writer_waiting", cause="clickhouse")
    # Memory is bounded: what does not fit stays in Kafka.
    await _metric_is(writer, lambda value: value == 50, "eventrail_writer_waiting_events")
    checks = await writer.checks()
    assert checks["kafka"] == "ok"
    assert "no answer from ClickHouse" in checks["clickhouse"]
    await _metric_is(writer, lambda value: value >= 4, "eventrail_writer_retries_total", cause="clickhouse")
    await engine.start()
    await until(lambda: engine.count(website) == 501)
    await until_ready(writer.why_not_ready, 20)
    assert await writer.metric("eventrail_writer_waiting", cause="clickhouse") == 0
    assert writer.run.returncode is None
    assert await writer.run.stop(20) == 0


async def test_a_stop_while_the_engine_is_away_ends_in_time_without_commit(
    start_writer: StartWriter, engine: Engine, post: Post, event: Event, website: str, until: Until
) -> None:
    await engine.start()
    await asyncio.to_thread(migrate, engine.url)
    writer = await start_writer(engine.url, grace_seconds=1)
    await engine.stop()
    await post(*(event() for _ in range(120)))
    await _metric_is(writer, lambda value: value == 1, "eventrail_writer_waiting", cause="clickhouse")
    assert await writer.run.stop(10) == 0
    await engine.start()
    await start_writer(engine.url)
    await until(lambda: engine.count(website) == 120)


async def test_without_a_table_it_waits_and_says_so(
    start_writer: StartWriter,
    database: str,
    query: Query,
    post: Post,
    event: Event,
    stored: Callable[[], int],
    until: Until,
) -> None:
    query("DROP TABLE events SYNC")
    query("TRUNCATE TABLE schema_migrations")
    writer = await start_writer(database, ready=False, retry_max_seconds=0.5)
    await _metric_is(writer, lambda value: value == 1, "eventrail_writer_waiting", cause="table")
    checks = await writer.checks()
    assert checks["clickhouse"] == "table events does not exist; run: python -m writer migrate"
    await asyncio.to_thread(migrate, database)
    await until_ready(writer.why_not_ready, 20)
    await post(event())
    await until(lambda: stored() == 1)


async def test_without_a_broker_it_waits_says_so_and_ends_in_order(
    start_writer: StartWriter, database: str, unused_tcp_port: int
) -> None:
    writer = await start_writer(database, ready=False, broker=f"127.0.0.1:{unused_tcp_port}")
    await _metric_is(writer, lambda value: value == 1, "eventrail_writer_waiting", cause="kafka")
    checks = await writer.checks()
    assert checks["clickhouse"] == "ok"
    assert f"127.0.0.1:{unused_tcp_port}" in checks["kafka"]
    assert await writer.run.stop(10) == 0


@pytest.mark.long
async def test_the_broker_away_and_back_loses_nothing(
    start_writer: StartWriter,
    database: str,
    tmp_path: Path,
    event: Event,
    stored: Callable[[], int],
    until: Until,
) -> None:
    addresses = free_addresses(random.Random())
    program = programs.kafka(addresses.kafka, addresses.kafka_controller, tmp_path)
    servers = str(program.address)

    async def post_here(count: int) -> None:
        async with producer(servers) as sender:
            for _ in range(count):
                made = event()
                await sender.send_and_wait(
                    topics.ENRICHED.name, made.SerializeToString(), key=enriched_key(made)
                )

    async with running(program, tmp_path / "broker.log"):
        await create_topics(KafkaSettings(kafka_bootstrap_servers=servers), topics.ALL)
        writer = await start_writer(database, broker=servers)
        await post_here(30)
        await until(lambda: stored() == 30)
        await post_here(3)
    assert (await writer.checks())["kafka"] != "ok"
    async with running(program, tmp_path / "broker.log"):
        await post_here(30)
        await until(lambda: stored() == 63, seconds=90)
        await until_ready(writer.why_not_ready, 30)
        assert writer.run.returncode is None
        assert await writer.run.stop(20) == 0


async def test_a_second_writer_takes_its_share_and_nothing_is_lost(
    start_writer: StartWriter,
    database: str,
    post: Post,
    event: Event,
    stored: Callable[[], int],
    until: Until,
) -> None:
    first = await start_writer(database, flush_seconds=0.2)
    await post(*(event() for _ in range(300)))
    second = await start_writer(database, flush_seconds=0.2, listen=second_listen())
    for sent in range(600, 3001, 300):
        await post(*(event() for _ in range(300)))
        if sent == 1800:
            assert await first.run.stop(20) == 0
    await until(lambda: stored() == 3000)
    assert second.run.returncode is None


async def test_the_end_statuses(start_writer: StartWriter, clickhouse: str) -> None:
    unready = await start_writer(f"{clickhouse}/writer_test_absent", ready=False)
    await _metric_is(unready, lambda value: value == 1, "eventrail_writer_waiting", cause="table")
    unready.run._process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(unready.run.wait(), 10) == 0
    wrong = await start_writer(clickhouse, ready=False, flush_events=0)
    assert await asyncio.wait_for(wrong.run.wait(), 20) == 2
    assert "EVENTRAIL_WRITER_FLUSH_EVENTS" in wrong.run.log_end()


async def _waits(writer: Any, events: int) -> None:
    await _metric_is(writer, lambda value: value >= events, "eventrail_writer_waiting_events")


async def _metric_is(
    writer: Any, wanted: Callable[[float], bool], name: str, seconds: float = 40, **labels: str
) -> None:
    value = float("nan")

    async def question() -> str:
        nonlocal value
        assert writer.run.returncode is None, writer.run.log_end()
        try:
            value = await writer.metric(name, **labels)
        except httpx.HTTPError:
            return "no answer"
        return "" if wanted(value) else f"{name} is {value}"

    await until_ready(question, seconds)


def second_listen() -> str:
    return str(free_addresses(random.Random()).collector)
