"""Rows, sessions and timelines over HTTP; what the engine makes of them: test_event_rows.py."""

import uuid
from datetime import date
from typing import Any

import httpx
import pytest

from query_api.facts import FACTS, Kind
from query_api.queries.sessions import OPENING_FACTS

WEBSITE = "/api/websites/cm5x9yz1a0001"
SESSION = "0f1e2d3c-4b5a-8978-8695-a4b3c2d1e0f0"
EMPTY = {Kind.TEXT: "", Kind.INSTANT: 0, Kind.FLAG: False, Kind.DAY: date(2026, 3, 1), Kind.JSON: ""}


def row(**values: Any) -> tuple[Any, ...]:
    facts = (values.get(name, EMPTY[fact.kind]) for name, fact in FACTS.items())
    return (*facts, 1_772_300_000_000, uuid.UUID(int=1), "purchase", date(2026, 3, 1))


def session() -> tuple[Any, ...]:
    opening = tuple("x" for _ in OPENING_FACTS)
    return (uuid.UUID(SESSION), 1_000, 61_500, 3, 2, ["purchase"], "/", "", opening)


async def test_a_page_of_rows_and_the_cursor_of_the_next(client: httpx.AsyncClient, engine: Any) -> None:
    engine.rows = [row(event_name="a", properties='{"n": 1.50}'), row(event_name="b"), row(event_name="c")]
    answer = await client.get(f"{WEBSITE}/events/rows", params={"limit": "2"})
    assert answer.status_code == 200
    assert '"properties":{"n": 1.50}' in answer.text
    body = answer.json()
    assert [one["event_name"] for one in body["data"]] == ["a", "b"]
    following = await client.get(
        f"{WEBSITE}/events/rows", params={"limit": "9", "cursor": body["meta"]["next_cursor"]}
    )
    assert following.json()["meta"]["next_cursor"] is None
    assert 1_772_300_000_000 in engine.statements[1].parameters.values()
    assert engine.statements[1].parameters["limit"] == 10


async def test_a_cursor_of_another_question_is_refused(client: httpx.AsyncClient, engine: Any) -> None:
    engine.rows = [row(), row()]
    first = await client.get(f"{WEBSITE}/events/rows", params={"limit": "1"})
    cursor = first.json()["meta"]["next_cursor"]
    others = [
        ("/events/rows", {"order": "oldest"}),
        ("/events/rows", {"country": "DE"}),
        ("/sessions", {}),
        (f"/sessions/{SESSION}", {}),
        ("/visitors/user-42", {}),
    ]
    for path, more in others:
        answer = await client.get(WEBSITE + path, params={"cursor": cursor, **more})
        assert answer.status_code == 400, path
        assert answer.json()["error"]["field"] == "cursor"
    answer = await client.get("/api/websites/other/events/rows", params={"cursor": cursor})
    assert answer.status_code == 400
    assert len(engine.statements) == 1


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"limit": "1001"}, "limit"),
        ({"limit": "0"}, "limit"),
        ({"order": "newset"}, "order"),
        ({"event_type": "click"}, "event_type"),
        ({"event_type": "pageview", "event_name": "a"}, "event_name"),
        ({"event_name": " "}, "event_name"),
        ({"cursor": "x"}, "cursor"),
        ({"offset": "1"}, "offset"),
    ],
)
async def test_wrong_questions(
    client: httpx.AsyncClient, engine: Any, parameters: dict[str, str], field: str
) -> None:
    for path in ("/events/rows", "/sessions", f"/sessions/{SESSION}", "/visitors/a/b"):
        answer = await client.get(WEBSITE + path, params=parameters)
        assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)
    assert engine.statements == []


async def test_sessions_as_rows(client: httpx.AsyncClient, engine: Any) -> None:
    engine.rows = [session(), session()]
    answer = await client.post(f"{WEBSITE}/sessions", json={"limit": 1, "event_name": "purchase"})
    body = answer.json()
    assert body["meta"]["next_cursor"]
    (told,) = body["data"]
    assert told["session_id"] == SESSION
    assert (told["started"], told["ended"]) == ("1970-01-01T00:00:01.000Z", "1970-01-01T00:01:01.500Z")
    assert (told["duration_ms"], told["entry_page"], told["exit_page"]) == (60_500, "/", None)
    # The filter says which sessions, and leaves all their events in.
    (statement,) = engine.statements
    head, _, having = statement.sql.partition("HAVING")
    assert "event_name =" not in head
    assert "countIf(event_type = 'custom' AND event_name = " in having


async def test_one_session_needs_a_uuid(client: httpx.AsyncClient, engine: Any) -> None:
    answer = await client.get(f"{WEBSITE}/sessions/7")
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "session_id")
    answer = await client.get(f"{WEBSITE}/sessions/{SESSION}")
    assert answer.json()["data"] == {"session": None, "events": []}
    assert "ORDER BY timestamp, event_id" in engine.statements[0].sql


async def test_a_timeline_says_how_long_its_id_lives(client: httpx.AsyncClient, engine: Any) -> None:
    engine.rows = [row(visitor_source="hash"), row(visitor_source="hash")]
    answer = await client.get(f"{WEBSITE}/visitors/a%2Fb%20c")
    assert answer.json()["meta"]["visitor_source"] == ["hash"]
    assert ("a/b c",) in engine.statements[0].parameters.values()
