"""A broker, an enricher and a writer for these tests alone, and the command as a person runs it."""

import asyncio
import os
import random
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from devstack.ports import free_addresses
from devstack.single import broker
from eventrail.__main__ import main
from eventrail.clickhouse import connect
from eventrail.contract import topics
from eventrail.kafka.admin import create_topics
from eventrail.kafka.records import producer
from eventrail.settings import KafkaSettings
from tests.enricher.worker_process import Worker
from tests.eventrail.rejected.stack import Said, Stack
from writer.migrations import migrate

Command = Callable[..., Awaitable[Said]]


@pytest.fixture
def website() -> str:
    """A website id that no other test uses."""
    return f"site-{uuid.uuid4().hex[:12]}"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A broker of their own: they replay everything that was rejected."""
    async with broker(tmp_path_factory.mktemp("kafka")) as servers:
        await create_topics(KafkaSettings(kafka_bootstrap_servers=servers), topics.ALL)
        yield servers


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def database(clickhouse: str) -> AsyncIterator[str]:
    """URL of a migrated database."""
    name = f"rejected_{uuid.uuid4().hex[:12]}"
    await asyncio.to_thread(migrate, f"{clickhouse}/{name}")
    yield f"{clickhouse}/{name}"
    client = connect(clickhouse)
    await asyncio.to_thread(client.execute, f"DROP DATABASE {name}")
    client.disconnect()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack(kafka: str, database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    folder = tmp_path_factory.mktemp("rejected")
    worker = Worker(kafka, folder / "enricher.log")
    settings = {
        **os.environ,
        "EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS": kafka,
        "EVENTRAIL_CLICKHOUSE_URL": database,
        "EVENTRAIL_WRITER_LISTEN": str(free_addresses(random.Random()).writer),
        "EVENTRAIL_WRITER_FLUSH_SECONDS": "0.1",
    }
    with (folder / "writer.log").open("w") as log:
        writer = subprocess.Popen(  # noqa: ASYNC220 - it is started, not waited for
            [sys.executable, "-m", "writer"], env=settings, stderr=log
        )
    client = connect(database)
    try:
        await worker.until_ready()
        async with producer(kafka) as sender:
            yield Stack(kafka, database, sender, client)
    finally:
        client.disconnect()
        assert worker.end() == 0, worker.log.read_text()
        writer.terminate()
        assert writer.wait(20) == 0, (folder / "writer.log").read_text()


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """`python -m eventrail rejected` with these words, in this process; `settings` are its environment."""
    monkeypatch.setattr("eventrail.logs.configure", lambda *_: None)  # it is the whole process's

    async def run(*words: str, **settings: str) -> Said:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        status = await asyncio.to_thread(main, ["rejected", *words])
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return run
