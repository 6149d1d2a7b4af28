"""`python -m collector`: the door of the process."""

import asyncio
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvloop

from collector.app import make_app, make_health, make_intake
from collector.metrics import Metrics
from collector.partitions import parse_secret
from collector.server import serve
from collector.settings import CollectorSettings, SecretSettings
from collector.sinks import Sink
from collector.sinks.connection import Connection
from collector.sinks.kafka import Bounds, KafkaSink
from collector.sinks.spool import SpoolBounds, SpoolSink
from collector.sinks.spool_file import SpoolFile
from collector.sinks.spool_registration import Registration
from collector.sinks.spool_reports import SpoolReports
from collector.sinks.spool_thread import SpoolThread
from eventrail import logs
from eventrail.clock import Clock, SystemClock
from eventrail.contract.topics import SPOOLS
from eventrail.errors import ConfigurationError
from eventrail.health import bind
from eventrail.lifecycle import collect_rarely, complain, parser, run
from eventrail.sealing import SealingSettings, parse_keys
from eventrail.settings import DrainSettings, KafkaSettings, SharedSettings, load
from eventrail.tracing import TracingSettings, tracing
from eventrail.websites import OpenWebsites
from eventrail.websites import metrics as websites_metrics
from eventrail.websites.settings import WebsitesSettings
from eventrail.websites.watching import WebsitesFile, describe, open_websites, watched

SERVICE = "collector"
SETTINGS = (
    CollectorSettings,
    SecretSettings,
    SealingSettings,
    KafkaSettings,
    SharedSettings,
    WebsitesSettings,
    DrainSettings,
    TracingSettings,
)

_log = logs.get(SERVICE)


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 after an orderly stop, 1 when the address cannot be bound, 2 when a setting is wrong."""
    parser(SERVICE, "Take events over HTTP and publish them raw to Kafka.", *SETTINGS).parse_args(arguments)
    try:
        logs.configure(SERVICE, load(SharedSettings).log_level)
        settings = load(CollectorSettings)
        secret = parse_secret(load(SecretSettings).salt_secret)
        keys = parse_keys(load(SealingSettings).address_keys)
        kafka = load(KafkaSettings)
        websites = open_websites(load(WebsitesSettings))
        drain_seconds = load(DrainSettings).drain_seconds
    except ConfigurationError as error:
        return complain(SERVICE, error)
    return run(
        SERVICE,
        lambda stop: _serve(stop, settings, kafka, secret, keys, websites, drain_seconds),
        uvloop.new_event_loop,
    )


async def _serve(
    stop: asyncio.Event,
    settings: CollectorSettings,
    kafka: KafkaSettings,
    secret: bytes,
    keys: dict[str, bytes],
    websites: OpenWebsites | WebsitesFile,
    drain_seconds: float,
) -> None:
    clock, metrics = SystemClock(), Metrics()
    file_on_disk = _spool_file(settings, clock)
    listening = bind(settings.listen)
    connection = Connection(kafka, settings.publish_timeout)
    direct = KafkaSink(connection, _bounds(settings), metrics)
    spooling = _spooling(settings, kafka, direct, file_on_disk, metrics, clock)
    spool = spooling.sink if spooling else None
    sink = spool or direct
    websites_metrics.install(metrics.registry, websites)
    file = websites if isinstance(websites, WebsitesFile) else None
    health = make_health(direct, lambda: connection.fault, file, spool, stop.is_set)
    intake = make_intake(secret, keys, settings, websites=websites)
    with tracing(SERVICE, load(TracingSettings)) as traces:
        app = make_app(settings, intake, sink, health, metrics, clock, traces)
        collect_rarely()
        direct.open()
        if spooling:
            spooling.open()
        try:
            _log.info("serving", listen=settings.listen, websites=describe(websites))
            async with watched(websites):
                await serve(app, settings, listening, stop, metrics, drain_seconds, app.hot)
        finally:
            await (spooling or sink).close()
    _log.info("stopped")


def _spool_file(settings: CollectorSettings, clock: Clock) -> SpoolFile | None:
    return SpoolFile(Path(settings.spool), settings.spool_max_bytes, clock) if settings.spool else None


@dataclass(frozen=True)
class Spooling:
    """A spool, and what tells Kafka of it."""

    sink: SpoolSink
    reports: SpoolReports

    def open(self) -> None:
        """Start both; returns at once."""
        self.sink.open()
        self.reports.open()

    async def close(self) -> None:
        """End both in order: what the spool says last is what it holds in the end."""
        await self.sink.close()
        await self.reports.close(empty=not self.sink.unsettled)


def _spooling(
    settings: CollectorSettings,
    kafka: KafkaSettings,
    inner: Sink,
    file: SpoolFile | None,
    metrics: Metrics,
    clock: Clock,
) -> Spooling | None:
    if file is None:
        return None
    patience = settings.publish_timeout
    reports = SpoolReports(
        Registration(Path(settings.spool)),
        Connection(kafka, patience, SPOOLS),
        lambda: sink.unsettled,
        socket.gethostname(),
        patience=patience,
    )
    sink = _spool_sink(settings, inner, file, metrics, clock, reports.trouble)
    return Spooling(sink, reports)


def _spool_sink(
    settings: CollectorSettings,
    inner: Sink,
    file: SpoolFile,
    metrics: Metrics,
    clock: Clock,
    unregistered: Callable[[], str | None],
) -> SpoolSink:
    bounds = SpoolBounds(
        settings.spool_max_bytes,
        # At the start of an outage all that waited for Kafka comes at once, and what else comes.
        waiting_bytes=2 * settings.queue_bytes,
        batch_events=min(SpoolBounds.batch_events, settings.queue_events // 2),
        patience=settings.publish_timeout,
    )
    return SpoolSink(inner, SpoolThread(file), bounds, metrics, clock, unregistered)


def _bounds(settings: CollectorSettings) -> Bounds:
    return Bounds(
        patience=settings.publish_timeout,
        linger=settings.linger_ms / 1000,
        queue_events=settings.queue_events,
        queue_bytes=settings.queue_bytes,
    )


if __name__ == "__main__":
    sys.exit(main())
