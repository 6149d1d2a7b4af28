"""A close that lets the answer arrive, over real sockets."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from collector import lingering
from collector.lingering import LingeringTransport


class Server(asyncio.Protocol):
    """Keeps its transport, and what came in."""

    def __init__(self) -> None:
        self.made: asyncio.Future[LingeringTransport] = asyncio.get_running_loop().create_future()
        self.gone = asyncio.Event()
        self.received = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.made.set_result(LingeringTransport(transport, asyncio.get_running_loop()))

    def data_received(self, data: bytes) -> None:
        self.received += len(data)

    def eof_received(self) -> bool:
        self.made.result().ended()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.made.result().lost()
        self.gone.set()


Pair = tuple[Server, LingeringTransport, asyncio.StreamReader, asyncio.StreamWriter]


@pytest_asyncio.fixture
async def pair() -> AsyncIterator[Pair]:
    protocol = Server()
    server = await asyncio.get_running_loop().create_server(lambda: protocol, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    yield protocol, await protocol.made, reader, writer
    writer.transport.abort()
    server.close()
    await asyncio.wait_for(protocol.gone.wait(), 5)


async def test_an_answer_arrives_though_the_client_goes_on_sending(pair: Pair) -> None:
    protocol, transport, reader, writer = pair
    writer.write(b"x" * 1_000_000)
    transport.pause_reading()
    transport.write(b"answer")
    transport.close()
    assert transport.is_closing()
    assert await reader.read() == b"answer"
    await writer.drain()
    writer.write_eof()
    await asyncio.wait_for(protocol.gone.wait(), 1)
    assert protocol.received == 1_000_000


async def test_a_client_that_never_closes_is_cut_off(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lingering, "LINGER_SECONDS", 0.1)
    protocol, transport, reader, _ = pair
    transport.close()
    assert await reader.read() == b""
    assert not protocol.gone.is_set()
    await asyncio.wait_for(protocol.gone.wait(), 5)


async def test_after_the_client_closed_nothing_lingers(pair: Pair) -> None:
    protocol, transport, reader, writer = pair
    transport.write(b"answer")
    writer.write_eof()
    transport.close()
    transport.close()
    assert await reader.read() == b"answer"
    await asyncio.wait_for(protocol.gone.wait(), 1)


async def test_at_once_means_at_once(pair: Pair) -> None:
    protocol, transport, _, _ = pair
    transport.close_at_once()
    await asyncio.wait_for(protocol.gone.wait(), 1)
