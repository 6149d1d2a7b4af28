"""The application over the real engine, for what follows visitors from event to event."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio
from clickhouse_driver import Client

from eventrail import metrics
from eventrail.clock import ManualClock
from query_api.app import create_app
from query_api.clickhouse import ClickHouse
from query_api.metrics import Metrics
from query_api.settings import QueryApiSettings
from tests.query_api.paths.happened import NOW_MS


@pytest.fixture(scope="module")
def table(events_database: str) -> Iterator[Client]:
    client = Client.from_url(events_database)
    yield client
    client.disconnect()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def api(events_database: str, table: Client) -> AsyncIterator[httpx.AsyncClient]:
    settings, catalogue = QueryApiSettings(), Metrics(metrics.registry("query-api"))
    engine = ClickHouse(events_database, settings, catalogue)
    app = create_app(engine, ManualClock(unix_ms=NOW_MS), settings, catalogue)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://query-api") as made:
        yield made
    engine.close()
