"""The door to the real engine: limits, a bounded pool, trouble, and questions that nobody waits for any more."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

from eventrail import metrics
from eventrail.clock import ManualClock
from eventrail.errors import ClickHouseUnavailable, ConfigurationError
from eventrail.rows.reading import READING_SETTINGS, events_once
from query_api.app import create_app
from query_api.clickhouse import ClickHouse
from query_api.errors import TooCostly
from query_api.events_table import Statement
from query_api.metrics import Metrics
from query_api.settings import QueryApiSettings
from tests.stored_events import insert

FOREVER = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))"
FAST = Statement("fast", "SELECT %(word)s, 7", {"word": "it's"}, {"max_threads": 1})

Make = Callable[..., ClickHouse]


def statement(sql: str) -> Statement:
    return Statement("test", sql, {}, {"max_threads": 1})


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """Builds engines for a URL that are closed when the test ends."""
    made: list[ClickHouse] = []

    def build(url: str, **values: Any) -> ClickHouse:
        engine = ClickHouse(url, QueryApiSettings(**values), Metrics(metrics.registry("query-api")))
        made.append(engine)
        return engine

    yield build
    for engine in made:
        engine.close()


@pytest.fixture
def make_here(make: Make, events_database: str) -> Make:
    """Builds engines for the test database."""
    return partial(make, events_database)


def sample(engine: ClickHouse, name: str, **labels: str) -> float | None:
    return engine._metrics.registry.get_sample_value(f"eventrail_query_api_{name}", labels)


@pytest.fixture
def closed_port() -> str:
    """URL of a port of loopback that nobody listens at: it is bound, and never listens, while the test runs."""
    for port in range(31_990, 31_000, -1):
        with socket.socket() as held:
            try:
                held.bind(("127.0.0.1", port))
            except OSError:
                continue
        return f"clickhouse://default@127.0.0.1:{port}/x"
    raise AssertionError("no free port")


@pytest.mark.parametrize("url", ["clickhouse://h:port/x", "clickhouse://h/x?compression=perhaps"])
async def test_a_url_that_nobody_understands_stops_the_start(make: Make, url: str) -> None:
    with pytest.raises(ConfigurationError, match="EVENTRAIL_CLICKHOUSE_URL"):
        make(url)


async def test_an_engine_that_is_away(make: Make, closed_port: str) -> None:
    engine = make(closed_port)
    with pytest.raises(ClickHouseUnavailable, match=r"^ClickHouse does not answer$"):
        await engine.answer(FAST)
    assert sample(engine, "clickhouse_up") == 0
    assert await engine.check() == "ClickHouse does not answer"


@pytest.mark.stack
async def test_an_answer_and_what_it_cost(make_here: Make) -> None:
    engine = make_here()
    answer = await engine.answer(statement("SELECT count() FROM numbers(1000) WHERE NOT ignore(number)"))
    assert list(answer.rows) == [(1000,)]
    assert answer.rows_read == 1000
    assert 0 < answer.seconds < 30
    assert sample(engine, "rows_read_total", query="test") == 1000
    assert sample(engine, "query_seconds_count", query="test") == 1
    assert sample(engine, "clickhouse_up") == 1


@pytest.mark.stack
async def test_parameters_are_filled_in(make_here: Make) -> None:
    assert list((await make_here().answer(FAST)).rows) == [("it's", 7)]


@pytest.mark.stack
async def test_ready_with_the_table_and_not_without(make: Make, make_here: Make, clickhouse: str) -> None:
    assert await make_here().check() == "ok"
    advice = "a table is missing at ClickHouse; run: python -m writer migrate"
    assert await make(f"{clickhouse}/default").check() == advice
    assert await make(f"{clickhouse}/no_such_database").check() == advice
    everything = Statement("test", events_once(["count()"], "1"), {}, READING_SETTINGS)
    with pytest.raises(ClickHouseUnavailable, match="writer migrate"):
        await make(f"{clickhouse}/default").answer(everything)


@pytest.mark.stack
async def test_a_query_over_its_time(make_here: Make) -> None:
    engine = make_here(max_execution_seconds=1)
    started = time.monotonic()
    with pytest.raises(ClickHouseUnavailable, match="took too long"):
        await engine.answer(statement(FOREVER))
    assert time.monotonic() - started < 5
    assert sample(engine, "clickhouse_up") == 1
    assert list((await engine.answer(FAST)).rows) == [("it's", 7)]


@pytest.mark.stack
async def test_a_query_over_its_memory(make_here: Make) -> None:
    engine = make_here(max_memory_bytes=20 << 20)
    with pytest.raises(ClickHouseUnavailable, match="too much memory"):
        await engine.answer(statement("SELECT length(groupArray(number)) FROM numbers(50000000)"))


@pytest.mark.stack
async def test_it_cannot_write(make_here: Make, events_database: str) -> None:
    engine = make_here()
    with pytest.raises(ServerException) as refused:
        await engine.answer(statement("CREATE TABLE t ENGINE = Memory AS SELECT 1"))
    assert refused.value.code == 164  # READONLY
    client = Client.from_url(events_database)
    assert client.execute("EXISTS TABLE t") == [(0,)]
    client.disconnect()


@pytest.mark.stack
async def test_what_the_engine_does_not_understand_is_our_bug_and_no_outage(make_here: Make) -> None:
    with pytest.raises(ServerException):
        await make_here().answer(statement("SELECT nonsense"))


@pytest.mark.stack
async def test_more_questions_than_connections_are_all_answered(make_here: Make) -> None:
    engine = make_here(connections=3, max_wait_seconds=30)
    answers = await asyncio.gather(
        *(engine.answer(statement(f"SELECT {number}, sleep(0.02)")) for number in range(40))
    )
    assert [answer.rows[0][0] for answer in answers] == list(range(40))
    assert len(engine._clients) == 3
    assert sample(engine, "waiting_questions") == 0


async def running_queries(client: Client, mark: str) -> int:
    # The pattern is put together by the engine, so that this query does not find itself.
    sql = "SELECT count() FROM system.processes WHERE query LIKE concat('%%', %(a)s, %(b)s, '%%')"
    found = await asyncio.to_thread(client.execute, sql, {"a": mark[:3], "b": mark[3:]})
    return int(found[0][0])


async def until_running(client: Client, mark: str, wanted: int) -> None:
    end = time.monotonic() + 10
    while await running_queries(client, mark) != wanted:
        assert time.monotonic() < end, f"never {wanted} running"
        await asyncio.sleep(0.02)


@pytest.fixture
def watch(events_database: str) -> Any:
    client = Client.from_url(events_database)
    yield client
    client.disconnect()


@pytest.mark.stack
async def test_waiting_is_bounded_in_time_and_number(make_here: Make, watch: Client) -> None:
    engine = make_here(connections=1, max_wait_seconds=0.05, max_waiting=1, max_execution_seconds=60)
    slow = asyncio.ensure_future(engine.answer(statement(f"{FOREVER} AND 'mark_bounded' != ''")))
    await until_running(watch, "mark_bounded", 1)
    answers = await asyncio.gather(engine.answer(FAST), engine.answer(FAST), return_exceptions=True)
    assert [str(answer) for answer in answers] == [
        "all connections to ClickHouse are busy",
        "too many questions are waiting",
    ]
    slow.cancel()
    await until_running(watch, "mark_bounded", 0)


@pytest.mark.stack
async def test_a_question_that_is_cancelled_ends_its_query_and_frees_its_turn(
    make_here: Make, watch: Client
) -> None:
    engine = make_here(connections=1, max_wait_seconds=30, max_execution_seconds=60)
    slow = asyncio.ensure_future(engine.answer(statement(f"{FOREVER} AND 'mark_cancel' != ''")))
    await until_running(watch, "mark_cancel", 1)
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    await until_running(watch, "mark_cancel", 0)
    assert list((await engine.answer(FAST)).rows) == [("it's", 7)]
    assert sample(engine, "clickhouse_up") == 1


@pytest.fixture
def fifty_events(ledger_database: str) -> str:
    """A website with 50 events, alone in its table: the estimate counts whole granules."""
    website, now = f"costly-{uuid4().hex}", 1_772_712_000_000
    with Client.from_url(ledger_database) as table:
        common = {
            "website_id": website,
            "event_name": "a",
            "event_type": 1,
            "timestamp": now,
            "received_at": now,
        }
        insert(table, [{**common, "identity_day": date(2026, 3, 5), "event_id": uuid4()} for _ in range(50)])
    return website


def counting(website: str) -> Statement:
    sql = events_once(["count()"], "website_id = %(website)s")
    return Statement("test", sql, {"website": website}, READING_SETTINGS, estimated=True)


async def test_what_would_read_too_much_is_not_run(
    make: Make, ledger_database: str, fifty_events: str
) -> None:
    with pytest.raises(TooCostly) as caught:
        await make(ledger_database, max_rows_read=49).answer(counting(fifty_events))
    assert (caught.value.rows, caught.value.most) == (50, 49)
    assert (await make(ledger_database, max_rows_read=50).answer(counting(fifty_events))).rows == [(50,)]
    assert (await make(ledger_database).answer(counting(fifty_events))).rows == [(50,)]


async def test_over_http_it_says_what_is_cheaper(make: Make, ledger_database: str, fifty_events: str) -> None:
    settings = QueryApiSettings(max_rows_read=10)
    app = create_app(
        make(ledger_database, max_rows_read=10),
        ManualClock(unix_ms=1_772_712_000_000),
        settings,
        Metrics(metrics.registry("q")),
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://query-api") as api:
        answer = await api.get(f"/api/websites/{fifty_events}/events")
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["estimate"] == {"rows": 50, "limit": 10}
    assert error["message"].endswith("ask for 6 days at a time, or for one event_name")


async def test_statements_of_an_export_have_a_limit_of_their_own(make_here: Make) -> None:
    engine = make_here(max_execution_seconds=7, max_export_seconds=70)
    asked = statement("SELECT toUInt64(getSetting('max_execution_time'))")
    assert list((await engine.answer(asked)).rows) == [(7,)]
    assert list((await engine.answer(replace(asked, of_export=True))).rows) == [(70,)]
