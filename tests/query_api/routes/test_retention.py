from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from query_api.engine import Answer
from query_api.events_table import Statement

PATH = "/api/websites/cm5x9yz1a0001/retention"
QUESTION = {"start": {"event_name": "signup"}, "start_date": "2026-03-01", "end_date": "2026-03-02"}
ROWS: dict[str, Sequence[Any]] = {
    "retention": [(0, -1, 3), (0, 1, 2), (1, -1, 1)],
    "left_out": [(6, 4, 9, 15)],
}


async def test_the_answer(client: httpx.AsyncClient, engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer_each(statement: Statement) -> Answer:
        return Answer(ROWS[statement.name])

    monkeypatch.setattr(engine, "answer", answer_each)
    answer = await client.post(PATH, json=QUESTION)
    assert answer.status_code == 200
    assert answer.json()["data"] == {
        "cohorts": [
            {"date": "2026-03-01", "visitors": 3, "returned": [0, 2]},
            {"date": "2026-03-02", "visitors": 1, "returned": [0]},
        ],
        "granularity": "day",
    }
    assert answer.json()["meta"]["left_out"] == {
        "reason": "hashed_visitor_ids",
        "visitors": 6,
        "share": 0.6,
        "events": 9,
        "events_share": 0.6,
    }


async def test_an_error_names_the_place(client: httpx.AsyncClient, engine: Any) -> None:
    answer = await client.post(PATH, json={**QUESTION, "return": {"page": "app"}})
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "return.page"
    assert engine.statements == []
