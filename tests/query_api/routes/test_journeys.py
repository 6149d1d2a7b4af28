from typing import Any

import httpx

PATH = "/api/websites/cm5x9yz1a0001/journeys"
ANCHOR = {"event_name": "add_to_cart"}


async def test_the_answer(client: httpx.AsyncClient, engine: Any) -> None:
    engine.rows = [((), 4, 1), (("echeckout",), 3, 0)]
    answer = await client.post(PATH, json={"anchor": ANCHOR})
    assert answer.status_code == 200
    body = answer.json()
    assert body["data"]["children"] == [
        {"type": "event", "name": "checkout", "count": 3, "children": [], "rest": 3, "ended": 0}
    ]
    assert body["meta"]["truncated"] is False
    assert "left_out" not in body["meta"]
    assert [statement.name for statement in engine.statements] == ["journeys"]


async def test_who_is_left_out_by_visitor(client: httpx.AsyncClient, engine: Any) -> None:
    answer = await client.post(PATH, json={"anchor": ANCHOR, "by": "visitor"})
    assert answer.json()["meta"]["left_out"]["reason"] == "hashed_visitor_ids"
    assert [statement.name for statement in engine.statements] == ["journeys", "left_out"]


async def test_an_error_names_the_place(client: httpx.AsyncClient, engine: Any) -> None:
    answer = await client.post(PATH, json={})
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "anchor"
    assert engine.statements == []
