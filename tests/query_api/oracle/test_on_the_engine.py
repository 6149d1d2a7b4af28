"""What must hold on the real engine and is no matter of chance: the spec's own answers, copies that lost, edges."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final

import httpx
import pytest
from clickhouse_driver import Client

from eventrail import metrics
from eventrail.clock import ManualClock
from eventrail.rows.reading import READING_SETTINGS, settings_clause
from query_api.app import create_app
from query_api.clickhouse import ClickHouse
from query_api.metrics import Metrics
from query_api.queries import events as events_query
from query_api.question.events import FIELDS
from query_api.question.events import ask as ask_events
from query_api.question.given import from_query
from query_api.question.selection import Context
from query_api.settings import QueryApiSettings
from tests.query_api.oracle.conftest import NOW_MS
from tests.query_api.oracle.events import POOLS, Event, insert

pytestmark = pytest.mark.stack

RANGE: Final = {"start_date": "2026-02-01", "end_date": "2026-03-31"}
NOON_MS: Final = int(datetime(2026, 2, 10, 12, tzinfo=UTC).timestamp() * 1000)
DAY_MS: Final = 86_400_000
NOTHING: Final = dict.fromkeys(POOLS, "")


def event(name: str, at_ms: int = NOON_MS, data: str = "", bot: str = "", number: int | None = None) -> Event:
    event_id = str(uuid.uuid4() if number is None else uuid.UUID(int=number))
    return Event(name, event_id, date(2026, 2, 10), at_ms, NOON_MS, 0, {**NOTHING, "bot": bot}, data)


async def ask(api: httpx.AsyncClient, website: str, what: str = "", **parameters: str) -> Any:
    answer = await api.get(f"/api/websites/{website}/events{what}", params={**RANGE, **parameters})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def test_the_list_of_the_spec(api: httpx.AsyncClient, table: Client) -> None:
    for name, count in (("signup_click", 342), ("purchase", 89), ("demo_request", 156)):
        insert(table, "list", [event(name) for _ in range(count)])
    assert await ask(api, "list") == [
        {"event_name": "signup_click", "count": 342},
        {"event_name": "demo_request", "count": 156},
        {"event_name": "purchase", "count": 89},
    ]


async def test_the_properties_of_the_spec(api: httpx.AsyncClient, table: Client) -> None:
    plans = ["pro"] * 56 + ["enterprise"] * 33
    currencies = ["USD"] * 72 + ["EUR"] * 17
    made = [
        f'{{"plan":"{plan}","currency":"{currency}"}}'
        for plan, currency in zip(plans, currencies, strict=True)
    ]
    insert(table, "properties", [event("purchase", data=data) for data in made])
    found = await ask(api, "properties", "/properties", event_name="purchase")
    assert [(entry["property_key"], entry["values"]) for entry in found] == [
        (
            "currency",
            [
                {"value": "USD", "count": 72, "type": "string"},
                {"value": "EUR", "count": 17, "type": "string"},
            ],
        ),
        (
            "plan",
            [
                {"value": "pro", "count": 56, "type": "string"},
                {"value": "enterprise", "count": 33, "type": "string"},
            ],
        ),
    ]


async def test_the_series_of_the_spec(api: httpx.AsyncClient, table: Client) -> None:
    for day, count in ((1, 23), (2, 31), (3, 28)):
        noon = int(datetime(2026, 2, day, 12, tzinfo=UTC).timestamp() * 1000)
        insert(table, "series", [event("signup_click", noon) for _ in range(count)])
    days = {"start_date": "2026-02-01", "end_date": "2026-02-03"}
    assert await ask(api, "series", "/timeseries", event_name="signup_click", granularity="day", **days) == {
        "series": [
            {"date": "2026-02-01", "count": 23},
            {"date": "2026-02-02", "count": 31},
            {"date": "2026-02-03", "count": 28},
        ],
        "granularity": "day",
    }


@pytest.fixture(scope="module")
def moved(table: Client) -> str:
    """A website with 20,000 events inside the range whose winning copies, a month later, lie outside of it."""
    old = [event("moved", NOON_MS + number, number=number) for number in range(20_000)]
    insert(table, "moved", old)
    after, later = int(datetime(2026, 4, 1, tzinfo=UTC).timestamp() * 1000), NOON_MS + 40 * DAY_MS
    insert(table, "moved", [replace(copy, timestamp_ms=after, received_ms=later, revision=1) for copy in old])
    return "moved"


async def test_a_copy_that_lost_is_not_counted_when_the_winner_is_out_of_range(
    api: httpx.AsyncClient, moved: str
) -> None:
    assert await ask(api, moved) == []


def test_a_plain_reading_would_count_them(table: Client, moved: str) -> None:
    given = from_query("&".join(f"{name}={text}" for name, text in RANGE.items()).encode(), FIELDS)
    statement = events_query.statement(ask_events(given, Context(moved, NOW_MS)))

    def answer(sql: str, settings: Mapping[str, int]) -> list[Any]:
        rows: list[Any] = table.execute(sql + settings_clause(settings), dict(statement.parameters))
        return rows

    assert answer(statement.sql, READING_SETTINGS) == []
    plain = answer(statement.sql.replace("FROM events FINAL", "FROM events"), READING_SETTINGS)
    assert [row[:2] for row in plain] == [("moved", 20_000)]


async def test_an_event_without_properties_and_a_name_nobody_used(
    api: httpx.AsyncClient, table: Client
) -> None:
    insert(table, "bare", [event("bare"), event("bare")])
    assert await ask(api, "bare", "/properties", event_name="bare") == []
    assert await ask(api, "bare", "/properties", event_name="other") == []
    series = (await ask(api, "bare", "/timeseries", event_name="other"))["series"]
    assert len(series) == 59
    assert {point["count"] for point in series} == {0}
    assert await ask(api, "nobody") == []


async def test_many_long_groups(api: httpx.AsyncClient, table: Client) -> None:
    """Their texts together are longer than a statement may be."""
    texts = [f"{'x' * 2_000}{number:04}" for number in range(9_000)]
    insert(table, "long", [event("many", data=f'{{"a":"{text}"}}') for text in texts])
    asked = {"group_by": ["prop.a"], "metrics": ["count", "sessions"], "limit": 8_999, **RANGE}
    answer = await api.post("/api/websites/long/events/query", json=asked)
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    assert [entry["group"][0]["value"] for entry in data["groups"]] == texts[:-1]
    assert (data["other"]["metrics"]["count"], data["total"]["metrics"]["count"]) == (1, 9_000)


async def test_what_is_left_out_is_counted_exactly(events_database: str, table: Client) -> None:
    wide = "{" + ",".join(f'"key{number}":"v"' for number in range(7)) + "}"
    insert(table, "wide", [event("wide", data=wide), event("wide", data=wide)])
    for number in range(5):
        insert(table, "wide", [event(f"name{number}"), event("wide", data=f'{{"key0":"value{number}"}}')])
    small = QueryApiSettings(max_event_names=2, max_property_keys=3, max_property_values=4)
    engine = ClickHouse(events_database, small, Metrics(metrics.registry("query-api")))
    app = create_app(engine, ManualClock(unix_ms=NOW_MS), small, Metrics(metrics.registry("query-api")))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://query-api") as api:
        listed = (await api.get("/api/websites/wide/events", params=RANGE)).json()
        path = "/api/websites/wide/events/properties"
        broken_down = (await api.get(path, params={**RANGE, "event_name": "wide"})).json()
    engine.close()
    assert listed["data"] == [{"event_name": "wide", "count": 7}, {"event_name": "name0", "count": 1}]
    assert listed["meta"]["truncated"] is True
    assert (listed["meta"]["event_names_left_out"], listed["meta"]["events"]) == (4, 12)
    assert [value["count"] for value in broken_down["data"][0]["values"]] == [2, 1, 1, 1]
    assert [(entry["property_key"], entry["other"], entry["not_set"]) for entry in broken_down["data"]] == [
        ("key0", 2, 0),
        ("key1", 0, 5),
        ("key2", 0, 5),
    ]
    assert broken_down["meta"]["property_keys_left_out"] == 4
    assert broken_down["meta"]["values_left_out"] == {"key0": 2}


async def test_the_whole_calendar(api: httpx.AsyncClient, table: Client) -> None:
    last = int(datetime(2149, 12, 31, 23, 59, 59, 999000, tzinfo=UTC).timestamp() * 1000)
    insert(table, "calendar", [event("x", 0), event("x", last)])
    whole = {"start_date": "1970-01-01", "end_date": "2149-12-31", "event_name": "x"}
    months = await ask(api, "calendar", "/timeseries", **whole, granularity="month", include="previous")
    assert len(months["series"]) == 2160
    assert [point["date"] for point in months["series"] if point["count"]] == ["1970-01-01", "2149-12-01"]
    edges = {"start_date": "2149-01-01", "end_date": "2149-12-31", "event_name": "x"}
    for granularity, dated in (("month", "2149-12-01"), ("week", "2149-12-29"), ("day", "2149-12-31")):
        found = await ask(api, "calendar", "/timeseries", **edges, granularity=granularity)
        assert found["series"][-1] == {"date": dated, "count": 1}


async def test_crawlers_are_left_out_and_headless_browsers_and_libraries_counted(
    api: httpx.AsyncClient, table: Client
) -> None:
    for kind, count in (("", 1), ("crawler", 2), ("headless", 4), ("library", 8)):
        insert(table, "bots", [event("a", bot=kind) for _ in range(count)])
    insert(table, "bots", [event("crawled", bot="crawler") for _ in range(3)])
    assert await ask(api, "bots") == [{"event_name": "a", "count": 13}]
    assert await ask(api, "bots", include_bots="true") == [
        {"event_name": "a", "count": 15},
        {"event_name": "crawled", "count": 3},
    ]


async def test_a_copy_that_lost_decides_nothing(api: httpx.AsyncClient, table: Client) -> None:
    old = event("a")
    insert(table, "relabelled", [old])
    insert(table, "relabelled", [replace(old, revision=1, dimensions={**NOTHING, "bot": "crawler"})])
    assert await ask(api, "relabelled") == []
