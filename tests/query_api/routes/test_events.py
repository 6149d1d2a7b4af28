from typing import Any

import httpx

from query_api.settings import QueryApiSettings

PATH = "/api/websites/cm5x9yz1a0001/events"


async def test_the_answer_of_the_spec(client: httpx.AsyncClient, engine: Any) -> None:
    engine.rows = [("signup_click", 342, 3), ("demo_request", 156, 3), ("purchase", 89, 3)]
    answer = await client.get(PATH, params={"start_date": "2026-02-01", "end_date": "2026-03-01"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "data": [
            {"event_name": "signup_click", "count": 342},
            {"event_name": "demo_request", "count": 156},
            {"event_name": "purchase", "count": 89},
        ]
    }


async def test_the_question_reaches_the_engine_with_todays_default(
    client: httpx.AsyncClient, engine: Any, settings: QueryApiSettings
) -> None:
    await client.get(PATH)
    (statement,) = engine.statements
    assert statement.name == "events"
    # 2026-02-04 to 2026-03-05, both inclusive
    assert statement.parameters == {
        "website_id": "cm5x9yz1a0001",
        "from_ms": 1770163200000,
        "until_ms": 1772755200000,
        "max_names": settings.max_event_names,
        "left_out": ("crawler",),
    }


async def test_a_wrong_question_never_reaches_the_engine(client: httpx.AsyncClient, engine: Any) -> None:
    answer = await client.get(PATH, params={"start_date": "2026-02-30"})
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "start_date"
    assert engine.statements == []


async def test_a_malformed_website_id(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/websites/a%20b/events")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "validation_error"
    assert answer.json()["error"]["field"] == "website_id"
