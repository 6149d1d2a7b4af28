"""The life of one enricher: its health first, then Kafka and its topics, then Faust until it is told to stop."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from enricher import app as stream
from enricher.geo_watch import GeoWatch
from enricher.intake import Intake
from enricher.lookout import Lookout
from enricher.lookups import agents
from enricher.lookups.geo_file import GeoFile
from enricher.lookups.salts import DaySalts
from enricher.metrics import Metrics
from enricher.publisher import Publisher
from enricher.raw_ends import RawEnds
from enricher.readiness import Readiness
from enricher.salts.keeper import SaltKeeper
from enricher.salts.sealing import SaltSealer
from enricher.salts.topic import KafkaSaltLog
from enricher.settings import AllSettings, LookupSettings
from enricher.waits import KAFKA, Waits
from enricher.world import MemorySessionStore, World
from eventrail import logs
from eventrail.breaker import Breaker
from eventrail.clock import Clock
from eventrail.contract import topics
from eventrail.errors import KafkaUnavailable
from eventrail.health import OK, serving, side_door
from eventrail.kafka.admin import verify_topics
from eventrail.kafka.records import producer
from eventrail.sealing import AddressOpener, SealingSettings, parse_keys
from eventrail.tracing import Traces, tracing
from eventrail.watchdog import Watchdog
from eventrail.websites import Websites
from eventrail.websites import metrics as websites_metrics
from eventrail.websites.watching import WebsitesFile, open_websites

_NEEDED_TOPICS = (
    topics.RAW,
    topics.ENRICHED,
    topics.REJECTED,
    topics.SALTS,
    topics.SESSIONS_CHANGELOG,
)
_RETRY_SECONDS = 1.0
_LOOK_SECONDS = 1.0
_GEO_LOOK_SECONDS = 2.0
_LEADING_PARTITION = 0
"""The worker that has this partition of the raw topic makes the salts."""
_PRODUCER_TIMEOUT_MS = 30_000

_log = logs.get(__name__)


def make_world(
    lookups: LookupSettings, sealing: SealingSettings, websites: Websites, salts: DaySalts, geo: GeoFile
) -> World:
    """The lookups of the pipeline; `salts` are filled by a SaltKeeper. Raises ConfigurationError."""
    return World(
        addresses=AddressOpener(parse_keys(sealing.address_keys)),
        salts=salts,
        geo=geo,
        agents=agents.AgentLookup(),
        sessions=MemorySessionStore(),  # each record is processed with states of its partition in this place
        websites=websites,
    )


class Enricher:
    """One worker. Raises ConfigurationError where a lookup cannot be made as the settings say."""

    def __init__(self, settings: AllSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._websites = open_websites(settings.websites)
        salts, geo = DaySalts(), GeoFile(settings.lookups.geoip_database)
        self._world = make_world(settings.lookups, settings.sealing, self._websites, salts, geo)
        self._metrics = Metrics()
        self._geo_watch = GeoWatch(geo, self._metrics)
        self._salt_log = KafkaSaltLog(settings.kafka, self._producer)
        self._keeper = self._salt_keeper(salts)
        websites_metrics.install(self._metrics.registry, self._websites)
        self._waits = Waits(self._metrics, clock)
        self._publisher = Publisher(self._producer, self._waits)
        self._raw_ends = RawEnds(settings.kafka)
        self._readiness = Readiness(self._publisher, self._waits)
        self._traces: Traces | None = None
        if isinstance(self._websites, WebsitesFile):
            self._readiness.websites = self._websites.check

    def _salt_keeper(self, salts: DaySalts) -> SaltKeeper:
        return SaltKeeper(
            self._salt_log,
            SaltSealer(parse_keys(self._settings.lookups.salt_keys, "EVENTRAIL_SALT_KEYS")),
            salts,
            self._leads,
            self._clock,
            self._metrics,
            self._settings.enricher.salt_clean_seconds,
        )

    def _leads(self) -> bool:
        intake = self._readiness.intake
        return intake is not None and _LEADING_PARTITION in intake.account.done

    def _producer(self) -> AIOKafkaProducer:
        return producer(self._settings.kafka, request_timeout_ms=_PRODUCER_TIMEOUT_MS)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set.

        Raises ConfigurationError for wrong topics, OSError where it cannot listen, and whatever Faust
        crashed of. The process may end inside, with status 3 by the watchdog.
        """
        face = side_door(self._readiness.health(), self._metrics.registry)
        with tracing("enricher", self._settings.tracing) as self._traces:
            async with serving(face, self._settings.enricher.listen), self._fresh_websites():
                try:
                    await self._reach_kafka(stop)
                    if not stop.is_set():
                        await self._work(stop)
                finally:
                    await self._salt_log.stop()
                    await self._raw_ends.close()
                    await self._publisher.stop()

    def _fresh_websites(self) -> AbstractAsyncContextManager[None]:
        return running(self._websites.watch()) if isinstance(self._websites, WebsitesFile) else nullcontext()

    async def _reach_kafka(self, stop: asyncio.Event) -> None:
        """Wait until Kafka answers and its topics are as they must be, or `stop` is set."""
        with self._waits.until_left(KAFKA):
            while not stop.is_set():
                try:
                    await verify_topics(self._settings.kafka, _NEEDED_TOPICS)
                    # Whoever comes first, before there is a worker that leads: the topic decides between them.
                    await self._keeper.look(make=True)
                    await self._publisher.start()
                except KafkaUnavailable as error:
                    self._readiness.startup = str(error)
                    self._waits.begin(KAFKA, str(error))
                else:
                    self._readiness.startup = OK
                    return
                await _pause(stop, _RETRY_SECONDS)

    async def _work(self, stop: asyncio.Event) -> None:
        with tempfile.TemporaryDirectory(prefix="eventrail-enricher-") as folder:
            data_dir = self._settings.enricher.data_dir or Path(folder)
            data_dir.mkdir(parents=True, exist_ok=True)
            app = stream.make_app(self._settings.enricher, self._settings.kafka, data_dir)
            source = stream.FaustSource(app)
            intake = self._intake(source, app)
            stream.connect(app, intake)
            self._readiness.intake = intake
            lookout = self._lookout(app, intake)
            async with (
                running(intake.work()),
                every(self._settings.enricher.commit_interval_seconds, intake.commit),
                every(_LOOK_SECONDS, lookout.look),
                every(_LOOK_SECONDS, self._keeper.tick),
                every(_GEO_LOOK_SECONDS, self._geo_watch.look),
            ):
                _log.info("enricher starts")
                await stream.Worker(app).run(stop, intake.pause)
                _log.info("enricher stopped")

    def _intake(self, source: stream.FaustSource, app: Any) -> Intake:
        return Intake(
            source,
            self._world,
            stream.sessions_of(app),
            self._publisher,
            self._waits,
            self._metrics,
            self._clock,
            Breaker(self._settings.enricher.breaker_share, self._settings.enricher.breaker_minimum),
            self._traces,
        )

    def _lookout(self, app: Any, intake: Intake) -> Lookout:
        return Lookout(
            intake,
            self._raw_ends,
            stream.sessions_of(app),
            self._waits,
            self._publisher,
            self._metrics,
            self._clock,
            partial(Watchdog, self._settings.enricher.watchdog_seconds),
        )


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    await asyncio.wait([waiter := asyncio.ensure_future(stop.wait())], timeout=seconds)
    waiter.cancel()


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run `work` beside the block and cancel it at the block's end."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def every(seconds: float, work: Callable[[], Awaitable[None]]) -> AbstractAsyncContextManager[None]:
    """Await `work()` again and again, `seconds` after its end, while the block runs; errors are logged."""

    async def loop() -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
            except Exception:
                _log.exception("a periodic task failed")

    return running(loop())
