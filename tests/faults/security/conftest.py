"""One broker with TLS and users, and one engine with users, for all tests of this folder."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from eventrail.contract import topics
from eventrail.kafka.acl_admin import apply_acls
from eventrail.kafka.admin import create_topics
from eventrail.settings import KafkaSettings
from tests.faults.security.broker import SecureBroker, secure_broker
from tests.faults.security.engine import SecureEngine, secure_engine


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def secure(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SecureBroker]:
    """A broker with TLS, users, their rights and all topics."""
    async with secure_broker(tmp_path_factory.mktemp("secure-kafka")) as broker:
        settings = KafkaSettings(kafka_bootstrap_servers=broker.plain, topic_partitions=2)
        await apply_acls(settings)
        await create_topics(settings, topics.ALL)
        yield broker


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SecureEngine]:
    """An engine with TLS and users."""
    async with secure_engine(tmp_path_factory.mktemp("secure-clickhouse")) as running:
        yield running
