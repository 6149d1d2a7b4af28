"""`GET /api/pipeline/rates` over the real engine, and its answer as pure code."""

import asyncio
import time
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
from query_api.pipeline_question import LedgerQuestion
from query_api.queries.rates import answer
from query_api.settings import QueryApiSettings

PATH = "/api/pipeline/rates"
NOON = 1_772_712_000


def test_where_the_auditor_never_looked_nothing_is_told() -> None:
    assert answer(LedgerQuestion(NOON, NOON + 600), [], 0) == {"data": {"as_of": None, "minutes": []}}


def test_minutes_are_told_up_to_the_last_one_that_had_ended_when_the_auditor_looked() -> None:
    rows = [(NOON, 120, 90, 30, 0, 0, 60, 30, 0, 0, 0, 0), (NOON + 120, 7, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0)]
    minutes = answer(LedgerQuestion(NOON, NOON + 600), rows, (NOON + 125) * 1000)["data"]["minutes"]
    assert [minute["minute"] for minute in minutes] == [
        "2026-03-05T12:00:00.000Z",
        "2026-03-05T12:01:00.000Z",
    ]
    assert minutes[0]["raw"] == {"accepted": 2.0}
    assert minutes[0]["enricher"] == {"enriched": 1.5, "rejected": 0.5, "expired": 0.0}
    assert minutes[0]["writer"] == {"stored": 1.0, "duplicate": 0.5, "rejected": 0.0, "erased": 0.0}
    assert set(minutes[1]["raw"].values()) == {0.0}


def test_a_range_in_the_past_ends_where_it_was_asked_to() -> None:
    minutes = answer(LedgerQuestion(NOON, NOON + 180), [], (NOON + 9_000) * 1000)["data"]["minutes"]
    assert len(minutes) == 3


async def test_too_many_minutes_are_a_400(client: httpx.AsyncClient) -> None:
    query = {"start": "2026-03-05T00:00:00Z", "end": "2026-03-05T02:00:00Z"}
    answered = await client.get(PATH, params=query)
    assert (answered.status_code, answered.json()["error"]["field"]) == (400, "start")
    assert "at most 100" in answered.json()["error"]["message"]


@pytest.mark.stack
async def test_the_latest_books_as_rates(ledger_database: str) -> None:
    minute = int(time.time()) // 60 * 60  # minutes of long ago leave the table
    with Client.from_url(ledger_database) as inside:
        for computed, stored in ((1000, 1), (2000, 6)):
            rows: list[Any] = [
                (minute - 120, "raw", "accepted", 6, computed),
                (minute - 120, "writer", "stored", stored, computed),
                (minute - 600, "raw", "accepted", 60, computed),
            ]
            inside.execute(
                "INSERT INTO ledger_minutes (minute, stage, outcome, events, computed_at) VALUES", rows
            )
        inside.execute("INSERT INTO ledger_logs VALUES", [(0, 1, 1, 5, minute * 1000)])
    settings, catalogue = QueryApiSettings(), Metrics(metrics.registry("query-api"))
    engine = ClickHouse(ledger_database, settings, catalogue)
    app = create_app(engine, ManualClock(unix_ms=minute * 1000), settings, catalogue)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://query-api") as client:
        answered = await client.get(
            PATH, params={"start": rfc3339((minute - 180) * 1000), "end": rfc3339((minute + 60) * 1000)}
        )
    await asyncio.to_thread(engine.close)
    assert answered.status_code == 200, answered.text
    minutes = answered.json()["data"]["minutes"]
    assert [item["minute"] for item in minutes] == [
        rfc3339((minute - back) * 1000) for back in (180, 120, 60)
    ]
    assert [item["raw"]["accepted"] for item in minutes] == [0.0, 0.1, 0.0]
    assert [item["writer"]["stored"] for item in minutes] == [0.0, 0.1, 0.0]
