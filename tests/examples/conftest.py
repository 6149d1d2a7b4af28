"""A broker for the examples alone: they are shown faults, which every writer of a later test would find and reject."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from devstack.single import broker


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    async with broker(tmp_path_factory.mktemp("kafka-of-examples")) as servers:
        yield servers
