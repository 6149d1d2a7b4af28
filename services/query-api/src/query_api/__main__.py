"""`python -m query_api`: the door of the query API."""

import asyncio
import logging
import sys
from functools import partial

from eventrail import logs, metrics
from eventrail.clock import SystemClock
from eventrail.errors import ConfigurationError
from eventrail.health import serving
from eventrail.lifecycle import complain, parser, run
from eventrail.settings import ClickHouseSettings, SharedSettings, load
from eventrail.websites import OpenWebsites
from eventrail.websites import metrics as websites_metrics
from eventrail.websites.settings import WebsitesSettings
from eventrail.websites.watching import WebsitesFile, describe, open_websites, watched
from query_api.app import create_app
from query_api.clickhouse import ClickHouse
from query_api.metrics import Metrics
from query_api.settings import QueryApiSettings

_NAME = "query-api"
_log = logs.get("query_api")


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 after a signal, 1 where the address is taken, 2 where a setting is wrong."""
    kinds = (QueryApiSettings, ClickHouseSettings, WebsitesSettings, SharedSettings)
    parser("query_api", "Answer questions about custom events over HTTP.", *kinds).parse_args(arguments)
    try:
        settings, clickhouse = load(QueryApiSettings), load(ClickHouseSettings)
        websites = open_websites(load(WebsitesSettings))
        logs.configure(_NAME, load(SharedSettings).log_level)
        _quiet_libraries()
    except ConfigurationError as error:
        return complain(_NAME, error)
    return run(_NAME, partial(_serve, settings, clickhouse.clickhouse_url, websites))


async def _serve(
    settings: QueryApiSettings,
    clickhouse_url: str,
    websites: OpenWebsites | WebsitesFile,
    stop: asyncio.Event,
) -> None:
    catalogue = Metrics(metrics.registry(_NAME))
    websites_metrics.install(catalogue.registry, websites)
    engine = ClickHouse(clickhouse_url, settings, catalogue)
    app = create_app(engine, SystemClock(), settings, catalogue, websites)
    try:
        async with serving(app, settings.listen), watched(websites):
            _log.info("started", listen=settings.listen, websites=describe(websites))
            await stop.wait()
    except OSError as error:
        _log.error("cannot start; set EVENTRAIL_QUERY_API_LISTEN to a free address", reason=str(error))
        raise SystemExit(1) from None
    finally:
        engine.close()
    _log.info("stopped")


def _quiet_libraries() -> None:
    # The server says the same for each request whose bytes are no HTTP.
    logging.getLogger("uvicorn.error").addFilter(logs.RateLimit())


if __name__ == "__main__":
    sys.exit(main())
