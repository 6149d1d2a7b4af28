"""The writer put together: wait for the table, read, write, commit, and stop in order."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from aiokafka.errors import KafkaError

from eventrail import logs
from eventrail.breaker import Breaker
from eventrail.clock import Clock, SystemClock
from eventrail.contract import topics
from eventrail.health import serving, side_door
from eventrail.metrics import registry
from eventrail.settings import ClickHouseSettings, KafkaSettings, load
from eventrail.tracing import Traces, TracingSettings, tracing
from eventrail.watchdog import Watchdog
from eventrail.websites import OpenWebsites
from eventrail.websites import metrics as websites_metrics
from eventrail.websites.settings import WebsitesSettings
from eventrail.websites.watching import WebsitesFile, describe, open_websites, watched
from writer.batch import FlushReason, Limits
from writer.consumer import close, connected_consumer, connected_producer
from writer.dedupe import RecentlyWritten
from writer.delivery import PROBES, Delivery
from writer.erasing import Erasing
from writer.erasure_tables import ErasureTables
from writer.erasure_topic import ErasureTopic
from writer.errors import LineHeld
from writer.group_offsets import GroupOffsets
from writer.lookout import Lookout
from writer.metrics import Metrics, metrics
from writer.readiness import Readiness
from writer.rejections import RejectedTopic
from writer.retention import days_kept
from writer.retry import Backoff, Retry
from writer.settings import WriterSettings
from writer.stream import Stream
from writer.table import Table
from writer.traced import Traced
from writer.waiting import Cause, Waiting

log = logs.get(__name__)

_PROBE_SECONDS = 2.0
_LOOK_SECONDS = 5.0


@dataclass(frozen=True)
class Parts:
    """Everything that lives as long as the process."""

    settings: WriterSettings
    kafka: KafkaSettings
    clickhouse_url: str
    websites: OpenWebsites | WebsitesFile
    table: Table
    waiting: Waiting
    retry: Retry
    readiness: Readiness
    metrics: Metrics
    clock: Clock
    traces: Traces | None


async def run(stop: asyncio.Event) -> None:
    """Serve health and metrics and write events until `stop` is set.

    Raises ConfigurationError for a wrong setting, and OSError when the address to listen at cannot be bound.
    """
    with tracing("writer", load(TracingSettings)) as traces:
        await _run(stop, traces)


async def _run(stop: asyncio.Event, traces: Traces | None) -> None:
    settings, clock = load(WriterSettings), SystemClock()
    url = load(ClickHouseSettings).clickhouse_url
    figures = registry("writer")
    catalogue = metrics(figures)
    websites = open_websites(load(WebsitesSettings))
    websites_metrics.install(figures, websites)
    waiting = Waiting(catalogue, clock.monotonic)
    parts = Parts(
        settings,
        load(KafkaSettings),
        url,
        websites,
        Table(url, timeout_seconds=settings.insert_timeout_seconds, process=uuid4().hex),
        waiting,
        Retry(Backoff(longest=settings.retry_max_seconds), waiting),
        Readiness(Table(url, timeout_seconds=_PROBE_SECONDS), waiting),
        catalogue,
        clock,
        traces,
    )
    health = parts.readiness.health(clock.monotonic)
    async with serving(side_door(health, figures), settings.listen), watched(websites):
        log.info("started", listen=settings.listen, group=settings.group, websites=describe(websites))
        await _work(parts, stop)
        log.info("stopped")


async def _work(parts: Parts, stop: asyncio.Event) -> None:
    verify = parts.retry(lambda: asyncio.to_thread(_verify, parts))
    if not await _unless(stop, verify):
        return
    rejected = RejectedTopic(lambda: connected_producer(parts.kafka))
    try:
        if await _unless(stop, parts.retry(rejected.connect)):
            async with _erasing(parts, stop) as erasing:
                await _read(parts, rejected, erasing, stop)
    finally:
        await rejected.close()


def _verify(parts: Parts) -> None:
    """Blocks. Raises TableFault that says what is missing, or ClickHouseUnavailable."""
    parts.table.verify()
    with closing(ErasureTables(parts.clickhouse_url, timeout_seconds=_PROBE_SECONDS)) as tables:
        tables.verify()


@asynccontextmanager
async def _erasing(parts: Parts, stop: asyncio.Event) -> AsyncIterator[Erasing]:
    """Learn of erasures and carry them out while the block runs. Where that fails for good, all ends with its error."""
    settings, url = parts.settings, parts.clickhouse_url
    topic, offsets = ErasureTopic(parts.kafka), GroupOffsets(parts.kafka, settings.group)
    tables = ErasureTables(url, timeout_seconds=settings.insert_timeout_seconds)
    sweeping = ErasureTables(url, timeout_seconds=settings.sweep_timeout_seconds)
    erasing = Erasing(
        topic, tables, sweeping, offsets, parts.retry, parts.metrics, parts.clock, settings.known_erased
    )
    running = asyncio.create_task(erasing.run())
    running.add_done_callback(lambda _done: stop.set())
    try:
        yield erasing
    finally:
        failed = running.done()
        running.cancel()
        await asyncio.wait([running])
        await topic.close()
        await offsets.close()
        # A statement that runs in a thread would hold the process until its time is over.
        await asyncio.to_thread(tables.close)
        await asyncio.to_thread(sweeping.close)
    if failed:
        running.result()


async def _read(parts: Parts, rejected: RejectedTopic, erasing: Erasing, stop: asyncio.Event) -> None:
    settings = parts.settings
    delivery = Delivery(
        parts.table,
        rejected,
        RecentlyWritten(settings.known_events),
        parts.retry,
        Retry(PROBES, parts.waiting, errors=(LineHeld,)),
        Breaker(settings.breaker_share, settings.breaker_minimum),
        parts.metrics,
        parts.clock,
        erasing,
        lambda: days_kept(parts.websites),
    )
    async with _watched(parts, lambda: delivery.steps) as lookout:
        while not stop.is_set():
            try:
                await _session(parts, delivery, lookout, stop)
            except KafkaError as error:
                await _pause(parts, stop, f"reading begins anew after {error!r}")


@asynccontextmanager
async def _watched(parts: Parts, steps: Callable[[], int]) -> AsyncIterator[Lookout]:
    """Watch the writer's progress while the block runs; the process may end inside, with status 3."""
    offsets = GroupOffsets(parts.kafka, parts.settings.group)
    limit = parts.settings.longest_standstill_seconds
    lookout = Lookout(offsets, parts.waiting, Watchdog(limit), parts.clock, steps)
    looking = asyncio.create_task(_look_again_and_again(lookout, min(limit / 10, _LOOK_SECONDS)))
    try:
        yield lookout
    finally:
        looking.cancel()
        await asyncio.wait([looking])
        await offsets.close()


async def _look_again_and_again(lookout: Lookout, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await lookout.look()
        except Exception:
            log.exception("a look at the progress failed")


async def _session(parts: Parts, delivery: Delivery, lookout: Lookout, stop: asyncio.Event) -> None:
    """One consumer from its start to its end. Raises KafkaError where it cannot go on."""
    settings = parts.settings
    consumer = await _unless(stop, parts.retry(lambda: connected_consumer(parts.kafka, settings)))
    if consumer is None:
        return
    limits = Limits(
        settings.flush_events,
        settings.flush_seconds,
        settings.max_waiting_events,
        settings.max_waiting_bytes,
        settings.insert_interval_seconds,
    )
    stream = Stream(
        consumer,
        delivery.deliver,
        limits,
        settings.handover_seconds,
        parts.waiting,
        parts.metrics,
        parts.clock,
        delivery.look_ahead,
        Traced(parts.traces, parts.clock) if parts.traces else None,
    )
    consumer.subscribe([topics.ENRICHED.name], listener=stream)
    parts.readiness.consumer = consumer
    lookout.reading = stream
    try:
        # Raced against the stop, because reading waits without end for a group that cannot form.
        await _unless(stop, stream.run())
        await stream.flush(FlushReason.STOP, settings.grace_seconds)
    finally:
        parts.readiness.consumer = lookout.reading = None
        await stream.abandon()
        await close(consumer)


async def _pause(parts: Parts, stop: asyncio.Event, why: str) -> None:
    parts.waiting.begin(Cause.KAFKA, why)
    try:
        await asyncio.wait_for(stop.wait(), parts.settings.retry_max_seconds)
    except TimeoutError:
        parts.waiting.end(Cause.KAFKA)


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, Any]) -> Any:
    """The result of `work` (True for None), or None where `stop` was set first; `work` is cancelled then."""
    task, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait([task, stopped], return_when=asyncio.FIRST_COMPLETED)
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
        return None
    stopped.cancel()
    result = task.result()
    return True if result is None else result
