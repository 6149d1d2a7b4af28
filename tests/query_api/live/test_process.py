"""The process itself: a stream ends cleanly with it, and is gone on from at the next one."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from devstack.ports import Address, free_addresses
from devstack.process import Run
from eventrail.contract import topics
from eventrail.contract.codec import enriched_headers, enriched_key
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.kafka.admin import create_topics
from eventrail.kafka.records import producer
from eventrail.settings import KafkaSettings
from tests.query_api.live.conftest import Event, Stream, numbers

pytestmark = pytest.mark.stack


@asynccontextmanager
async def query_api(kafka: str, at: Address, log: Path) -> AsyncIterator[tuple[Run, httpx.AsyncClient]]:
    """A query API over that broker, without ClickHouse."""
    nobody = free_addresses(random.Random()).clickhouse
    environment = {
        **os.environ,
        "EVENTRAIL_QUERY_API_LISTEN": str(at),
        "EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS": kafka,
        "EVENTRAIL_CLICKHOUSE_URL": f"clickhouse://default@{nobody}/x",
    }
    run = await Run.start((sys.executable, "-m", "query_api"), log, environment)
    try:
        async with httpx.AsyncClient(base_url=at.url, timeout=30, trust_env=False) as client:
            await until_alive(client, run)
            yield run, client
    finally:
        await run.kill()


async def until_alive(client: httpx.AsyncClient, run: Run) -> None:
    async with asyncio.timeout(30):
        while True:
            assert run.returncode is None, run.log_end()
            try:
                await client.get("/livez")
            except httpx.TransportError:
                await asyncio.sleep(0.02)
            else:
                return


@asynccontextmanager
async def stream(client: httpx.AsyncClient, website: str, last: str | None = None) -> AsyncIterator[Stream]:
    headers = {"Last-Event-ID": last} if last else {}
    async with client.stream("GET", f"/api/websites/{website}/live", headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        yield Stream(response)


async def put(kafka: str, *events: EnrichedEvent) -> None:
    async with producer(kafka) as sender:
        for one in events:
            headers = enriched_headers(one)
            value = one.SerializeToString()
            await sender.send_and_wait(topics.ENRICHED.name, value, key=enriched_key(one), headers=headers)


async def test_a_restart_in_between_loses_nothing(
    kafka: str, website: str, event: Event, tmp_path: Path
) -> None:
    await create_topics(KafkaSettings(kafka_bootstrap_servers=kafka), topics.ALL)
    at = free_addresses(random.Random()).query_api
    made = [event() for _ in range(9)]
    seen: list[int] = []
    async with query_api(kafka, at, tmp_path / "first.log") as (run, client):
        async with stream(client, website) as first:
            last = await first.begun()
            await put(kafka, *made[:6])
            for _ in range(3):
                message = await first.of("event")
                last = message["id"]
                seen.append(message.json["properties"]["number"])
            os.kill(run.pid, signal.SIGTERM)
            # What is on its way may still come; then the stream ends as a whole, not in the middle of a message.
            with pytest.raises(StopAsyncIteration):
                await first.of("reset")
        async with asyncio.timeout(20):
            assert await run.wait() == 0, run.log_end()
    await put(kafka, *made[6:])
    async with query_api(kafka, at, tmp_path / "second.log") as (run, client):
        async with stream(client, website, last) as again:
            seen += await again.numbers(6)
        assert "eventrail_query_api_live_sent_events_total 6.0" in (await client.get("/metrics")).text
    assert sorted(seen) == numbers(made)
