"""The statements that really run: the engine says that each of them reads every event once."""

import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio
from clickhouse_driver import Client
from fastapi import FastAPI

from enricher.replay.statements import COMPARED
from enricher.replay.stored import Stored
from enricher.replay.time_range import TimeRange
from eventrail import metrics
from eventrail.clock import ManualClock
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, EventType
from eventrail.rows.events import row
from eventrail.rows.reading import READING_SETTINGS, events_once, settings_clause
from query_api.app import create_app
from query_api.clickhouse import ClickHouse
from query_api.events_table import Statement
from query_api.metrics import Metrics
from query_api.settings import QueryApiSettings
from tests.faults.once.running_statements import Judge, recorded, running

pytestmark = pytest.mark.stack

NOW_MS = 1_794_000_000_000
DAYS = ("", "start_date=2026-10-24&end_date=2026-10-26&timezone=Europe/Berlin")
"""A month of days that are all alike, and days of which one has 25 hours."""
BOTS = ("include_bots=true", "include_bots=false")
FILTERS = "country=DE&path[contains]=/a&path[contains]=/b&prop.plan[not]=pro&prop.amount[between]=1..9&bot[set]=false"
STEPS = tuple(f"granularity={name}" for name in ("hour", "day", "week", "month", "auto"))
MINUTES = "granularity=minute&start_date=2026-10-25&end_date=2026-10-25&timezone=Europe/Berlin"
PURCHASE = ("event_name=purchase",)

ASKED: Final[Mapping[str, Sequence[Sequence[str]]]] = {
    "/api/websites/{website_id}/events": (
        DAYS, BOTS, ("", "include=visitors,previous&search=a&limit=3&offset=1", f"include=visitors&{FILTERS}"),
    ),
    "/api/websites/{website_id}/events/properties": (
        DAYS, BOTS, PURCHASE, ("", f"search=a&limit=3&values=2&{FILTERS}"),
    ),
    "/api/websites/{website_id}/events/timeseries": (
        (*("&".join(filter(None, pair)) for pair in product(DAYS, STEPS)), MINUTES), PURCHASE,
        ("", "include=visitors,previous&breakdown=country", f"breakdown=prop.plan&{FILTERS}"),
    ),
    "/api/websites/{website_id}/events/rows": (
        DAYS, BOTS, ("", f"event_type=any&order=oldest&limit=2&{FILTERS}"),
    ),
    "/api/websites/{website_id}/sessions": (DAYS, BOTS, ("", f"order=oldest&limit=2&{FILTERS}")),
    "/api/websites/{website_id}/sessions/{session_id}": (DAYS, BOTS),
    "/api/websites/{website_id}/visitors/{visitor_id}": (DAYS, BOTS),
    "/api/websites/{website_id}/export": (DAYS, ("format=ndjson", f"format=csv&limit=1&{FILTERS}")),
    "/api/websites": (("",),),
    "/api/pipeline/ledger": (("",),),
    "/api/pipeline/rejected": (("",),),
    "/api/pipeline/rates": (("",),),
    "/api/pipeline/lag": (("",),),
}  # fmt: skip
"""Every path that is asked by GET, with the parts of queries to combine."""

NOT_OF_EVENTS: Final = frozenset(
    {
        ("get", "/api/websites/{website_id}/erasures"),  # these read the tables of erasures alone
        ("get", "/api/websites/{website_id}/erasures/{erasure_id}"),
        ("post", "/api/websites/{website_id}/erasures"),
        ("get", "/api/websites/{website_id}/live"),  # its look-up is judged in tests/query_api/live
    }
)
IDS: Final = {"website_id": "shop", "session_id": "01a219d2-f750-8000-8000-005072b42f88", "visitor_id": "v"}
"""What stands in the paths."""

JSON_FILTERS: Final = [
    {"field": "country", "values": ["DE"]},
    {"field": "prop.plan", "operator": "not", "values": ["pro", 1, True]},
]
METRICS: Final = [
    *("count", "visitors", "sessions"),
    *(
        {"statistic": name, "field": "prop.amount"}
        for name in ("numbers", "sum", "average", "min", "max", "p50", "p99")
    ),
]
ANYTHING: Final = {"event_type": "any", "filters": JSON_FILTERS}
DAY_OF_25_HOURS: Final = {"start_date": "2026-10-24", "end_date": "2026-10-26", "timezone": "Europe/Berlin"}
PLAIN: Final[Sequence[Mapping[str, Any]]] = ({"event_name": "purchase", "filters": JSON_FILTERS},)

POSTED: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "/api/websites/{website_id}/events": ({"filters": JSON_FILTERS},),
    "/api/websites/{website_id}/events/properties": PLAIN,
    "/api/websites/{website_id}/events/timeseries": PLAIN,
    "/api/websites/{website_id}/events/query": tuple(
        {"metrics": METRICS, "group_by": fields, **more, **DAY_OF_25_HOURS}
        for fields in ([], ["prop.plan", "country", "prop.amount"])
        for more in ({}, {"granularity": "day"}, {"granularity": "hour", "limit": 5, **ANYTHING})
    ),
    "/api/websites/{website_id}/funnels": tuple(
        {"steps": [{"event_name": "a"}, {"page": "/b*", "filters": JSON_FILTERS}], **more}
        for more in (
            {},
            {"by": "session", "order": "strict"},
            {"breakdown": "prop.plan", "filters": JSON_FILTERS},
        )
    ),
    "/api/websites/{website_id}/journeys": (
        {"anchor": {"event_name": "a"}},
        {"anchor": {"page": "/b"}, "direction": "before", "by": "visitor", "filters": JSON_FILTERS},
    ),
    "/api/websites/{website_id}/retention": (
        {"start": {"event_name": "a"}},
        {"start": {"page": "/b"}, "return": {"event_name": "c"}, "granularity": "week", **DAY_OF_25_HOURS},
    ),
    **{
        f"/api/websites/{{website_id}}/{path}": ({"filters": JSON_FILTERS},)
        for path in ("events/rows", "sessions", "sessions/{session_id}", "visitors/{visitor_id}", "export")
    },
}
"""Every path that is asked by POST, with its bodies."""


@pytest.fixture
def judge(client: Client) -> Judge:
    return Judge(client)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def engine(database: str) -> AsyncIterator[ClickHouse]:
    made = ClickHouse(database, QueryApiSettings(), Metrics(metrics.registry("query-api")))
    yield made
    made.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def api(engine: ClickHouse) -> AsyncIterator[tuple[httpx.AsyncClient, set[tuple[str, str]]]]:
    app = create_app(
        engine, ManualClock(unix_ms=NOW_MS), QueryApiSettings(), Metrics(metrics.registry("query-api"))
    )
    inside: object = app
    while not isinstance(inside, FastAPI):  # it stands under middleware
        inside = vars(inside)["_app"]
    methods = {
        (method, path)
        for path, found in inside.openapi()["paths"].items()
        for method in found
        if path.startswith("/api/")
    }
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://query-api") as made:
        yield made, methods


async def test_every_answer_of_the_query_api_counts_each_event_once(
    api: tuple[httpx.AsyncClient, set[tuple[str, str]]], judge: Judge
) -> None:
    asking, methods = api
    told = {("get", path) for path in ASKED} | {("post", path) for path in POSTED} | NOT_OF_EVENTS
    assert {one for one in told if "/websites/" in one[1]} <= methods, (
        "nobody would notice that they are not asked"
    )
    assert methods <= told, "tell this test how to ask them"
    with recorded() as sent:
        for path, question in questions(methods - NOT_OF_EVENTS):
            before = len(sent)
            answer = await asking.request(url=path.format(**IDS), **question)
            assert answer.status_code == 200, (path, question, answer.text)
            if "/websites/" in path:
                assert any("FROM events FINAL" in statement.sql for statement in sent[before:])
    faults = {sql: judge.faults(statement) for sql, statement in {one.sql: one for one in sent}.items()}
    assert not any(faults.values()), faults
    assert judge.readings >= 50


def questions(methods: Iterable[tuple[str, str]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Path and the rest of each request."""
    for method, path in sorted(methods):
        if method == "get":
            for parts in product(*ASKED[path]):
                query = "&".join(filter(None, parts))
                yield path, {"method": "GET", "params": httpx.QueryParams(query)}
        else:
            for body in POSTED[path]:
                yield path, {"method": "POST", "json": body}


DRIVEN = {
    "partitions",
    "latest_before",
    "past",
    "make_shadow",
    "drop_shadow",
    "put",
    "compare",
    "examples",
    "apply",
}


def test_every_statement_of_a_replay_sees_each_event_once(database: str, judge: Judge) -> None:
    assert {name for name in vars(Stored) if not name.startswith("_")} - {"close"} == DRIVEN
    event = EnrichedEvent(
        website_id="shop",
        event_id=str(uuid.uuid4()),
        event_type=EventType.EVENT_TYPE_CUSTOM,
        event_name="purchase",
        timestamp_ms=NOW_MS,
        received_at_ms=NOW_MS,
        visitor_id="v",
    )
    stored = Stored(database, TimeRange(NOW_MS - 1000, NOW_MS + 1000), "once_shadow")
    with recorded() as sent:
        stored.make_shadow()
        stored.put([row(event, 0, 0)])
        stored.partitions()
        stored.latest_before(0, 1)
        list(stored.past())
        stored.compare()
        for column in COMPARED:
            stored.examples(column)
        stored.apply(1)
    faults = {statement.sql: judge.faults(statement) for statement in sent}
    assert not any(faults.values()), faults
    stored.drop_shadow()
    stored.close()
    assert judge.readings == 5 + len(COMPARED)


async def test_a_planted_statement_without_final_is_found_at_run_time(
    engine: ClickHouse, judge: Judge
) -> None:
    planted = Statement("planted", "SELECT count() FROM {}".format("events"), {}, READING_SETTINGS)
    with recorded() as sent:
        await engine.answer(planted)
    [faults] = [judge.faults(statement) for statement in sent]
    assert [fault.partition(":")[0] for fault in faults] == ["without FINAL"]


@pytest.mark.parametrize("left_out", READING_SETTINGS)
def test_a_planted_statement_without_one_of_the_settings_is_found(left_out: str, judge: Judge) -> None:
    settings = {name: value for name, value in READING_SETTINGS.items() if name != left_out}
    sql = events_once(["count()"], "website_id = 'shop'")
    assert judge.faults(running(sql + settings_clause(settings))) == [
        f"without {left_out} = {READING_SETTINGS[left_out]}"
    ]
    assert judge.faults(running(sql, settings))
    assert not judge.faults(running(sql, READING_SETTINGS))
    assert not judge.faults(running(sql + settings_clause()))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT (SELECT count() FROM events)",
        "SELECT 1 WHERE '' IN (SELECT event_name FROM events)",
        "WITH x AS (SELECT 1 FROM events) SELECT count() FROM x",
        "SELECT count() FROM (SELECT * FROM events FINAL WHERE 1) AS a JOIN events AS b ON a.raw_offset = b.raw_offset",
        "SELECT count() FROM merge(currentDatabase(), '^events$')",
        "SELECT 1 UNION ALL SELECT count() FROM events",
    ],
)
def test_no_disguise_helps_before_the_engine(sql: str, judge: Judge) -> None:
    assert judge.faults(running(sql + settings_clause()))


def test_no_view_and_no_projection_looks_at_the_table(client: Client, judge: Judge) -> None:
    assert judge.rollups() == []
    client.execute("CREATE VIEW looking AS SELECT count() FROM events")
    client.execute("CREATE MATERIALIZED VIEW fed ENGINE = Memory AS SELECT event_name FROM events")
    try:
        assert set(judge.rollups()) == {"View looking", "MaterializedView fed"}
    finally:
        client.execute("DROP VIEW looking")
        client.execute("DROP VIEW fed")
