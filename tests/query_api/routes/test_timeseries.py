from typing import Any

import httpx

from query_api.engine import Answer
from query_api.events_table import Statement
from query_api.settings import QueryApiSettings

PATH = "/api/websites/cm5x9yz1a0001/events/timeseries"
FIRST, DAY_MS = 1769904000000, 86_400_000
DAYS = {"event_name": "signup_click", "start_date": "2026-02-01", "end_date": "2026-02-03"}


async def test_the_answer_of_the_spec(client: httpx.AsyncClient, engine: Any) -> None:
    engine.rows = [(FIRST, 23, 0), (FIRST + DAY_MS, 31, 0), (FIRST + 2 * DAY_MS, 28, 0)]
    answer = await client.get(PATH, params={**DAYS, "granularity": "day"})
    assert answer.status_code == 200
    assert answer.json()["data"] == {
        "series": [
            {"date": "2026-02-01", "count": 23},
            {"date": "2026-02-02", "count": 31},
            {"date": "2026-02-03", "count": 28},
        ],
        "granularity": "day",
    }
    assert answer.json()["meta"]["exact"] is True


async def test_what_is_told_on_request(client: httpx.AsyncClient, engine: Any) -> None:
    rows: dict[str, list[Any]] = {
        "timeseries": [(FIRST, 3, 2)],
        "timeseries_top": [(("DE", "string"), 3, 1)],
        "timeseries_series": [(("DE", "string"), FIRST, 3, 2)],
    }
    cost: list[str] = []

    async def answered(statement: Statement) -> Answer:
        cost.append(statement.name)
        return Answer(rows[statement.name], 10, 0.002, 100)

    engine.answer = answered
    answer = await client.get(PATH, params={**DAYS, "include": "visitors,previous", "breakdown": "country"})
    data, meta = answer.json()["data"], answer.json()["meta"]
    assert cost == ["timeseries", "timeseries", "timeseries_top", "timeseries_series"]
    assert (meta["rows_read"], meta["bytes_read"], meta["milliseconds"]) == (40, 400, 8)
    assert (meta["breakdown_values"], meta["visitors"]) == (1, {"hashed": "sum_of_days"})
    assert data["series"][0] == {"date": "2026-02-01", "count": 3, "visitors": 2}
    assert [point["date"] for point in data["previous"]] == ["2026-01-29", "2026-01-30", "2026-01-31"]
    assert data["breakdown"][0]["series"] == data["series"]


async def test_a_breakdown_of_nothing(client: httpx.AsyncClient, engine: Any) -> None:
    answer = await client.get(PATH, params={**DAYS, "breakdown": "country"})
    assert answer.json()["data"]["breakdown"] == []
    assert answer.json()["meta"]["breakdown_values"] == 0
    assert [statement.name for statement in engine.statements] == ["timeseries", "timeseries_top"]


async def test_more_points_than_allowed(
    client: httpx.AsyncClient, engine: Any, settings: QueryApiSettings
) -> None:
    answer = await client.get(PATH, params={"event_name": "x", "granularity": "hour"})
    assert answer.status_code == 400
    assert answer.json()["error"] == {
        "code": "validation_error",
        "message": "granularity hour gives 720 points from 2026-02-04T00:00:00Z to 2026-03-06T00:00:00Z, at most "
        f"{settings.max_points} are answered; use granularity day",
        "field": "granularity",
    }
    assert engine.statements == []


async def test_the_name_is_required(client: httpx.AsyncClient) -> None:
    answer = await client.get(PATH)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "event_name query parameter is required"
