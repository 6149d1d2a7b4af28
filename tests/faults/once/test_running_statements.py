"""The statements that really run: the engine says that each of them reads every event once."""

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import product
from typing import Final

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
DAYS = ("", "start_date=2026-11-01&end_date=2026-11-06")
BOTS = ("", "include_bots=true", "include_bots=false")
GRANULARITIES = tuple(f"granularity={name}" for name in ("hour", "day", "week", "month"))

ASKED: Final[Mapping[str, Sequence[Sequence[str]]]] = {
    "/api/websites/{website_id}/events": (DAYS, BOTS),
    "/api/websites/{website_id}/events/properties": (DAYS, BOTS, ("event_name=purchase",)),
    "/api/websites/{website_id}/events/timeseries": (DAYS, BOTS, ("event_name=purchase",), GRANULARITIES),
    "/api/websites": (("",),),
    "/api/pipeline/ledger": (("",),),
    "/api/pipeline/rejected": (("",),),
    "/api/pipeline/rates": (("",),),
}
"""Every path of the query API, with the parts of queries to combine."""


@pytest.fixture
def judge(client: Client) -> Judge:
    return Judge(client)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def engine(database: str) -> AsyncIterator[ClickHouse]:
    made = ClickHouse(database, QueryApiSettings(), Metrics(metrics.registry("query-api")))
    yield made
    made.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def api(engine: ClickHouse) -> AsyncIterator[tuple[httpx.AsyncClient, set[str]]]:
    app = create_app(
        engine, ManualClock(unix_ms=NOW_MS), QueryApiSettings(), Metrics(metrics.registry("query-api"))
    )
    inside: object = app
    while not isinstance(inside, FastAPI):  # it stands under middleware
        inside = vars(inside)["_app"]
    paths = {path for path in inside.openapi()["paths"] if path.startswith("/api/")}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://query-api") as made:
        yield made, paths


async def test_every_answer_of_the_query_api_counts_each_event_once(
    api: tuple[httpx.AsyncClient, set[str]], judge: Judge
) -> None:
    asking, paths = api
    assert {path for path in ASKED if "/websites/" in path} <= paths, (
        "nobody would notice that they are not asked"
    )
    assert paths <= ASKED.keys(), "tell this test how to ask them"
    questions = [
        f"{path.replace('{website_id}', 'shop')}?{'&'.join(filter(None, parts))}"
        for path in sorted(paths)
        for parts in product(*ASKED[path])
    ]
    with recorded() as sent:
        for question in questions:
            answer = await asking.get(question)
            assert answer.status_code == 200, (question, answer.text)
    faults = {statement.sql: judge.faults(statement) for statement in sent}
    assert not any(faults.values()), faults
    assert judge.readings >= len([question for question in questions if "/websites/" in question])


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
