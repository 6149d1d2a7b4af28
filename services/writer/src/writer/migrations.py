"""`schema/*.sql` are applied in the order of their numbers, once each.

Every statement must be idempotent (`IF NOT EXISTS`): two processes that migrate at the same moment may both run
it. A statement ends with `;` at the end of a line, or with its file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from urllib.parse import unquote, urlsplit, urlunsplit

from clickhouse_driver import Client

from eventrail.clickhouse import connect, reporting
from eventrail.errors import ConfigurationError

_FILE = re.compile(r"(\d{4})_(\w+)\.sql")
_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations
(
    number     UInt32,
    name       String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY number
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of `schema/`: its number, its name, and its statements in their order."""

    number: int
    name: str
    statements: tuple[str, ...]


def migrations() -> list[Migration]:
    """All migrations by number. Raises ConfigurationError for a misnamed file or a number used twice."""
    found = [_migration(file.name, file.read_text("utf-8")) for file in _sql_files()]
    found.sort(key=lambda migration: migration.number)
    numbers = [migration.number for migration in found]
    if len(set(numbers)) != len(numbers):
        raise ConfigurationError(f"schema: a migration number is used twice: {numbers}")
    return found


def _sql_files() -> Iterator[Traversable]:
    return (file for file in files("writer").joinpath("schema").iterdir() if file.name.endswith(".sql"))


def _migration(file_name: str, text: str) -> Migration:
    matched = _FILE.fullmatch(file_name)
    if matched is None:
        raise ConfigurationError(f"schema/{file_name}: expected a name such as 0001_events.sql")
    statements = tuple(
        part.strip() for part in re.split(r";[ \t]*$", text, flags=re.MULTILINE) if part.strip()
    )
    return Migration(int(matched[1]), matched[2], statements)


def split_database(url: str) -> tuple[str, str]:
    """`url` without its database, and the database. Raises ConfigurationError where it names none."""
    parts = urlsplit(url)
    database = unquote(parts.path.lstrip("/"))
    if not database:
        raise ConfigurationError("EVENTRAIL_CLICKHOUSE_URL names no database: add /eventrail at its end")
    return urlunsplit(parts._replace(path="")), database


def migrate(url: str, *, timeout_seconds: float = 60.0) -> list[str]:
    """Create the database of `url` and bring its tables up to date; blocks.

    The names of the migrations that were applied now. Raises ClickHouseUnavailable, ConfigurationError,
    or clickhouse_driver's ServerException where the engine refuses a statement.
    """
    server, database = split_database(url)
    with reporting():
        _execute(server, timeout_seconds, f"CREATE DATABASE IF NOT EXISTS {_quoted(database)}")
        client = connect(url, timeout_seconds=timeout_seconds)
        try:
            return _apply(client)
        finally:
            client.disconnect()


def _execute(url: str, timeout_seconds: float, statement: str) -> None:
    client = connect(url, timeout_seconds=timeout_seconds)
    try:
        client.execute(statement)
    finally:
        client.disconnect()


def _apply(client: Client) -> list[str]:
    client.execute(_LEDGER)
    done = {number for (number,) in client.execute("SELECT number FROM schema_migrations FINAL")}
    applied = []
    for migration in migrations():
        if migration.number not in done:
            for statement in migration.statements:
                client.execute(statement)
            client.execute(
                "INSERT INTO schema_migrations (number, name) VALUES", [(migration.number, migration.name)]
            )
            applied.append(f"{migration.number:04}_{migration.name}")
    return applied


def _quoted(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
