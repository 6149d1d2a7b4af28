"""A query API for tests: the real application over an engine that records what it is asked."""

import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import pytest_asyncio
from clickhouse_driver import Client

from eventrail import metrics
from eventrail.clock import ManualClock
from query_api.app import create_app
from query_api.engine import Answer
from query_api.events_table import Statement
from query_api.metrics import Metrics
from query_api.settings import QueryApiSettings
from writer.migrations import migrate

TODAY_MS = 1_772_668_800_000 + 12 * 3_600_000
"""2026-03-05 12:00 UTC."""


@dataclass
class RecordedEngine:
    """Answers every statement with `rows`, those named in `rows_of` with theirs, or raises `error`; keeps them all."""

    rows: Sequence[Any] = ()
    rows_of: dict[str, Sequence[Any]] = field(default_factory=lambda: {"properties_matched": [(0,)]})
    error: Exception | None = None
    state: str = "ok"
    statements: list[Statement] = field(default_factory=list)

    async def answer(self, statement: Statement) -> Answer:
        self.statements.append(statement)
        if self.error is not None:
            raise self.error
        return Answer(self.rows_of.get(statement.name, self.rows))

    async def check(self) -> str:
        return self.state


@pytest.fixture
def engine() -> RecordedEngine:
    return RecordedEngine()


@pytest.fixture
def settings() -> QueryApiSettings:
    return QueryApiSettings(max_points=100)


@pytest.fixture
def catalogue() -> Metrics:
    return Metrics(metrics.registry("query-api"))


@pytest_asyncio.fixture(loop_scope="session")
async def client(
    engine: RecordedEngine, settings: QueryApiSettings, catalogue: Metrics
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application whose today is 2026-03-05; what breaks inside answers 500 as over the wire."""
    app = create_app(engine, ManualClock(unix_ms=TODAY_MS), settings, catalogue)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://query-api") as made:
        yield made


@pytest.fixture(scope="session")
def events_database(clickhouse: str) -> Iterator[str]:
    """URL of a database of its own with the writer's table, in which parts are never merged."""
    name = f"query_api_{uuid.uuid4().hex}"
    server = Client.from_url(f"{clickhouse}/default")
    migrate(f"{clickhouse}/{name}")
    inside = Client.from_url(f"{clickhouse}/{name}")
    # Copies must stay where they were inserted, or a read without FINAL could pass by luck.
    inside.execute("SYSTEM STOP MERGES events")
    yield f"{clickhouse}/{name}"
    inside.disconnect()
    server.execute(f"DROP DATABASE {name}")
    server.disconnect()


@pytest.fixture
def ledger_database(clickhouse: str) -> Iterator[str]:
    """URL of a database of its own, migrated and empty."""
    name = f"ledger_{uuid.uuid4().hex[:12]}"
    migrate(f"{clickhouse}/{name}")
    yield f"{clickhouse}/{name}"
    with Client.from_url(f"{clickhouse}/default") as server:
        server.execute(f"DROP DATABASE {name}")
