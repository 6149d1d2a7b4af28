"""The lower river for a fault run: an engine and a writer of its own under a steady load of enriched events."""

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from uuid import UUID, uuid4

import httpx
from clickhouse_driver.errors import Error
from prometheus_client.parser import text_string_to_metric_families

from devstack import programs
from devstack.ports import Address, free_addresses
from devstack.process import Run, until_ready
from devstack.single import ready
from eventrail.clickhouse import connect
from eventrail.contract import topics
from eventrail.contract.codec import enriched_headers, enriched_key
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, EventType
from eventrail.kafka.admin import create_topics
from eventrail.kafka.records import producer
from eventrail.settings import KafkaSettings
from writer.migrations import migrate

READY_SECONDS = 60.0
ANSWER_SECONDS = 3.0

COUNTS = "SELECT count(), uniqExact(event_id) FROM events WHERE website_id = %(website)s"


class Engine:
    """An engine that can be stopped, frozen and started again; `prefix` stands before its command."""

    def __init__(self, data: Path, prefix: tuple[str, ...] = ()) -> None:
        self.address = free_addresses(random.Random()).clickhouse
        self._program = programs.clickhouse(self.address, data)
        self._prefix = prefix
        self._log = data.parent / "engine.log"
        self.run: Run | None = None

    def url(self, through: Address | None = None) -> str:
        return f"clickhouse://default@{through or self.address}/outage"

    async def start(self) -> None:
        self.run = await Run.start((*self._prefix, *self._program.command), self._log, os.environ)
        await ready(self._program, self.run, READY_SECONDS)

    async def stop(self) -> None:
        if self.run is not None:
            await self.run.stop(20)

    async def end(self) -> None:
        """End it for good, also when it is frozen."""
        if self.run is not None:
            await self.run.kill()

    def freeze(self) -> None:
        os.kill(self._pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

    @property
    def _pid(self) -> int:
        assert self.run is not None
        return self.run.pid

    @property
    def pid(self) -> int:
        """Process id of the run that answers."""
        return self._pid


class Writer:
    """`python -m writer` with its own group and settings; `command` replaces `-m writer`."""

    def __init__(self, kafka: str, clickhouse_url: str, log: Path, settings: Mapping[str, object]) -> None:
        addresses = free_addresses(random.Random())
        self.url = f"http://{addresses.writer}"
        self._log = log
        self._environment = {
            **os.environ,
            "EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS": kafka,
            "EVENTRAIL_CLICKHOUSE_URL": clickhouse_url,
            "EVENTRAIL_WRITER_LISTEN": str(addresses.writer),
            "EVENTRAIL_WRITER_GROUP": f"outage-{uuid4().hex[:12]}",
            **{f"EVENTRAIL_WRITER_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self.run: Run | None = None

    @property
    def process(self) -> Run:
        assert self.run is not None, "not started"
        return self.run

    async def start(self, command: tuple[str, ...] = ("-m", "writer")) -> None:
        self.run = await Run.start((sys.executable, *command), self._log, self._environment)
        await until_ready(self.why_not_ready, READY_SECONDS)

    async def why_not_ready(self) -> str:
        assert self.process.returncode is None, self.process.log_end()
        checks = await self.checks()
        return "" if set(checks.values()) == {"ok"} else str(checks or "no answer")

    async def checks(self) -> dict[str, str]:
        """The checks of `/readyz`; empty while nobody answers."""
        with suppress(httpx.HTTPError):
            async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as client:
                checks: dict[str, str] = (await client.get(f"{self.url}/readyz")).json()["checks"]
                return checks
        return {}

    async def metrics(self) -> dict[str, float]:
        """Every sample, summed over its labels, but for `waiting`: `waiting:<cause>`."""
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as client:
            text = (await client.get(f"{self.url}/metrics")).text
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                name = sample.name.removeprefix("eventrail_writer_")
                if name == "waiting":
                    name = f"waiting:{sample.labels['cause']}"
                found[name] = found.get(name, 0.0) + sample.value
        return found

    def rss_mib(self) -> float:
        """Resident memory in MiB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0


@dataclass
class Load:
    """Enriched events at a steady rate; every id that the broker acknowledged is in `ids`."""

    kafka: str
    rate: float
    website: str = field(default_factory=lambda: f"outage-{uuid4().hex[:12]}")
    ids: list[UUID] = field(default_factory=list)

    def event(self) -> EnrichedEvent:
        now_ms = time.time_ns() // 1_000_000
        return EnrichedEvent(
            website_id=self.website,
            event_id=str(uuid4()),
            event_type=EventType.EVENT_TYPE_CUSTOM,
            event_name="purchase",
            timestamp_ms=now_ms,
            received_at_ms=now_ms,
            identity_day=now_ms // 86_400_000,
            visitor_id=f"v{random.randrange(1000)}",
            event_data='{"plan":"pro","amount":12.5}',
        )

    async def run(self) -> None:
        """Send until it is cancelled."""
        began, sent = time.monotonic(), 0
        async with producer(KafkaSettings(kafka_bootstrap_servers=self.kafka)) as sender:
            while True:
                due = int((time.monotonic() - began) * self.rate) - sent
                made = [self.event() for _ in range(due)]
                waiting = [
                    await sender.send(
                        topics.ENRICHED.name,
                        event.SerializeToString(),
                        key=enriched_key(event),
                        headers=enriched_headers(event),
                    )
                    for event in made
                ]
                await asyncio.gather(*waiting)
                self.ids += (UUID(event.event_id) for event in made)
                sent += due
                await asyncio.sleep(0.1)


@dataclass
class River:
    """All of it, running."""

    engine: Engine
    writer: Writer
    load: Load

    def counts(self) -> tuple[int, int] | None:
        """Rows and different events of the load in the table; None while the engine does not answer."""
        client = connect(self.engine.url(), timeout_seconds=ANSWER_SECONDS)
        try:
            [(rows, events)] = client.execute(COUNTS, {"website": self.load.website})
        except (Error, OSError, EOFError):
            return None
        else:
            return rows, events
        finally:
            client.disconnect()

    def execute(self, statement: str) -> None:
        """Let the engine execute `statement` in the river's database."""
        client = connect(self.engine.url(), timeout_seconds=ANSWER_SECONDS)
        try:
            client.execute(statement)
        finally:
            client.disconnect()

    def stored_ids(self) -> set[UUID]:
        client = connect(self.engine.url(), timeout_seconds=60)
        try:
            sql = "SELECT DISTINCT event_id FROM events WHERE website_id = %(website)s"
            return {event_id for (event_id,) in client.execute(sql, {"website": self.load.website})}
        finally:
            client.disconnect()

    async def until(self, condition: Callable[[], bool], seconds: float) -> float:
        """Seconds until `condition` held. Raises TimeoutError."""
        began = time.monotonic()
        async with asyncio.timeout(seconds):
            while not await asyncio.to_thread(condition):
                assert self.writer.process.returncode is None, self.writer.process.log_end()
                await asyncio.sleep(0.1)
        return time.monotonic() - began

    async def until_metric(self, name: str, least: float, seconds: float = 60) -> None:
        """Until a metric of the writer is at least `least`. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while (await self.writer.metrics()).get(name, 0.0) < least:
                assert self.writer.process.returncode is None, self.writer.process.log_end()
                await asyncio.sleep(0.1)

    def events(self) -> int:
        """Different events of the load in the table; 0 while the engine does not answer."""
        counts = self.counts()
        return counts[1] if counts else 0

    async def until_waiting(self, cause: str, seconds: float = 60) -> float:
        """Seconds until the writer says that it waits for `cause`. Raises TimeoutError."""
        began = time.monotonic()
        async with asyncio.timeout(seconds):
            while not (await self.writer.metrics()).get(f"waiting:{cause}"):
                assert self.writer.process.returncode is None, self.writer.process.log_end()
                await asyncio.sleep(0.1)
        return time.monotonic() - began


@asynccontextmanager
async def river(
    folder: Path,
    kafka: str,
    rate: float,
    *,
    engine: Engine | None = None,
    through: Address | None = None,
    command: tuple[str, ...] = ("-m", "writer"),
    settings: Mapping[str, object] = MappingProxyType({}),
) -> AsyncIterator[River]:
    """A running river over the broker `kafka`; the load runs for as long as the block lasts.

    `engine` is not started yet, `through` is a way to it that only the writer takes; `settings` are the
    writer's, by name.
    """
    await create_topics(KafkaSettings(kafka_bootstrap_servers=kafka), topics.ALL)
    engine = engine or Engine(folder / "data")
    writer = Writer(kafka, engine.url(through), folder / "writer.log", settings)
    made = River(engine, writer, Load(kafka, rate))
    sending: asyncio.Task[None] | None = None
    try:
        await engine.start()
        await asyncio.to_thread(migrate, engine.url())
        await writer.start(command)
        sending = asyncio.create_task(made.load.run())
        yield made
    finally:
        if sending is not None:
            sending.cancel()
            await asyncio.wait([sending])
        if writer.run is not None:
            await writer.run.kill()
        await engine.end()
