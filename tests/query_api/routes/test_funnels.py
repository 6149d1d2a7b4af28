from typing import Any

import httpx

PATH = "/api/websites/cm5x9yz1a0001/funnels"
STEPS = [{"page": "/cart"}, {"event_name": "purchase"}]


async def test_the_answer(client: httpx.AsyncClient, engine: Any) -> None:
    engine.rows = [(0, ("", ""), 1, 4, 1, [2000.0, 2000.0], 2000)]
    answer = await client.post(
        PATH, json={"steps": STEPS, "start_date": "2026-03-01", "end_date": "2026-03-02"}
    )
    assert answer.status_code == 200
    body = answer.json()
    assert body["data"]["totals"] == {"entered": 4, "converted": 1, "conversion": 0.25}
    assert [step["name"] for step in body["data"]["steps"]] == ["/cart", "purchase"]
    assert body["meta"]["visitors"] == {"hashed": "sum_of_days"}
    assert "left_out" not in body["meta"]
    assert [statement.name for statement in engine.statements] == ["funnels"]


async def test_who_is_left_out_beyond_a_day(client: httpx.AsyncClient, engine: Any) -> None:
    answer = await client.post(PATH, json={"steps": STEPS, "window_seconds": 172_800})
    assert answer.json()["meta"]["left_out"] == {
        "reason": "hashed_visitor_ids",
        "visitors": 0,
        "share": None,
        "events": 0,
        "events_share": None,
    }
    assert [statement.name for statement in engine.statements] == ["funnels", "left_out"]


async def test_an_error_names_the_place(client: httpx.AsyncClient, engine: Any) -> None:
    answer = await client.post(PATH, json={"steps": [STEPS[0], {"event_name": ""}]})
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "steps[1].event_name"
    assert engine.statements == []


async def test_it_is_asked_by_post(client: httpx.AsyncClient) -> None:
    answer = await client.get(PATH)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
