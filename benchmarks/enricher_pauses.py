"""How long the enricher's output stands still: `python -m benchmarks.enricher_pauses [NAME ...]` prints a table.

A real broker and real workers with their default settings. A few hundred events a second go to all partitions of
the raw topic; a reader of the enriched topic notes when something of each raw partition arrives. A pause
is the longest time between two arrivals of the same partition, from the blow until all partitions flow again.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from enricher.checkpoints import added
from enricher.enrichments.session_state import Session, State, encode
from enricher.lookups.visitors import state_key
from enricher.settings import EnricherSettings
from eventrail.contract.codec import decode_enriched
from eventrail.contract.topics import ALL, ENRICHED, RAW, SESSIONS_CHANGELOG
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.admin import create_topics
from eventrail.kafka.records import Record, producer, send
from eventrail.settings import KafkaSettings
from tests.enricher.broker_process import Broker, own_broker
from tests.enricher.worker_process import PARTITIONS, Worker, chunk, raw_event

EVERY_S = 0.1
EVENTS_EACH = 5
CALM_S = 2.0
WATCHED_S = 4.0
"""The other workers learn of a change with their next heartbeat only."""
LIMIT_S = 90.0
OUTAGE_S = 10.0
SESSION_TIMEOUT_S = EnricherSettings.model_fields["session_timeout_seconds"].default
WORKER = {
    # The tests shorten these; here the defaults are measured.
    "EVENTRAIL_ENRICHER_SESSION_TIMEOUT_SECONDS": "",
    "EVENTRAIL_ENRICHER_HEARTBEAT_INTERVAL_SECONDS": "",
}


@dataclass
class Flow:
    """When something of each raw partition arrived on the enriched topic (monotonic seconds)."""

    arrivals: list[list[float]] = field(default_factory=lambda: [[] for _ in range(PARTITIONS)])
    sent: int = 0
    ids: set[str] = field(default_factory=set)
    copies: int = 0

    def note(self, partition: int, event_id: str, now: float) -> None:
        if event_id in self.ids:
            self.copies += 1
        self.ids.add(event_id)
        self.arrivals[partition].append(now)

    def flows_since(self, begin: float) -> bool:
        """Whether each partition had something in each half second of the time since `begin`."""
        now = time.monotonic()
        return all(_longest([begin, *_since(times, begin), now]) < CALM_S / 2 for times in self.arrivals)

    def pause(self, begin: float, end: float) -> float:
        """The longest pause of any partition between the two times, in seconds."""
        return max(
            _longest([begin, *(at for at in _since(times, begin) if at < end), end])
            for times in self.arrivals
        )


def _since(times: list[float], begin: float) -> list[float]:
    return [at for at in times if at >= begin]


def _longest(times: Iterable[float]) -> float:
    return max(after - before for before, after in pairwise(times))


async def listen(servers: str, flow: Flow) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, auto_offset_reset="latest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(ENRICHED.name, number) for number in range(PARTITIONS)])
        async for record in consumer:
            event = decode_enriched(record.value)
            flow.note(event.raw_position.partition, event.event_id, time.monotonic())
    finally:
        await consumer.stop()


async def load(servers: str, flow: Flow) -> None:
    """Send for ever; while the broker is away, new producers are tried."""
    while True:
        sender = producer(servers, request_timeout_ms=5_000)
        try:
            await sender.start()
            await _load(sender, flow)
        except (KafkaError, KafkaUnavailable):
            await asyncio.sleep(0.2)
        finally:
            await sender.stop()


async def _load(sender: AIOKafkaProducer, flow: Flow) -> None:
    number = 0
    while True:
        number += 1
        chunks = [
            chunk([raw_event("shop", f"v{partition}-{number % 50}") for _ in range(EVENTS_EACH)])
            for partition in range(PARTITIONS)
        ]
        await asyncio.gather(
            *(send(sender, RAW.name, partition, [record]) for partition, record in enumerate(chunks))
        )
        flow.sent += EVENTS_EACH * PARTITIONS
        await asyncio.sleep(EVERY_S)


class Rig:
    """A broker, the load, the reader, and workers by name."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        self.broker = broker
        self.servers = str(broker.address)
        self.flow = Flow()
        self._folder = folder
        self.workers: dict[str, Worker] = {}

    def start(self, name: str) -> Worker:
        log = self._folder / f"{name}-{time.monotonic_ns()}.log"
        self.workers[name] = Worker(self.servers, log, **WORKER)
        return self.workers[name]

    async def flows(self) -> float:
        """Wait until the output of every partition flowed without a break for two seconds; when that was."""
        end = time.monotonic() + LIMIT_S
        while not self.flow.flows_since(time.monotonic() - CALM_S):
            if time.monotonic() > end:
                logs = "\n".join(worker.log.read_text()[-3000:] for worker in self.workers.values())
                raise SystemExit(f"no output in all partitions within {LIMIT_S:g} s\n{logs}")
            await asyncio.sleep(0.02)
        return time.monotonic()

    async def pause(self, blow: Callable[[], Awaitable[object]]) -> float:
        """The longest pause that `blow()` makes until all flows again; at least four seconds are watched."""
        await self.flows()
        begin = time.monotonic()
        await blow()
        await asyncio.sleep(WATCHED_S)
        return self.flow.pause(begin, await self.flows())


@dataclass
class Row:
    what: str
    seconds: float
    target: float | None


async def join(rig: Rig) -> list[Row]:
    async def second() -> None:
        await rig.start("second").until_ready()

    return [Row("a second worker joins", await rig.pause(second), 5)]


async def leave(rig: Rig) -> list[Row]:
    async def blow() -> None:
        worker = rig.workers.pop("second")
        assert await asyncio.to_thread(worker.end) == 0

    return [Row("it leaves by SIGTERM", await rig.pause(blow), 5)]


async def killed(rig: Rig) -> list[Row]:
    await rig.start("second").until_ready()

    async def blow() -> None:
        rig.workers.pop("second").kill()

    return [Row("one of two is killed (kill -9)", await rig.pause(blow), SESSION_TIMEOUT_S + 2)]


async def stopped(rig: Rig) -> list[Row]:
    worker = rig.start("second")
    await worker.until_ready()

    async def stop() -> None:
        worker.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(SESSION_TIMEOUT_S + 5)

    async def go_on() -> None:
        worker.process.send_signal(signal.SIGCONT)
        await asyncio.sleep(3)
        await worker.until_ready()

    rows = [
        Row("one of two stands still (SIGSTOP)", await rig.pause(stop), SESSION_TIMEOUT_S + 2),
        Row("it goes on (SIGCONT), a zombie", await rig.pause(go_on), 5),
    ]
    await leave(rig)
    return rows


async def outage(rig: Rig) -> list[Row]:
    back = 0.0

    async def blow() -> None:
        nonlocal back
        await rig.broker.stop()
        await asyncio.sleep(OUTAGE_S)
        await rig.broker.start()
        back = time.monotonic()

    await rig.flows()
    begin = time.monotonic()
    await blow()
    first = [await _first_after(rig.flow.arrivals[number], back) for number in range(PARTITIONS)]
    return [
        Row(
            f"the broker is away for {back - begin:.1f} s; from its answer to output of all", max(first), None
        )
    ]


async def _first_after(times: list[float], begin: float) -> float:
    while not times or times[-1] < begin:
        assert time.monotonic() < begin + LIMIT_S
        await asyncio.sleep(0.02)
    return next(at for at in times if at >= begin) - begin


MILLION = 1_000_000
_FILL_TOGETHER = 10_000


async def fill(servers: str, states: int) -> None:
    """A changelog with this many live sessions, evenly on the partitions."""
    sender = producer(servers)
    await sender.start()
    now_ms = time.time_ns() // 1_000_000
    session = Session(bytes(16), now_ms, now_ms, now_ms)
    value = added(None, 0, encode(State(session, None, now_ms)), 0)
    try:
        for begin in range(0, states, _FILL_TOGETHER):
            records = [
                Record(value, key=state_key("shop", f"{visitor:032x}"), timestamp_ms=now_ms)
                for visitor in range(begin, min(begin + _FILL_TOGETHER, states))
            ]
            await send(sender, SESSIONS_CHANGELOG.name, begin // _FILL_TOGETHER % PARTITIONS, records)
    finally:
        await sender.stop()


async def recovery(rig: Rig) -> list[Row]:
    for name in list(rig.workers):
        assert await asyncio.to_thread(rig.workers.pop(name).end) == 0
    await fill(rig.servers, MILLION)
    begin = time.monotonic()
    worker = rig.start("first")
    await worker.until_ready()
    ready = time.monotonic() - begin
    first = max([await _first_after(times, begin) for times in rig.flow.arrivals])
    while (held := await worker.metric("eventrail_enricher_sessions")) < MILLION:  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    rows = [
        Row(f"a worker starts with {held:,.0f} live sessions: ready", ready, None),
        Row("the same: output of all partitions", first, 15),
    ]
    for made, measure in (("with a million sessions: ", join), ("with a million sessions: ", leave)):
        rows += [Row(made + row.what, row.seconds, row.target) for row in await measure(rig)]
    return rows


MEASURES: dict[str, Callable[[Rig], Awaitable[list[Row]]]] = {
    "join": join,
    "leave": leave,
    "kill": killed,
    "stop": stopped,
    "outage": outage,
    "recovery": recovery,
}


@asynccontextmanager
async def rig_of(folder: Path) -> AsyncIterator[Rig]:
    async with own_broker(folder) as broker:
        rig = Rig(broker, folder)
        await create_topics(KafkaSettings(kafka_bootstrap_servers=rig.servers), ALL)
        tasks = [
            asyncio.create_task(listen(rig.servers, rig.flow)),
            asyncio.create_task(load(rig.servers, rig.flow)),
        ]
        try:
            yield rig
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            for worker in rig.workers.values():
                worker.kill()


async def main(names: list[str]) -> bool:
    """Print the table; True where every target is met."""
    met = True
    with tempfile.TemporaryDirectory(prefix="eventrail-pauses-") as folder:
        async with rig_of(Path(folder)) as rig:
            await rig.start("first").until_ready()
            print("| what happens | longest pause, s | target, s |\n|---|---|---|")
            for name in names:
                for row in await MEASURES[name](rig):
                    target = "" if row.target is None else f"{row.target:g}"
                    met &= row.target is None or row.seconds <= row.target
                    print(f"| {row.what} | {row.seconds:.1f} | {target} |", flush=True)
            await rig.flows()
            print(
                f"\n{rig.flow.sent:,} events sent, {len(rig.flow.ids):,} arrived, {rig.flow.copies:,} copies"
            )
    return met


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.enricher_pauses", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"one of {', '.join(MEASURES)}; default: all"
    )
    chosen = parser.parse_args().names or list(MEASURES)
    sys.exit(0 if asyncio.run(main(chosen)) else 1)
