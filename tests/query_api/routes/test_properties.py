from typing import Any

import httpx
import pytest

from query_api.settings import QueryApiSettings

PATH = "/api/websites/cm5x9yz1a0001/events/properties"
ALL_TEXTS = ((["string"], [89]), 0, 0.0, 0.0, 0.0, [0.0] * 4, 2)


async def test_the_answer_of_the_spec(client: httpx.AsyncClient, engine: Any) -> None:
    engine.rows = [
        ("plan", 89, 2, [(-56, "pro", "string"), (-33, "enterprise", "string")], *ALL_TEXTS),
        ("currency", 89, 2, [(-72, "USD", "string"), (-17, "EUR", "string")], *ALL_TEXTS),
    ]
    engine.rows_of["properties_matched"] = [(89,)]
    answer = await client.get(PATH, params={"event_name": "purchase"})
    assert answer.status_code == 200
    more = {"other": 0, "not_set": 0, "types": {"string": 89}}
    assert answer.json()["data"] == [
        {
            "property_key": "plan",
            "values": [
                {"value": "pro", "count": 56, "type": "string"},
                {"value": "enterprise", "count": 33, "type": "string"},
            ],
            **more,
        },
        {
            "property_key": "currency",
            "values": [
                {"value": "USD", "count": 72, "type": "string"},
                {"value": "EUR", "count": 17, "type": "string"},
            ],
            **more,
        },
    ]
    assert answer.json()["meta"]["events"] == 89


async def test_limits_and_name_reach_the_engine(
    client: httpx.AsyncClient, engine: Any, settings: QueryApiSettings
) -> None:
    await client.get(PATH, params={"event_name": " purchase "})
    statement = engine.statements[0]
    assert statement.parameters["event_name"] == "purchase"
    assert statement.parameters["limit"] == settings.max_property_keys
    assert f"groupArraySorted({settings.max_property_values})" in statement.sql


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "event_name query parameter is required"),
        ("?event_name=%20", "event_name must not be empty"),
        ("?event_name=" + "a" * 256, "event_name must be 255 characters or fewer"),
    ],
)
async def test_the_three_refusals_of_the_spec(
    client: httpx.AsyncClient, engine: Any, query: str, message: str
) -> None:
    answer = await client.get(PATH + query)
    assert answer.status_code == 400
    assert answer.json() == {"error": {"code": "validation_error", "message": message, "field": "event_name"}}
    assert engine.statements == []
