"""`GET /api/pipeline/lag`."""

import httpx
import pytest

from eventrail.checkpoints import Span
from eventrail.clock import ManualClock
from eventrail.spools.reports import Spool
from query_api.app import create_app
from query_api.metrics import Metrics
from query_api.progress.survey import Survey
from query_api.progress.tracked import TrackedProgress
from query_api.settings import QueryApiSettings
from tests.query_api.conftest import RecordedEngine

PATH = "/api/pipeline/lag"


async def test_before_the_first_survey_it_says_so(client: httpx.AsyncClient) -> None:
    answer = await client.get(PATH)
    assert answer.status_code == 200
    assert answer.json()["data"] == {
        "as_of": None,
        "data_through": None,
        "held_by": ["kafka was not asked yet"],
        "enricher": {"lag": 0, "partitions": []},
        "writer": {"lag": 0, "partitions": []},
        "spools": [],
    }


async def test_it_takes_no_parameter(client: httpx.AsyncClient) -> None:
    answer = await client.get(PATH, params={"partition": "3"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "validation_error")


async def test_what_a_survey_found(catalogue: Metrics, settings: QueryApiSettings) -> None:
    clock = ManualClock(1_772_668_800_000)
    progress = TrackedProgress(clock)
    app = create_app(RecordedEngine(), clock, settings, catalogue, progress=progress)
    spools = (Spool("ab12", "web-1", 3, clock.unix_ms - 4500),)
    progress.take(Survey(clock.unix_ms, 0, (), {0: Span(0, 2)}, {0: 2}, {0: Span(0, 2)}, {0: 2}))
    clock.advance(30)
    raw, enriched = {0: Span(0, 5), 1: Span(7, 9)}, {0: Span(0, 4), 1: Span(0, 0)}
    progress.take(Survey(clock.unix_ms, 0, spools, raw, {0: 5}, enriched, {0: 5}))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://query-api") as client:
        data = (await client.get(PATH)).json()["data"]
        readiness = (await client.get("/readyz")).json()
        figures = (await client.get("/metrics")).text
    assert data["as_of"] == "2026-03-05T00:00:30.000Z"
    assert data["data_through"] == "2026-03-05T00:00:00.000Z"
    assert data["enricher"] == {
        "lag": 2,
        "partitions": [
            {"partition": 0, "end": 5, "committed": 5, "lag": 0},
            {"partition": 1, "end": 9, "committed": None, "lag": 2},
        ],
    }
    # The writer has gone on after the end was asked for.
    assert data["writer"]["lag"] == 0
    assert data["spools"] == [{"id": "ab12", "host": "web-1", "events": 3, "silent_seconds": 34}]
    held = "collector spool ab12 on web-1: holds 3 events, its last report is 34 s old"
    assert data["held_by"] == [held]
    assert readiness == {"ready": True, "checks": {"clickhouse": "ok", "data_through": held}}
    assert "eventrail_query_api_data_through_age_seconds 30.0" in figures


def test_without_data_through_its_age_is_no_number(catalogue: Metrics, settings: QueryApiSettings) -> None:
    create_app(RecordedEngine(), ManualClock(), settings, catalogue)
    age = catalogue.registry.get_sample_value("eventrail_query_api_data_through_age_seconds")
    assert age != pytest.approx(age, nan_ok=False)
