"""The real application over the real engine, at a fixed time."""

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

NOW_MS = 1_776_254_400_000
"""2026-04-15 12:00 UTC."""


@pytest.fixture(scope="module")
def table(events_database: str) -> Iterator[Client]:
    client = Client.from_url(events_database)
    yield client
    client.disconnect()


@pytest.fixture(scope="module")
def settings_used() -> QueryApiSettings:
    return QueryApiSettings(max_points=3_000)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def engine(events_database: str, settings_used: QueryApiSettings) -> AsyncIterator[ClickHouse]:
    made = ClickHouse(events_database, settings_used, Metrics(metrics.registry("query-api")))
    yield made
    made.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def api(engine: ClickHouse, settings_used: QueryApiSettings) -> AsyncIterator[httpx.AsyncClient]:
    catalogue = Metrics(metrics.registry("query-api"))
    app = create_app(engine, ManualClock(unix_ms=NOW_MS), settings_used, catalogue)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://query-api") as made:
        yield made
