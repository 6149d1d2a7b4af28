"""The load generator against a small server that answers as it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from benchmarks.load import Order, send

pytestmark = pytest.mark.slow

ANSWER = b"HTTP/1.1 %d OK\r\nContent-Length: 2\r\n\r\n{}"


@asynccontextmanager
async def server(*, status: int = 202, stall: tuple[int, float] = (0, 0.0)) -> AsyncIterator[int]:
    """Its port; all requests from number `stall[0]` on wait until it has stood still for `stall[1]` seconds."""
    count = 0
    still = asyncio.Lock()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.rsplit(b"Content-Length: ", 1)[1]))
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            count += 1
            async with still:
                if stall[1] and count == stall[0]:
                    await asyncio.sleep(stall[1])
            writer.write(ANSWER % status)
        writer.close()

    serving = await asyncio.start_server(serve, "127.0.0.1")
    async with serving:
        yield serving.sockets[0].getsockname()[1]


async def test_a_closed_loop_counts_what_was_answered_in_the_measured_time() -> None:
    async with server() as port:
        sent = await send(Order("127.0.0.1", port, 1, seconds=0.5, connections=4, warm_seconds=0.1))
    assert sent.requests == sum(sent.statuses.values()) == sent.statuses["202"] > 100
    assert sum(sent.all_statuses.values()) > sent.requests
    assert sent.per_second == sent.requests / 0.5
    assert sent.refused == 0
    assert 0 < sent.latency_ms["p50"] <= sent.latency_ms["p99"] <= sent.latency_ms["max"]


async def test_an_open_loop_sends_at_its_rate() -> None:
    async with server() as port:
        sent = await send(Order("127.0.0.1", port, 1, seconds=1.0, rate=200, connections=8, warm_seconds=0.2))
    assert sent.requests == pytest.approx(200, abs=2)


async def test_a_server_that_stands_still_is_charged_for_all_that_was_due_meanwhile() -> None:
    """No coordinated omission: the open loop sees a fifth of all requests wait, the closed one only its connections."""
    async with server(stall=(100, 0.4)) as port:
        opened = await send(Order("127.0.0.1", port, 1, seconds=2.0, rate=200, connections=2, warm_seconds=0))
    assert opened.requests == pytest.approx(400, abs=4)
    assert opened.latency_ms["p90"] > 100
    async with server(stall=(100, 0.4)) as port:
        closed = await send(Order("127.0.0.1", port, 1, seconds=1.0, connections=2, warm_seconds=0))
    assert closed.latency_ms["p99"] < 100 < closed.latency_ms["max"]


async def test_refusals_are_counted() -> None:
    async with server(status=503) as port:
        sent = await send(Order("127.0.0.1", port, 1, seconds=0.2, connections=2, warm_seconds=0))
    assert sent.per_second == 0
    assert sent.refused == sum(sent.all_statuses.values()) > 0


async def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(RuntimeError, match="ConnectionRefused"):
        await send(Order("127.0.0.1", 1, 1, seconds=0.1))
