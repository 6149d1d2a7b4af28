"""`GET /api/pipeline/ledger` over an engine that records, and over the real one."""

import asyncio
import time
from typing import Any

import httpx
import pytest
from clickhouse_driver import Client

from eventrail import metrics
from eventrail.clock import ManualClock
from eventrail.contract.codec import rfc3339
from eventrail.contract.ledger import OUTCOMES
from query_api.app import create_app
from query_api.clickhouse import ClickHouse
from query_api.metrics import Metrics
from query_api.queries.ledger import answer
from query_api.settings import QueryApiSettings

PATH = "/api/pipeline/ledger"
NOON = 1_772_712_000


def test_an_empty_ledger_has_every_outcome_with_zero() -> None:
    data = answer([], 0)["data"]
    assert (data["as_of"], data["minutes"], data["unaccounted"], data["in_flight"]) == (None, [], 0, 0)
    assert {stage: tuple(counts) for stage, counts in data["totals"].items()} == dict(OUTCOMES)


def test_sums_of_two_minutes() -> None:
    rows = [(NOON, 10, 7, 1, 0, 2, 4, 1, 0, 0, 1, 1), (NOON + 60, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0)]
    data = answer(rows, NOON * 1000 + 5)["data"]
    assert (data["unaccounted"], data["in_flight"]) == (1, 4)
    assert data["totals"]["raw"] == {"accepted": 11}
    assert data["totals"]["enricher"] == {"enriched": 8, "rejected": 1, "expired": 0, "in_flight": 2}
    assert data["as_of"] == "2026-03-05T12:00:00.005Z"
    assert [minute["minute"] for minute in data["minutes"]] == [
        "2026-03-05T12:00:00.000Z",
        "2026-03-05T12:01:00.000Z",
    ]


async def test_a_wrong_instant_is_a_400_in_the_shape_of_the_house(client: httpx.AsyncClient) -> None:
    answered = await client.get(PATH, params={"start": "yesterday"})
    assert answered.status_code == 400
    error = answered.json()["error"]
    assert (error["code"], error["field"]) == ("validation_error", "start")
    assert "RFC 3339" in error["message"]


@pytest.mark.stack
async def test_the_latest_books_of_the_range_are_answered(ledger_database: str) -> None:
    # Minutes of long ago leave the table.
    minute = int(time.time()) // 60 * 60
    with Client.from_url(ledger_database) as inside:
        columns = "(minute, stage, outcome, events, computed_at)"
        for computed, stored in ((1000, 1), (2000, 3)):
            rows: list[Any] = [
                (minute, "raw", "accepted", 3, computed),
                (minute, "writer", "stored", stored, computed),
            ]
            inside.execute(f"INSERT INTO ledger_minutes {columns} VALUES", rows)
        inside.execute(
            f"INSERT INTO ledger_minutes {columns} VALUES", [(minute - 60, "raw", "accepted", 9, 1)]
        )
        inside.execute(
            "INSERT INTO ledger_logs VALUES", [(0, 1, 1, 5, minute * 1000), (1, 1, 1, 5, minute * 1000 + 7)]
        )
    settings, catalogue = QueryApiSettings(), Metrics(metrics.registry("query-api"))
    engine = ClickHouse(ledger_database, settings, catalogue)
    app = create_app(engine, ManualClock(unix_ms=minute * 1000), settings, catalogue)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://query-api"
    ) as client:
        answered = await client.get(
            PATH, params={"start": rfc3339(minute * 1000), "end": rfc3339((minute + 60) * 1000)}
        )
    await asyncio.to_thread(engine.close)
    assert answered.status_code == 200, answered.text
    data = answered.json()["data"]
    assert data["as_of"] == rfc3339(minute * 1000 + 7)
    assert len(data["minutes"]) == 1
    assert data["totals"]["raw"] == {"accepted": 3}
    assert data["totals"]["writer"]["stored"] == 3
