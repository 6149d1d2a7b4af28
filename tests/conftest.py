"""The embedded broker and engine for tests: each started once, when the first test asks for it."""

import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from devstack import programs
from devstack.ports import Addresses, free_addresses
from devstack.readiness import quiet_client_logs
from devstack.single import running


@pytest.fixture(scope="session")
def stack_addresses() -> Addresses:
    """Free ports below the ephemeral range, for this test session only."""
    return free_addresses(random.Random())


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kafka(stack_addresses: Addresses, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Bootstrap servers of a running broker that creates no topic by itself."""
    quiet_client_logs()
    data = tmp_path_factory.mktemp("kafka")
    addresses = stack_addresses
    program = programs.kafka(addresses.kafka, addresses.kafka_controller, data)
    async with running(program, data / "kafka.log"):
        yield str(program.address)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def clickhouse(
    stack_addresses: Addresses, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[str]:
    """URL of a running engine, without a database: `clickhouse://default@host:port`."""
    data = tmp_path_factory.mktemp("clickhouse")
    program = programs.clickhouse(stack_addresses.clickhouse, data)
    async with running(program, data / "clickhouse.log"):
        yield f"clickhouse://default@{program.address}"
