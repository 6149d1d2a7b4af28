"""Two shards in one engine: the real Distributed over a cluster whose two shards are both this process.

The embedded engine has no Keeper that lives longer than a statement and no DDL queue, so `ON CLUSTER` and `Replicated`
are taken out of the statements; everything else is what `migrate` says. Both shards have the same local tables: a
filter lets each see only the rows whose sharding key makes them its own.
"""

import random
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote
from uuid import uuid4

import pytest
import pytest_asyncio
from clickhouse_driver import Client

from devstack.ports import free_addresses
from devstack.programs import clickhouse as engine_program
from devstack.single import running
from writer import migrations
from writer.cluster import Cluster, local_name, on_cluster
from writer.settings import ClusterSettings

SHARDS = 2
_SHARD = "<shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard>"
CONFIG = f"""
<clickhouse>
    <tcp_port>9000</tcp_port>
    <zookeeper><implementation>testkeeper</implementation></zookeeper>
    <macros><shard>1</shard><replica>1</replica></macros>
    <remote_servers><pair>{_SHARD * SHARDS}</pair></remote_servers>
</clickhouse>
"""
SETTINGS = ClusterSettings(cluster="pair")
_KEY = re.compile(r"(cityHash64\(.*\))\)$")
_WINDOW = re.compile(r"(non_replicated_deduplication_window) = \d+")
_REPLICATED = re.compile(r"Replicated(\w*MergeTree)\('[^']*', '[^']*'(?:, )?")


def without_keeper(statement: str, cluster: Cluster) -> list[str]:
    """What `migrate` would send, for an engine that has neither Keeper nor other servers.

    Both shards write into one table, so the block of the second must not be taken for a repetition of the first.
    """
    made = on_cluster(statement, cluster)
    return [
        _WINDOW.sub(r"\1 = 0", _REPLICATED.sub(r"\1(", one)).replace(cluster.clause(), "") for one in made
    ]


def pretend(monkeypatch: pytest.MonkeyPatch) -> None:
    """`migrate` makes the cluster of this engine alone."""
    monkeypatch.setattr(migrations, "on_cluster", without_keeper)
    monkeypatch.setattr(migrations, "_on_all_servers", lambda _cluster: "")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """URL of an engine that knows the cluster `pair`, without a database."""
    data = tmp_path_factory.mktemp("pair")
    config = data / "config.xml"
    config.write_text(CONFIG)
    program = engine_program(free_addresses(random.Random()).clickhouse, data, config)
    async with running(program, data / "clickhouse.log"):
        yield f"clickhouse://default@{program.address}"


@dataclass(frozen=True)
class Sharded:
    """A database on the cluster; whoever uses `url` sees two shards."""

    name: str
    url: str


@contextmanager
def made(server: str) -> Iterator[Sharded]:
    """A migrated database of its own on two shards."""
    name = f"shards_{uuid4().hex[:12]}"
    with pytest.MonkeyPatch.context() as patched:
        pretend(patched)
        migrations.migrate(f"{server}/{name}", SETTINGS)
    with Client.from_url(f"{server}/{name}") as client:
        yield Sharded(name, f"{server}/{name}?additional_table_filters={quote(filters(client, name))}")
        client.execute(f"DROP DATABASE {name}")


@pytest.fixture(scope="session")
def sharded(pair: str) -> Iterator[Sharded]:
    """A database on two shards that all tests share."""
    with made(pair) as database:
        yield database


@pytest.fixture
def sharded_alone(pair: str) -> Iterator[Sharded]:
    """A database on two shards that no other test sees."""
    with made(pair) as database:
        yield database


@pytest.fixture(scope="session")
def single(pair: str) -> Iterator[str]:
    """URL of a migrated database without shards that all tests share."""
    name = f"single_{uuid4().hex[:12]}"
    migrations.migrate(f"{pair}/{name}")
    yield f"{pair}/{name}"
    with Client.from_url(pair) as client:
        client.execute(f"DROP DATABASE {name}")


def filters(client: Client, database: str) -> str:
    """A value of `additional_table_filters` by which each shard sees its own rows only."""
    tables = client.execute(
        "SELECT name, engine_full FROM system.tables WHERE database = %(name)s AND engine = 'Distributed'",
        {"name": database},
    )
    keys = {name: _KEY.search(engine)[1] for name, engine in tables}  # type: ignore[index]
    pairs = (
        f"'{database}.{local_name(name)}': '{key} % {SHARDS} = shardNum() - 1'" for name, key in keys.items()
    )
    return "{" + ", ".join(pairs) + "}"
