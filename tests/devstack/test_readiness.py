import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from devstack.ports import Address, free_addresses
from devstack.readiness import clickhouse_ready, http_ready, kafka_ready


@asynccontextmanager
async def answering(status: str, body: str) -> AsyncIterator[str]:
    """An HTTP server with one answer; yields its URL."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(f"{head}{body}".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    at = free_addresses(random.Random()).collector
    async with await asyncio.start_server(handle, at.host, at.port):
        yield at.url


async def test_a_200_is_a_yes() -> None:
    async with answering("200 OK", "{}") as url:
        assert await http_ready(url)() == ""


async def test_a_503_tells_what_is_waited_for() -> None:
    body = json.dumps({"ready": False, "checks": {"kafka": "no answer", "clickhouse": "ok"}})
    async with answering("503 Service Unavailable", body) as url:
        assert await http_ready(url)() == "kafka: no answer"


@pytest.mark.parametrize("body", ["", "gone", "[]", '{"checks": 3}', '{"checks": {}}'])
async def test_another_answer_is_a_no_with_its_status(body: str) -> None:
    async with answering("503 Service Unavailable", body) as url:
        assert await http_ready(url)() == "/readyz answers 503"


async def test_where_nobody_listens_the_address_is_named() -> None:
    at: Address = free_addresses(random.Random()).kafka
    assert f"no answer from {at.url}/readyz" in await http_ready(at.url)()
    assert f"no answer from the broker at {at}" in await kafka_ready(str(at))()
    assert f"no answer from the engine at {at}" in await clickhouse_ready(at.host, at.port)()


@pytest.mark.stack
async def test_a_running_broker_is_ready(kafka: str) -> None:
    assert await kafka_ready(kafka)() == ""


@pytest.mark.stack
async def test_a_running_engine_is_ready(clickhouse: str) -> None:
    at = Address.parse(clickhouse.rpartition("@")[2])
    assert await clickhouse_ready(at.host, at.port)() == ""
