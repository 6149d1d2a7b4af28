from typing import Any

import httpx
import pytest

from query_api.settings import QueryApiSettings

PATH = "/api/websites/cm5x9yz1a0001/events"
ROWS = [
    ("signup_click", 342, 0, 0, 3, 587),
    ("demo_request", 156, 0, 0, 3, 587),
    ("purchase", 89, 0, 0, 3, 587),
]


async def test_the_answer_of_the_spec(client: httpx.AsyncClient, engine: Any) -> None:
    engine.rows = ROWS
    answer = await client.get(PATH, params={"start_date": "2026-02-01", "end_date": "2026-03-01"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "data": [
            {"event_name": "signup_click", "count": 342},
            {"event_name": "demo_request", "count": 156},
            {"event_name": "purchase", "count": 89},
        ],
        "meta": {
            "data_through": None,
            "exact": True,
            "period": {"start": "2026-02-01T00:00:00Z", "end": "2026-03-02T00:00:00Z", "timezone": "UTC"},
            "rows_read": 0,
            "bytes_read": 0,
            "milliseconds": 0,
            "event_names": 3,
            "events": 587,
            "truncated": False,
            "event_names_left_out": 0,
        },
    }


async def test_a_body_asks_the_same(client: httpx.AsyncClient, engine: Any) -> None:
    engine.rows = ROWS
    by_query = await client.get(
        f"{PATH}?start_date=2026-02-01&country=DE&prop.a[gt]=1&limit=5&include=visitors"
    )
    by_body = await client.post(PATH, json={
        "start_date": "2026-02-01", "limit": 5, "include": ["visitors"],
        "filters": [{"field": "country", "values": ["DE"]}, {"field": "prop.a", "operator": "gt", "values": [1]}],
    })  # fmt: skip
    assert by_query.json() == by_body.json()
    first, second = engine.statements
    assert (first.sql, first.parameters) == (second.sql, second.parameters)


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
        "limit": settings.max_event_names,
        "offset": 0,
        "left_out": ("crawler",),
    }


async def test_a_wrong_question_never_reaches_the_engine(client: httpx.AsyncClient, engine: Any) -> None:
    answer = await client.get(PATH, params={"start_date": "2026-02-30"})
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "start_date"
    assert engine.statements == []


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("website_id", ["a%20b", "a%27", "%C3%BC", "a" * 65, "a%00b", "%FF"])
async def test_a_malformed_website_id(
    client: httpx.AsyncClient, engine: Any, website_id: str, method: str
) -> None:
    url = httpx.URL("http://query-api", raw_path=f"/api/websites/{website_id}/events".encode())
    answer = await client.request(method, url)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["field"]) == ("validation_error", "website_id")
    assert error["message"].startswith("website_id must be 1 to 64 characters of A-Z")
    assert engine.statements == []
