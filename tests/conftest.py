"""The embedded broker and engine for tests: each started once, when the first test asks for it."""

import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import settings

from devstack import programs
from devstack.ports import free_addresses
from devstack.single import broker, running
from tests.faults.once.guard import watching

# The whole river is one for all folders that ask for it.
pytest_plugins = ["tests.pipeline.running"]

# For `./dev test unit`, which is run after each change; `./dev test` looks further.
settings.register_profile("quick", max_examples=30, deadline=None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--containers",
        action="store_true",
        help="run the tests of the whole river, and no others, with Kafka and ClickHouse in containers",
    )


@pytest.fixture(scope="session", autouse=True)
def once() -> Iterator[None]:
    """No service reads the table `events` around the one place, whichever test makes it do so."""
    with watching():
        yield


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Bootstrap servers of a running broker that creates no topic by itself.

    It is shared: what a test leaves on the topics is there for the others.
    """
    async with broker(tmp_path_factory.mktemp("kafka")) as servers:
        yield servers


@pytest.fixture(scope="session")
def backups(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the engine may write its own backups: `BACKUP ... TO File('{backups}/name')`."""
    return tmp_path_factory.mktemp("backups")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def clickhouse(tmp_path_factory: pytest.TempPathFactory, backups: Path) -> AsyncIterator[str]:
    """URL of a running engine, without a database: `clickhouse://default@host:port`."""
    data = tmp_path_factory.mktemp("clickhouse")
    config = data / "config.xml"
    config.write_text(
        f"<clickhouse><backups><allowed_path>{backups}</allowed_path></backups></clickhouse>", "utf-8"
    )
    program = programs.clickhouse(free_addresses(random.Random()).clickhouse, data, config)
    async with running(program, data / "clickhouse.log"):
        yield f"clickhouse://default@{program.address}"
