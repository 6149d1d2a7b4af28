"""ClickHouse over TLS, with a user for each job: the real services' own code, the real engine, the real file."""

import asyncio
import re
import socket
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from clickhouse_driver import Client
from clickhouse_driver import errors as driver
from prometheus_client import CollectorRegistry

from devstack import clickhouse_users
from devstack.clickhouse.users import read
from devstack.clickhouse_users import FILE
from enricher.replay.stored import Stored
from enricher.replay.time_range import TimeRange
from eventrail.clickhouse import connect, reporting
from eventrail.errors import ClickHouseUnavailable, ConfigurationError
from query_api.clickhouse import ClickHouse
from query_api.events_table import Statement, reading
from query_api.metrics import Metrics
from query_api.parameters import Parameters
from query_api.pipeline_question import LedgerQuestion
from query_api.queries import ledger, rates, rejected
from query_api.question.period import period
from query_api.question.selection import Selection
from query_api.settings import QueryApiSettings
from tests.faults.security.engine import SECRET, SecureEngine
from tests.stored_events import INSERT, values
from writer.errors import TableFault
from writer.migrations import migrate
from writer.table import Table

pytestmark = pytest.mark.stack


def stored_event(website: str, number: int) -> dict[str, Any]:
    """An event of 2026 with that id."""
    return {"website_id": website, "event_id": uuid.UUID(int=number), "received_at": 1_790_000_000_000}


def as_user(url: str, sql: str, *arguments: Any, **more: Any) -> Any:
    client: Client = connect(url)
    try:
        with reporting():
            return client.execute(sql, *arguments, **more)
    finally:
        client.disconnect()


def code(url: str, sql: str, **settings: Any) -> int:
    with pytest.raises(driver.ServerException) as caught:
        as_user(url, sql, settings=settings)
    return int(caught.value.code)


@pytest.fixture(scope="module")
def migrated(engine: SecureEngine) -> SecureEngine:
    migrate(engine.url("migrator"))
    return engine


def test_migrations_run_as_the_migrator_and_again(migrated: SecureEngine) -> None:
    assert migrate(migrated.url("migrator")) == []
    assert code(migrated.url("migrator"), "SELECT * FROM events") == 497


async def test_the_writer_verifies_and_inserts_and_no_more(migrated: SecureEngine) -> None:
    table = Table(migrated.url("writer"), timeout_seconds=10)
    await asyncio.to_thread(table.verify)
    url = migrated.url("writer")
    as_user(
        url,
        INSERT,
        values([stored_event("written", 1)]),
        settings={"max_partitions_per_insert_block": 0},
    )
    assert as_user(migrated.default(), "SELECT count() FROM events WHERE website_id = 'written'") == [(1,)]
    for sql in (
        "SELECT count() FROM ledger_minutes",
        "DROP TABLE events",
        "TRUNCATE TABLE events",
        "INSERT INTO schema_migrations (number) VALUES (9)",
    ):
        assert code(url, sql) == 497
    table.close()


async def test_a_writer_without_rights_waits_for_a_person(migrated: SecureEngine) -> None:
    table = Table(migrated.url("writer", word="wrong"), timeout_seconds=10)
    with pytest.raises(TableFault, match="516"):
        await asyncio.to_thread(table.verify)


def question() -> Statement:
    return reading(
        "names",
        "SELECT event_name, count() FROM matching GROUP BY event_name",
        ("event_name",),
        Selection("asked", period("2026-01-01", "2030-01-01", ZoneInfo("UTC"), 0, None), left_out=()),
        Parameters(),
    )


async def test_the_query_api_reads_within_its_limits(migrated: SecureEngine) -> None:
    now = datetime(2026, 11, 1, tzinfo=UTC)
    event = {**stored_event("asked", 2), "event_name": "bought", "timestamp": now, "received_at": now}
    as_user(migrated.default(), INSERT, values([event]))
    api = ClickHouse(migrated.url("reader"), QueryApiSettings(), Metrics(CollectorRegistry()))
    try:
        assert await api.check() == "ok"
        assert list((await api.answer(question())).rows) == [("bought", 1)]
    finally:
        api.close()


async def test_a_query_api_that_asks_for_more_than_its_user_may_is_told(migrated: SecureEngine) -> None:
    api = ClickHouse(
        migrated.url("reader"), QueryApiSettings(max_memory_bytes=1 << 40), Metrics(CollectorRegistry())
    )
    try:
        with pytest.raises(ClickHouseUnavailable, match="limits"):
            await api.answer(question())
    finally:
        api.close()


async def test_a_query_api_with_a_wrong_password_is_told(migrated: SecureEngine) -> None:
    api = ClickHouse(migrated.url("reader", word="wrong"), QueryApiSettings(), Metrics(CollectorRegistry()))
    try:
        assert "EVENTRAIL_CLICKHOUSE_URL" in await api.check()
        with pytest.raises(ClickHouseUnavailable, match="EVENTRAIL_CLICKHOUSE_URL"):
            await api.answer(question())
    finally:
        api.close()


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO events (website_id) VALUES ('x')",
        "ALTER TABLE events DELETE WHERE 1",
        "CREATE TABLE mine (a Int32) ENGINE = Memory",
        "SET readonly = 0",
    ],
)
def test_the_reader_cannot_write(migrated: SecureEngine, sql: str) -> None:
    assert code(migrated.url("reader"), sql) in (164, 497)


@pytest.mark.parametrize("table", ["ledger_raw", "ledger_expired", "rejected_replays", "schema_migrations"])
def test_the_reader_sees_what_the_query_api_asks_for_alone(migrated: SecureEngine, table: str) -> None:
    assert code(migrated.url("reader"), f"SELECT count() FROM {table}") == 497


async def test_the_query_api_reads_the_ledger(migrated: SecureEngine) -> None:
    api = ClickHouse(migrated.url("reader"), QueryApiSettings(), Metrics(CollectorRegistry()))
    try:
        minute = LedgerQuestion(0, 60)
        for statement in (
            ledger.statement(minute),
            ledger.AS_OF,
            rejected.statement(minute, 1),
            rates.statement(minute),
        ):
            await api.answer(statement)
    finally:
        api.close()


def test_the_servers_limits_hold_for_the_reader(migrated: SecureEngine) -> None:
    url = migrated.url("reader")
    asked = "SELECT name, value FROM system.settings WHERE name IN ('readonly', 'max_execution_time') ORDER BY name"
    assert as_user(url, asked) == [("max_execution_time", "60"), ("readonly", "2")]
    # A statement's own settings end with it.
    assert as_user(url, f"{asked} SETTINGS max_execution_time = 5")[0][1] == "5"
    client: Client = connect(url)
    client.execute("SELECT 1 SETTINGS max_execution_time = 5", settings={"max_threads": 1})
    assert client.execute(asked)[0][1] == "60"
    client.disconnect()
    assert code(url, "SELECT number FROM numbers(1000001)") == 396
    assert code(url, "SELECT 1", max_execution_time=0) == 452
    assert code(url, "SELECT 1 SETTINGS max_result_rows = 0") == 452
    slow = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1 SETTINGS max_execution_time = 1"
    with pytest.raises(ClickHouseUnavailable, match="159"):
        as_user(url, slow)


def test_the_reader_sees_no_files_and_no_other_database(migrated: SecureEngine) -> None:
    as_user(migrated.default("default"), "CREATE DATABASE IF NOT EXISTS payroll")
    as_user(
        migrated.default("default"), "CREATE TABLE IF NOT EXISTS payroll.salaries (x Int32) ENGINE = Memory"
    )
    for sql in (
        "SELECT * FROM payroll.salaries",
        "SELECT (SELECT sum(x) FROM payroll.salaries)",
        "SELECT 1 WHERE 1 IN payroll.salaries",
        "SELECT * FROM merge('payroll', '.*')",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT file('/etc/passwd')",
        "SYSTEM SHUTDOWN",
    ):
        assert code(migrated.url("reader"), sql) == 497


def test_the_auditor_writes_its_ledger_alone(migrated: SecureEngine) -> None:
    url = migrated.url("auditor")
    insert = "INSERT INTO ledger_minutes (minute, stage, outcome, events) VALUES"
    as_user(url, insert, [(datetime.now(UTC), "raw", "accepted", 1)])
    assert as_user(url, "SELECT sum(events) FROM ledger_minutes FINAL") == [(1,)]
    as_user(url, "SELECT count() FROM events FINAL")
    for sql in ("INSERT INTO events (website_id) VALUES ('x')", "TRUNCATE TABLE ledger_minutes"):
        assert code(url, sql) == 497


def test_the_operator_replays_within_a_table_of_its_own(migrated: SecureEngine) -> None:
    stored = Stored(migrated.url("operator"), TimeRange(0, 4_000_000_000_000), "events_replay_1")
    stored.make_shadow()
    assert stored.compare().matched == 0
    stored.apply(1)
    stored.drop_shadow()
    stored.close()
    assert code(migrated.url("operator"), "DROP TABLE events") == 497


def test_a_wrong_password_is_refused_and_not_logged(engine: SecureEngine) -> None:
    assert code(engine.url("reader", word="no-such-word-71aa"), "SELECT 1") == 516
    assert code(engine.url("nobody", word="no-such-word-71aa"), "SELECT 1") == 516
    assert "no-such-word-71aa" not in engine.log.read_text()


def test_a_certificate_of_another_authority_is_refused(engine: SecureEngine) -> None:
    with pytest.raises(ClickHouseUnavailable, match=r"EVENTRAIL_CLICKHOUSE_URL.*ca_certs"):
        as_user(engine.url("reader", ca=engine.other_authority), "SELECT 1")


def test_a_certificate_of_another_name_is_refused(engine: SecureEngine) -> None:
    url = engine.url("reader") + "&server_hostname=elsewhere"
    with pytest.raises(ClickHouseUnavailable, match="not valid for 'elsewhere'"):
        as_user(url, "SELECT 1")


def test_a_client_without_tls_is_told_what_to_look_at(engine: SecureEngine) -> None:
    url = engine.url("reader").replace("clickhouses://", "clickhouse://")
    with pytest.raises(ClickHouseUnavailable, match="EVENTRAIL_CLICKHOUSE_URL: does the server want TLS"):
        as_user(url, "SELECT 1")


def test_files_that_cannot_be_used_are_a_wrong_setting(engine: SecureEngine, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="EVENTRAIL_CLICKHOUSE_URL ca_certs: /no/such"):
        connect(engine.url("reader", ca=Path("/no/such")))
    (tmp_path / "empty.pem").write_text("")
    with pytest.raises(ConfigurationError, match=r"EVENTRAIL_CLICKHOUSE_URL certfile.*empty\.pem"):
        connect(engine.url("reader") + f"&certfile={tmp_path}/empty.pem")


def test_large_answers_and_inserts_pass_tls(migrated: SecureEngine) -> None:
    sent = [stored_event(f"site-{number % 7}", number) for number in range(50_000)]
    as_user(migrated.url("writer"), INSERT, values(sent))
    found = as_user(migrated.url("reader"), "SELECT event_id FROM events WHERE website_id LIKE 'site-%'")
    assert {row[0] for row in found} == {event["event_id"] for event in sent}


def test_noise_instead_of_tls_ends_one_connection_and_nothing_else(engine: SecureEngine) -> None:
    with socket.create_connection((engine.address.host, engine.address.port), 5) as noise:
        noise.sendall(b"GET / HTTP/1.0\r\n\r\n" * 100)
        noise.settimeout(5)
        with suppress(ConnectionError):
            while noise.recv(1000):  # an alert of TLS, perhaps, and then the end
                pass
    assert as_user(engine.url("reader", database="default"), "SELECT 1") == [(1,)]


def test_every_grant_of_the_file_is_one_that_clickhouse_understands(engine: SecureEngine) -> None:
    grants = re.findall(r"<query>(.+?)</query>", FILE.read_text())
    assert len(grants) >= 10
    for grant in grants:
        assert as_user(engine.default("default"), f"EXPLAIN AST {grant} TO somebody")
    assert code(engine.default("default"), "EXPLAIN AST GRANT FLY ON eventrail.* TO somebody") == 62


def test_every_setting_of_the_file_is_one_that_clickhouse_knows(engine: SecureEngine) -> None:
    known = {name for (name,) in as_user(engine.default("default"), "SELECT name FROM system.settings")}
    users = read(FILE, clickhouse_users.digests(SECRET))
    for role in clickhouse_users.ROLES:
        user = users.admitted(f"eventrail_{role}", clickhouse_users.password(role, SECRET))
        assert user is not None
        assert {*user.profile.settings, *user.profile.constraints} <= known
