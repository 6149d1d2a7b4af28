"""`python -m query_api`: the door of the query API."""

import asyncio
import sys
from functools import partial

from eventrail import logs, metrics
from eventrail.clock import SystemClock
from eventrail.draining import Draining
from eventrail.errors import ConfigurationError
from eventrail.health import serving
from eventrail.lifecycle import complain, parser, run
from eventrail.settings import ClickHouseSettings, DrainSettings, KafkaSettings, SharedSettings, load
from eventrail.websites import OpenWebsites
from eventrail.websites import metrics as websites_metrics
from eventrail.websites.settings import WebsitesSettings
from eventrail.websites.watching import WebsitesFile, describe, open_websites, watched
from query_api.app import create_app
from query_api.clickhouse import ClickHouse
from query_api.erasure_topic import ErasureTopic
from query_api.metrics import Metrics
from query_api.progress.kafka import Sources, surveyor
from query_api.progress.tracked import TrackedProgress
from query_api.progress.watching import watching
from query_api.settings import QueryApiSettings

_NAME = "query-api"
_log = logs.get("query_api")

# Longer than load balancers keep idle connections, mostly 60 s: they must be the ones that close.
_KEEP_ALIVE_SECONDS = 75


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 after a signal, 1 where the address is taken, 2 where a setting is wrong."""
    kinds = (
        QueryApiSettings,
        ClickHouseSettings,
        KafkaSettings,
        WebsitesSettings,
        DrainSettings,
        SharedSettings,
    )
    parser("query_api", "Answer questions about custom events over HTTP.", *kinds).parse_args(arguments)
    try:
        settings, clickhouse, kafka = load(QueryApiSettings), load(ClickHouseSettings), load(KafkaSettings)
        websites = open_websites(load(WebsitesSettings))
        drain_seconds = load(DrainSettings).drain_seconds
        logs.configure(_NAME, load(SharedSettings).log_level)
    except ConfigurationError as error:
        return complain(_NAME, error)
    return run(_NAME, partial(_serve, settings, clickhouse.clickhouse_url, kafka, websites, drain_seconds))


async def _serve(
    settings: QueryApiSettings,
    clickhouse_url: str,
    kafka: KafkaSettings,
    websites: OpenWebsites | WebsitesFile,
    drain_seconds: float,
    stop: asyncio.Event,
) -> None:
    draining = Draining(stop, drain_seconds)
    catalogue = Metrics(metrics.registry(_NAME))
    websites_metrics.install(catalogue.registry, websites)
    engine = ClickHouse(clickhouse_url, settings, catalogue)
    clock = SystemClock()
    progress = TrackedProgress(clock)
    sources = Sources(enricher_group=settings.enricher_group, writer_group=settings.writer_group)
    connect = partial(surveyor, kafka, sources, clock)
    topic = ErasureTopic(kafka)
    app = create_app(engine, clock, settings, catalogue, websites, lambda: draining.began, progress, topic)
    try:
        async with (
            serving(draining.telling(app), settings.listen, keep_alive_seconds=_KEEP_ALIVE_SECONDS),
            watched(websites),
            watching(progress, connect, settings.survey_seconds, catalogue),
        ):
            _log.info("started", listen=settings.listen, websites=describe(websites))
            await draining.over()
    except OSError as error:
        _log.error("cannot start; set EVENTRAIL_QUERY_API_LISTEN to a free address", reason=str(error))
        raise SystemExit(1) from None
    finally:
        engine.close()
        await topic.close()
    _log.info("stopped")


if __name__ == "__main__":
    sys.exit(main())
