"""The auditor put together: wait for the tables, follow the topics, audit in turns, and stop in order."""

import asyncio
from dataclasses import dataclass
from functools import partial

from auditor.audit import Audit
from auditor.books import Books
from auditor.checkpoints import Checkpoints
from auditor.errors import LedgerFault
from auditor.follower import Follower
from auditor.ledger import Ledger
from auditor.metrics import Metrics, metrics
from auditor.readiness import Readiness
from auditor.rounds import Minutes, pause
from auditor.settings import AuditorSettings
from auditor.sources import Names, Surveyor, surveyor
from auditor.waiting import Retry, Waiting, cause_of
from eventrail import logs
from eventrail.clock import Clock, SystemClock
from eventrail.errors import UnavailableError
from eventrail.health import serving, side_door
from eventrail.lifecycle import unless
from eventrail.metrics import registry
from eventrail.settings import ClickHouseSettings, KafkaSettings, load

log = logs.get(__name__)

_PROBE_SECONDS = 2.0


@dataclass(frozen=True)
class Parts:
    """Everything that lives as long as the process. Each part that asks ClickHouse has a connection of its own."""

    settings: AuditorSettings
    kafka: KafkaSettings
    names: Names
    reading: Ledger
    auditing: Ledger
    books: Books
    waiting: Waiting
    metrics: Metrics
    clock: Clock

    def retry(self, who: str) -> Retry:
        return Retry(who, self.waiting, self.settings.retry_max_seconds)


def parts(
    settings: AuditorSettings,
    kafka: KafkaSettings,
    clickhouse_url: str,
    catalogue: Metrics,
    clock: Clock,
    names: Names,
) -> Parts:
    """The parts, none of them connected yet."""

    def ledger() -> Ledger:
        return Ledger(
            clickhouse_url,
            query_seconds=settings.query_seconds,
            query_memory_bytes=settings.query_memory_bytes,
        )

    minutes = Minutes(settings.slice_events, settings.recent_minutes, settings.window_hours)
    books = Books(minutes, Checkpoints(settings.settle_seconds))
    waiting = Waiting(catalogue, clock.monotonic)
    return Parts(settings, kafka, names, ledger(), ledger(), books, waiting, catalogue, clock)


async def run(stop: asyncio.Event, names: Names | None = None) -> None:
    """Serve health and metrics and audit until `stop` is set.

    Raises ConfigurationError for a wrong setting, and OSError when the address to listen at cannot be bound.
    """
    settings, clock = load(AuditorSettings), SystemClock()
    url = load(ClickHouseSettings).clickhouse_url
    figures = registry("auditor")
    made = parts(settings, load(KafkaSettings), url, metrics(figures), clock, names or Names())
    probe = Ledger(url, query_seconds=_PROBE_SECONDS)
    readiness = Readiness(probe, made.books, made.waiting, clock.monotonic)
    async with serving(side_door(readiness.health(), figures), settings.listen):
        log.info("started", listen=settings.listen, group=settings.group)
        try:
            await unless(stop, work(made))
        finally:
            for ledger in (made.reading, made.auditing, probe):
                # A query that runs in a thread would hold the process until its time is over.
                ledger.close()
        log.info("stopped")


async def work(made: Parts) -> None:
    """Follow and audit until cancelled; waits for ever while a backend is away."""
    await made.retry("start")(partial(asyncio.to_thread, _restore, made))
    follower = Follower(
        made.kafka,
        made.settings,
        made.names,
        made.reading,
        made.books,
        made.retry("reading"),
        made.metrics,
        made.clock,
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(follower.run())
        group.create_task(_audit(made))


def _restore(made: Parts) -> None:
    """What an earlier process wrote. Blocks. Raises ClickHouseUnavailable or LedgerFault."""
    ledger, minutes, hours = made.auditing, made.books.minutes, made.settings.window_hours
    ledger.verify()
    made.books.restore(ledger.logs(), ledger.expired())
    read = ledger.minutes(hours)
    results = ledger.results(min((minute for minute, _entries, _at in read), default=0)) if read else {}
    for minute, entries, read_at in read:
        minutes.restore(minute, entries, read_at, results.get(minute))
    made.metrics.unaccounted.set(minutes.unaccounted())


async def _audit(made: Parts) -> None:
    await made.books.opened.wait()
    audit = Audit(made.auditing, made.books, made.settings, made.metrics, made.clock)
    while True:
        try:
            async with surveyor(made.kafka, made.settings, made.names) as asking:
                await _passes(made, audit, asking)
        except UnavailableError as error:
            made.waiting.begin("auditing", cause_of(error), str(error))
            await asyncio.sleep(made.settings.retry_max_seconds)


async def _passes(made: Parts, audit: Audit, asking: Surveyor) -> None:
    """Passes for as long as Kafka answers. Raises KafkaUnavailable."""
    while True:
        began = made.clock.monotonic()
        held = made.books.held()
        survey = await asking.survey()
        try:
            await audit.run(survey, held)
        except (UnavailableError, LedgerFault) as error:
            made.metrics.passes.labels("failed").inc()
            made.waiting.begin("auditing", cause_of(error), str(error))
            await asyncio.sleep(made.settings.retry_max_seconds)
            continue
        made.metrics.passes.labels("done").inc()
        made.waiting.end("auditing")
        took = made.clock.monotonic() - began
        await asyncio.sleep(pause(made.settings.interval_seconds, took))
