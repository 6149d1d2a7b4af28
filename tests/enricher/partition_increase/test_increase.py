"""An increase on a real broker, between real workers: no event is missing, and no session is split."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from devstack.checkout import CHECKOUT
from devstack.single import broker
from enricher.partition_increase.increase import increase
from enricher.partition_increase.plan import GENERAL
from eventrail.contract.codec import decode_enriched
from eventrail.contract.topics import ALL, ENRICHED, RAW, SESSIONS_CHANGELOG
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.errors import ConfigurationError
from eventrail.kafka.admin import add_partitions, create_topics, partition_counts
from eventrail.kafka.records import producer, send
from eventrail.settings import KafkaSettings
from tests.enricher.worker_process import LIMIT_S, Worker, chunk, environment, raw_event
from tests.pipeline.river import until

pytestmark = pytest.mark.stack

OLD, NEW = 2, 6
VISITORS = range(12)
"""A visitor's number stands for the hash that a collector makes of it."""


class River:
    """A broker of its own with topics of OLD partitions, what a collector sends, and workers."""

    def __init__(self, servers: str, folder: Path) -> None:
        self.servers = servers
        self.kafka = KafkaSettings(kafka_bootstrap_servers=servers, topic_partitions=OLD)
        self._folder = folder
        self.sent: set[str] = set()

    async def visit(self, visitors: Iterable[int] = VISITORS) -> None:
        """An event of each visitor, where collectors that see the topic as it is put it."""
        partitions = (await partition_counts(self.kafka, [RAW]))[RAW.name]
        async with producer(self.servers) as sender:
            for visitor in visitors:
                event = raw_event("shop", f"v{visitor}")
                self.sent.add(event.event_id)
                await send(sender, RAW.name, visitor % partitions, [chunk([event])])

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[Worker]:
        worker = Worker(self.servers, self._folder / "worker.log")
        try:
            await worker.until_ready()
            yield worker
        finally:
            worker.end()

    async def done(self) -> None:
        """A worker comes, does what waits, and goes."""
        async with self.worker():
            await until(self.ids, self.sent.__eq__, LIMIT_S)

    async def ids(self) -> set[str]:
        return {event.event_id for event in await self.enriched()}

    async def enriched(self) -> list[EnrichedEvent]:
        consumer = AIOKafkaConsumer(bootstrap_servers=self.servers, auto_offset_reset="earliest")
        async with consumer:
            partitions = (await partition_counts(self.kafka, [ENRICHED]))[ENRICHED.name]
            tps = [TopicPartition(ENRICHED.name, number) for number in range(partitions)]
            consumer.assign(tps)
            ends, events = await consumer.end_offsets(tps), []
            for tp in tps:
                while await consumer.position(tp) < ends[tp]:
                    events += [
                        decode_enriched(found.value)
                        for found in (await consumer.getmany(tp, timeout_ms=100)).get(tp, [])
                    ]
        return events

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "enricher", "partitions", *arguments],
            cwd=CHECKOUT,
            env=environment(self.servers, "127.0.0.1:0"),
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
async def river(tmp_path: Path) -> AsyncIterator[River]:
    async with broker(tmp_path / "kafka") as servers:
        kafka = KafkaSettings(kafka_bootstrap_servers=servers, topic_partitions=OLD)
        await create_topics(kafka, ALL)
        yield River(servers, tmp_path)


def sessions(events: Iterable[EnrichedEvent]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for event in events:
        found.setdefault(event.visitor_id, set()).add(event.session_id)
    return found


async def test_every_visitor_keeps_its_session_and_no_event_is_missing(river: River) -> None:
    await river.visit()
    async with river.worker():
        running = river.command("--count", str(NEW))
        assert (running.returncode, "1 enrichers run: stop them first" in running.stderr) == (2, True)
    await river.done()
    await river.visit([1])
    waits = river.command("--count", str(NEW))
    assert (waits.returncode, f"1 records of {RAW.name} wait: stop the collectors" in waits.stderr) == (
        2,
        True,
    )
    await river.done()
    asked = river.command("--count", str(NEW), "--dry-run")
    assert asked.returncode == 0
    assert f"{RAW.name}: would get {NEW} partitions" in asked.stdout
    assert set((await partition_counts(river.kafka, GENERAL)).values()) == {OLD}

    done = river.command("--count", str(NEW))

    assert (done.returncode, done.stderr) == (0, "")
    assert f"live session states: {len(VISITORS)}, each carried to 2 new partitions" in done.stdout
    assert set((await partition_counts(river.kafka, GENERAL)).values()) == {NEW}
    await river.visit()
    await river.done()
    events = await river.enriched()
    assert sorted(event.event_id for event in events) == sorted(river.sent)
    assert {len(found) for found in sessions(events).values()} == {1}
    assert "nothing to do" in river.command("--count", str(NEW)).stdout


async def test_what_was_broken_off_is_finished_though_records_wait_by_now(river: River) -> None:
    await river.visit()
    await river.done()
    await add_partitions(river.kafka, SESSIONS_CHANGELOG.name, NEW)
    await river.visit([4])

    done = await increase(river.kafka, NEW, raw_event("shop", "now").received_at_ms, dry_run=False)

    assert (done.carried, done.waiting) == (len(VISITORS), 1)
    assert set((await partition_counts(river.kafka, GENERAL)).values()) == {NEW}
    await river.visit()
    await river.done()
    events = await river.enriched()
    assert sorted(event.event_id for event in events) == sorted(river.sent)
    split = {visitor for visitor, found in sessions(events).items() if len(found) > 1}
    assert split <= {"v4"}


async def test_states_that_are_over_are_left_behind(river: River) -> None:
    await river.visit()
    await river.done()
    tomorrow = raw_event("shop", "now").received_at_ms + 86_400_000
    assert (await increase(river.kafka, NEW, tomorrow, dry_run=False)).carried == 0


async def test_what_cannot_be_done_says_why(river: River) -> None:
    with pytest.raises(ConfigurationError, match="no multiple of the 2 partitions"):
        await increase(river.kafka, 5, 0, dry_run=False)
    without = river.command()
    assert (without.returncode, "partitions needs --count N" in without.stderr) == (2, True)
