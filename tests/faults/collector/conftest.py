"""A collector on the session's broker, with short deadlines."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from eventrail.contract import topics
from eventrail.kafka.admin import create_topics
from eventrail.settings import KafkaSettings
from tests.faults.collector.child import Child, collector

HEAD_TIMEOUT = 1.0
BODY_TIMEOUT = 1.5
KEEP_ALIVE = 3


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def broker(kafka: str) -> str:
    await create_topics(KafkaSettings(kafka_bootstrap_servers=kafka), topics.ALL)
    return kafka


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def quick(broker: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Child]:
    """A collector whose deadlines are short enough to be waited for."""
    log = tmp_path_factory.mktemp("attacked") / "collector.log"
    deadlines = {"head_timeout": HEAD_TIMEOUT, "body_timeout": BODY_TIMEOUT, "keep_alive": KEEP_ALIVE}
    async with collector(broker, log, **deadlines) as child:
        yield child
