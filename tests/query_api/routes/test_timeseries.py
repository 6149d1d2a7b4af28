from datetime import date
from typing import Any

import httpx

from query_api.granularity import DAY
from query_api.settings import QueryApiSettings

PATH = "/api/websites/cm5x9yz1a0001/events/timeseries"


async def test_the_answer_of_the_spec(client: httpx.AsyncClient, engine: Any) -> None:
    first = DAY.first(date(2026, 2, 1))
    engine.rows = [(first, 23), (first + 1, 31), (first + 2, 28)]
    parameters = {
        "event_name": "signup_click",
        "granularity": "day",
        "start_date": "2026-02-01",
        "end_date": "2026-02-03",
    }
    answer = await client.get(PATH, params=parameters)
    assert answer.status_code == 200
    assert answer.json() == {
        "data": {
            "series": [
                {"date": "2026-02-01", "count": 23},
                {"date": "2026-02-02", "count": 31},
                {"date": "2026-02-03", "count": 28},
            ],
            "granularity": "day",
        }
    }


async def test_more_points_than_allowed(
    client: httpx.AsyncClient, engine: Any, settings: QueryApiSettings
) -> None:
    answer = await client.get(PATH, params={"event_name": "x", "granularity": "hour"})
    assert answer.status_code == 400
    assert answer.json()["error"] == {
        "code": "validation_error",
        "message": "granularity hour gives 720 points from 2026-02-04 to 2026-03-05, at most 100 are answered; "
        "use granularity day",
        "field": "granularity",
    }
    assert engine.statements == []


async def test_the_name_is_required(client: httpx.AsyncClient) -> None:
    answer = await client.get(PATH)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "event_name query parameter is required"
