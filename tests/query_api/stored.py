"""Copies of events in a real table, and what plain Python says is in it."""

import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
from clickhouse_driver import Client

from eventrail import metrics
from eventrail.clock import ManualClock
from query_api.app import create_app
from query_api.clickhouse import ClickHouse
from query_api.metrics import Metrics
from query_api.settings import QueryApiSettings
from tests import stored_events

DAY_MS = 86_400_000
FIRST_MS = int(datetime(2026, 2, 3, tzinfo=UTC).timestamp() * 1000)
AFTER_MS = int(datetime(2026, 3, 19, tzinfo=UTC).timestamp() * 1000)
PERIOD = {"start_date": "2026-02-03", "end_date": "2026-03-18"}
NIL = uuid.UUID(int=0)
SESSION = uuid.UUID("0f1e2d3c-4b5a-8978-8695-a4b3c2d1e0f0")


@dataclass(frozen=True)
class Copy:
    """One row of the table; moments are Unix milliseconds, `version` counts before the moment of acceptance."""

    event_name: str = "purchase"
    event_id: uuid.UUID = field(default_factory=uuid.uuid4)
    timestamp: int = FIRST_MS
    received_at: int = FIRST_MS
    version: int = 1
    event_type: str = "custom"
    identity_day: date = date(2026, 2, 3)
    visitor_id: str = "user-42"
    visitor_source: str = "client"
    session_id: uuid.UUID = SESSION
    session_started_at: int = FIRST_MS
    path: str = "/"
    country: str = "DE"
    bot_kind: str = "none"
    event_data: str = ""
    properties: tuple[tuple[str, str], ...] = ()
    raw_partition: int = 0
    raw_offset: int = 0
    enriched_partition: int = 0
    enriched_offset: int = 0

    @property
    def identity(self) -> tuple[str, date, uuid.UUID]:
        return self.event_name, self.identity_day, self.event_id

    @property
    def rank(self) -> tuple[int, int]:
        return self.version, -self.received_at

    @property
    def order(self) -> tuple[Any, ...]:
        """Of rows: by time, then by id, then by what else tells events apart."""
        return self.timestamp, self.event_id.int, self.event_name.encode(), self.identity_day


_FACTS = tuple(one.name for one in fields(Copy) if one.name not in ("version", "properties"))


def moment(unix_ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=unix_ms)


def instant(unix_ms: int) -> str:
    return moment(unix_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def insert(table: Client, website: str, copies: Sequence[Copy]) -> None:
    if copies:
        stored_events.insert(table, [_row(website, copy) for copy in copies])


def _row(website: str, copy: Copy) -> dict[str, Any]:
    return {
        "website_id": website,
        "revision": copy.version,
        "property_keys": [key for key, _ in copy.properties],
        "property_values": [value for _, value in copy.properties],
        **{name: getattr(copy, name) for name in _FACTS},
    }


def winners(copies: Iterable[Copy]) -> list[Copy]:
    """Each event as its copy with the highest version."""
    found: dict[Any, Copy] = {}
    for copy in copies:
        if copy.identity not in found or copy.rank > found[copy.identity].rank:
            found[copy.identity] = copy
    return list(found.values())


@asynccontextmanager
async def serving(
    database: str,
    settings: QueryApiSettings,
    clock: ManualClock | None = None,
    websites: Any = None,
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application over the engine at `database`, on 2026-03-18 unless `clock` says otherwise."""
    catalogue = Metrics(metrics.registry("query-api"))
    engine = ClickHouse(database, settings, catalogue)
    app = create_app(engine, clock or ManualClock(unix_ms=AFTER_MS - 1), settings, catalogue, websites)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://query-api") as made:
        yield made
    engine.close()
