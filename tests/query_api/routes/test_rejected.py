"""`GET /api/pipeline/rejected` over the real engine, and its answer as pure code."""

import asyncio
import time
import uuid
from typing import Any

import httpx
import pytest
from clickhouse_driver import Client

from eventrail import metrics
from eventrail.clock import ManualClock
from eventrail.contract.codec import rfc3339
from query_api.app import create_app
from query_api.clickhouse import ClickHouse
from query_api.metrics import Metrics
from query_api.queries.rejected import answer
from query_api.settings import QueryApiSettings

PATH = "/api/pipeline/rejected"
NOON = 1_772_712_000
COLUMNS = (
    "raw_partition, raw_offset, raw_index, stage, reason, website_id, event_id, "
    "source_topic, source_partition, source_offset, source_index, minute"
)


def test_nothing_rejected() -> None:
    assert answer([], 0) == {"data": {"as_of": None, "rejected": 0, "kinds": []}}


def test_what_was_left_out_is_told_and_counted() -> None:
    body = answer([("writer", "too_large", "shop", 7, NOON, 9, 3)], NOON * 1000)
    assert body["data"]["rejected"] == 9
    assert body["data"]["kinds"] == [
        {
            "stage": "writer",
            "reason": "too_large",
            "website_id": "shop",
            "rejected": 7,
            "latest": "2026-03-05T12:00:00.000Z",
        }
    ]
    assert body["meta"] == {"truncated": True, "kinds_left_out": 2}


async def test_a_wrong_instant_is_a_400(client: httpx.AsyncClient) -> None:
    answered = await client.get(PATH, params={"end": "tomorrow"})
    assert (answered.status_code, answered.json()["error"]["field"]) == (400, "end")


def entry(offset: int, stage: str, reason: str, website: str, minute: int) -> tuple[Any, ...]:
    event_id = uuid.UUID(int=offset)
    return (0, offset, 0, stage, reason, website, event_id, "eventrail.raw.v1", 0, offset, 0, minute)


async def ask(database: str, minute: int, max_points: int, **query: str) -> Any:
    settings, catalogue = QueryApiSettings(max_points=max_points), Metrics(metrics.registry("query-api"))
    engine = ClickHouse(database, settings, catalogue)
    app = create_app(engine, ManualClock(unix_ms=minute * 1000), settings, catalogue)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://query-api") as client:
        answered = await client.get(PATH, params=query)
    await asyncio.to_thread(engine.close)
    assert answered.status_code == 200, answered.text
    return answered.json()


@pytest.mark.stack
async def test_rejections_of_the_range_are_counted_once(ledger_database: str) -> None:
    minute = int(time.time()) // 60 * 60  # those of long ago leave the table
    rows = [
        entry(1, "enricher", "invalid", "shop", minute - 120),
        entry(2, "enricher", "invalid", "shop", minute - 60),
        entry(3, "enricher", "invalid", "blog", minute - 60),
        entry(4, "writer", "too_large", "shop", minute - 60),
        entry(5, "enricher", "undecodable", "", minute - 60),
        entry(6, "enricher", "invalid", "shop", minute - 7200),
        entry(7, "enricher", "invalid", "shop", minute),
    ]
    with Client.from_url(ledger_database) as inside:
        for _ in range(2):  # the auditor may write an entry twice
            inside.execute(f"INSERT INTO ledger_rejected ({COLUMNS}) VALUES", rows)
        inside.execute("INSERT INTO ledger_logs VALUES", [(0, 1, 1, 5, minute * 1000 + 7)])
    query = {"start": rfc3339((minute - 3600) * 1000), "end": rfc3339(minute * 1000)}
    body = await ask(ledger_database, minute, 100, **query)
    assert body["data"]["as_of"] == rfc3339(minute * 1000 + 7)
    assert body["data"]["rejected"] == 5
    assert [
        (kind["stage"], kind["reason"], kind["website_id"], kind["rejected"], kind["latest"])
        for kind in body["data"]["kinds"]
    ] == [
        ("enricher", "invalid", "shop", 2, rfc3339((minute - 60) * 1000)),
        ("enricher", "invalid", "blog", 1, rfc3339((minute - 60) * 1000)),
        ("enricher", "undecodable", "", 1, rfc3339((minute - 60) * 1000)),
        ("writer", "too_large", "shop", 1, rfc3339((minute - 60) * 1000)),
    ]
    assert "meta" not in body
    cut = await ask(ledger_database, minute, 1, **query)
    assert (len(cut["data"]["kinds"]), cut["data"]["rejected"]) == (1, 5)
    assert cut["meta"] == {"truncated": True, "kinds_left_out": 3}
