"""Migrations: in order, once each, and safe from several processes."""

import asyncio
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest

from eventrail.clickhouse import connect
from eventrail.errors import ClickHouseUnavailable, ConfigurationError
from writer import migrations as module
from writer.migrations import Migration, migrate, migrations, split_database

Query = Callable[..., list[Any]]


def test_the_first_makes_the_table() -> None:
    first = migrations()[0]
    assert (first.number, first.name) == (1, "events")
    assert len(first.statements) == 1
    assert "CREATE TABLE IF NOT EXISTS events" in first.statements[0]


def test_numbers_rise_and_are_unique() -> None:
    numbers = [migration.number for migration in migrations()]
    assert numbers == sorted(set(numbers))


def test_every_statement_may_run_twice() -> None:
    for migration in migrations():
        for statement in migration.statements:
            repeatable = ("IF NOT EXISTS", "IF EXISTS", "MODIFY TTL")
            assert any(words in statement for words in repeatable), statement


def test_statements_end_with_a_semicolon_at_the_end_of_a_line() -> None:
    text = "-- a; b\nCREATE TABLE IF NOT EXISTS a (x String DEFAULT ';') ENGINE = Log; \n\nDROP TABLE IF EXISTS b\n"
    made = module._migration("0002_two.sql", text)
    assert made.number == 2
    assert [statement.splitlines()[-1] for statement in made.statements] == [
        "CREATE TABLE IF NOT EXISTS a (x String DEFAULT ';') ENGINE = Log",
        "DROP TABLE IF EXISTS b",
    ]


def test_a_misnamed_file_is_told() -> None:
    with pytest.raises(ConfigurationError, match=r"schema/two\.sql: expected a name such as"):
        module._migration("two.sql", "")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("clickhouse://default@h:9000/eventrail", ("clickhouse://default@h:9000", "eventrail")),
        ("clickhouses://u:p%40@h/a%20b?secure=1", ("clickhouses://u:p%40@h?secure=1", "a b")),
    ],
)
def test_the_database_is_split_from_the_url(url: str, expected: tuple[str, str]) -> None:
    assert split_database(url) == expected


@pytest.mark.parametrize("url", ["clickhouse://h:9000", "clickhouse://h:9000/"])
def test_a_url_without_database_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"names no database: add /eventrail"):
        split_database(url)


def test_nobody_there_is_unavailable(unused_tcp_port: int) -> None:
    with pytest.raises(ClickHouseUnavailable):
        migrate(f"clickhouse://127.0.0.1:{unused_tcp_port}/x", timeout_seconds=2)


@pytest.mark.stack
async def test_each_is_applied_once(database: str, query: Query, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await asyncio.to_thread(migrate, database) == []
    later = Migration(
        9999,
        "marks",
        ("CREATE TABLE IF NOT EXISTS marks (x Int8) ENGINE = Log", "INSERT INTO marks SELECT 1"),
    )
    known = migrations()
    monkeypatch.setattr(module, "migrations", lambda: [*known, later])
    assert await asyncio.to_thread(migrate, database) == ["9999_marks"]
    assert await asyncio.to_thread(migrate, database) == []
    assert query("SELECT count() FROM marks") == [(1,)]
    assert query("SELECT number, name FROM schema_migrations FINAL ORDER BY number") == [
        *((migration.number, migration.name) for migration in known),
        (9999, "marks"),
    ]


@pytest.mark.stack
async def test_several_processes_at_once_from_nothing(clickhouse: str) -> None:
    url = f"{clickhouse}/writer_test_at`once"
    environment = {**os.environ, "EVENTRAIL_CLICKHOUSE_URL": url}
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "writer", "migrate", env=environment, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(4)
    ]
    outputs = [(await process.communicate())[0].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    assert any("applied: 0001_events" in output for output in outputs)
    client = connect(url)
    found = client.execute("SELECT number, name FROM schema_migrations FINAL ORDER BY number")
    assert found == [(migration.number, migration.name) for migration in migrations()]
    client.execute("DROP DATABASE `writer_test_at\\`once`")
    client.disconnect()
