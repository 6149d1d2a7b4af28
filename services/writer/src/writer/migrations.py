"""`schema/*.sql` are applied in the order of their numbers, once each.

Every statement must be idempotent (`IF NOT EXISTS`): two processes that migrate at the same moment may both run
it. A statement ends with `;` at the end of a line, or with its file. On a cluster each becomes what `writer.cluster`
makes of it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

from clickhouse_driver import Client

from eventrail.clickhouse import connect, reporting
from eventrail.errors import ConfigurationError
from writer.cluster import Cluster, local_name, on_cluster, quoted
from writer.settings import ClusterSettings

T = TypeVar("T")

_FILE = re.compile(r"(\d{4})_(\w+)\.sql")
LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations
(
    number     UInt32,
    name       String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY number
"""

_SHARDS = """
SELECT DISTINCT shard_num, shard_weight FROM system.clusters WHERE cluster = %(name)s ORDER BY shard_num
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


def migrate(url: str, cluster: ClusterSettings | None = None, *, timeout_seconds: float = 200.0) -> list[str]:
    """Bring the database of `url` and its tables up to date; blocks. Where `cluster` names one, on all its servers.

    The names of the migrations that were applied now. Raises ClickHouseUnavailable, ConfigurationError,
    or clickhouse_driver's ServerException where the engine refuses a statement.
    """
    server, database = split_database(url)
    with reporting():
        chosen = _on_server(server, timeout_seconds, lambda client: _make_database(client, database, cluster))
        return _on_server(url, timeout_seconds, lambda client: _apply(client, chosen))


def _on_server(url: str, timeout_seconds: float, work: Callable[[Client], T]) -> T:
    client = connect(url, timeout_seconds=timeout_seconds)
    try:
        return work(client)
    finally:
        client.disconnect()


def _make_database(client: Client, database: str, settings: ClusterSettings | None) -> Cluster | None:
    """Returns the cluster that it is on."""
    chosen = None
    if settings is not None and settings.cluster:
        chosen = Cluster(
            settings.cluster,
            database,
            settings.replica_path,
            settings.replica_name,
            _shards(client, settings.cluster),
        )
    clause = _on_all_servers(chosen) if chosen else ""
    client.execute(f"CREATE DATABASE IF NOT EXISTS {quoted(database)} {clause}")
    return chosen


def _on_all_servers(cluster: Cluster) -> str:
    return cluster.clause()


def _shards(client: Client, name: str) -> str:
    """How the cluster is cut: `1x1, 2x1` are two shards of weight 1."""
    found = client.execute(_SHARDS, {"name": name})
    if not found:
        raise ConfigurationError(
            f"EVENTRAIL_CLICKHOUSE_CLUSTER={name}: the server has no such cluster in its remote_servers"
            " (or shows none to this user: GRANT SELECT ON system.clusters)"
        )
    return "shards: " + ", ".join(f"{number}x{weight}" for number, weight in found)


def _apply(client: Client, cluster: Cluster | None) -> list[str]:
    _check_kind(client, cluster)
    _run(client, LEDGER, cluster)
    done = {number for (number,) in client.execute("SELECT number FROM schema_migrations FINAL")}
    applied = []
    for migration in migrations():
        if migration.number not in done:
            for statement in migration.statements:
                _run(client, statement, cluster)
            client.execute(
                "INSERT INTO schema_migrations (number, name) VALUES", [(migration.number, migration.name)]
            )
            applied.append(f"{migration.number:04}_{migration.name}")
    return applied


def _run(client: Client, statement: str, cluster: Cluster | None) -> None:
    for one in on_cluster(statement, cluster) if cluster else [statement]:
        client.execute(one)


def _check_kind(client: Client, cluster: Cluster | None) -> None:
    """Raise ConfigurationError where the tables that are there were made in another way."""
    found = client.execute(
        "SELECT name, engine, comment FROM system.tables WHERE database = currentDatabase()"
        " AND name IN ('schema_migrations', 'events')"
    )
    for name, engine, comment in found:
        _check_table(name, engine, comment, cluster)


def _check_table(name: str, engine: str, comment: str, cluster: Cluster | None) -> None:
    distributed = engine == "Distributed"
    if distributed and cluster is None:
        raise ConfigurationError(
            f"table {name} is on a cluster: set EVENTRAIL_CLICKHOUSE_CLUSTER to its name"
        )
    if cluster is None:
        return
    if not distributed:
        raise ConfigurationError(
            f"table {name} has engine {engine} and is on this server alone; a cluster begins with an empty database"
            f" and gets the events from there (docs/clusters.md); {local_name(name)} would be its name there"
        )
    if comment != cluster.shards:
        raise ConfigurationError(
            f"the cluster {cluster.name} has {cluster.shards or 'no shards'}, but the tables were made for"
            f" {comment or 'another'}: copies of an event would no longer meet on one shard (docs/clusters.md)"
        )
