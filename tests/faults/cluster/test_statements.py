"""The statements for a cluster before the engine: its parser knows them all, and it makes the replicated tables."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from clickhouse_driver import Client

from writer.cluster import Cluster, on_cluster
from writer.migrations import LEDGER, migrations

pytestmark = pytest.mark.stack

STATEMENTS = [LEDGER, *(statement for migration in migrations() for statement in migration.statements)]


@pytest.fixture
def cluster(pair: str) -> Iterator[Cluster]:
    """The cluster with a database of its own."""
    name = f"replicated_{uuid4().hex[:12]}"
    with Client.from_url(pair) as client:
        client.execute(f"CREATE DATABASE {name}")
        yield Cluster("pair", name, "/tables/{shard}/{database}/{table}", "{replica}", "shards: 1x1, 2x1")
        client.execute(f"DROP DATABASE {name}")


def test_the_parser_knows_each_of_them_and_that_it_is_for_the_cluster(pair: str, cluster: Cluster) -> None:
    with Client.from_url(pair) as client:
        for made in (made for statement in STATEMENTS for made in on_cluster(statement, cluster)):
            [(formatted,)] = client.execute("SELECT formatQuery(%(sql)s)", {"sql": made})
            assert re.search(r"ON CLUSTER `?pair`?", formatted), formatted
            [(again,)] = client.execute("SELECT formatQuery(%(sql)s)", {"sql": formatted})
            assert again == formatted


def test_the_engine_makes_the_replicated_tables_twice(pair: str, cluster: Cluster) -> None:
    creating = [statement for statement in STATEMENTS if "CREATE TABLE" in statement]
    with Client.from_url(pair) as client:
        for made in [made for statement in creating for made in on_cluster(statement, cluster)] * 2:
            # The engine has no queue of DDL. Its replicas are read-only, so a table cannot be changed.
            client.execute(made.replace(cluster.clause(), ""))
        found = dict(
            client.execute(
                "SELECT name, engine_full FROM system.tables WHERE database = %(name)s",
                {"name": cluster.database},
            )
        )
    local = {name: engine for name, engine in found.items() if name.endswith("_local")}
    assert len(local) == len(creating) == len(found) - len(local)
    assert all(engine.startswith("Replicated") for engine in local.values())
    assert all(found[name.removesuffix("_local")].startswith("Distributed") for name in local)
