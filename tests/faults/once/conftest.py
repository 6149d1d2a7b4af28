"""A database of its own for the tests of Once."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from clickhouse_driver import Client

from eventrail.clickhouse import connect
from writer.migrations import migrate


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database(clickhouse: str) -> AsyncIterator[str]:
    """URL of a migrated database that only this module uses."""
    name = f"once_{uuid.uuid4().hex[:12]}"
    url = f"{clickhouse}/{name}"
    await asyncio.to_thread(migrate, url)
    yield url
    server = connect(clickhouse)
    await asyncio.to_thread(server.execute, f"DROP DATABASE {name}")
    server.disconnect()


@pytest.fixture(scope="module")
def client(database: str) -> Iterator[Client]:
    made = connect(database, timeout_seconds=60)
    yield made
    made.disconnect()
