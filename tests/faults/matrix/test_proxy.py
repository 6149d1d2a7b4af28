"""The proxy does to connections what it says."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest

from devstack.ports import free_addresses
from tests.faults.matrix.proxy import Proxy


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """A proxy in front of a server that answers with what it gets."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(1000):
                writer.write(data)
                await writer.drain()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    addresses = free_addresses(random.Random())
    server = await asyncio.start_server(echo, addresses.kafka.host, addresses.kafka.port)
    made = Proxy(addresses.collector, addresses.kafka)
    await made.start()
    yield made
    await made.close()
    server.close()
    await server.wait_closed()


Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


@pytest.fixture
async def connect(proxy: Proxy) -> AsyncIterator[Connect]:
    opened: list[asyncio.StreamWriter] = []

    async def connected() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(proxy.listen.host, proxy.listen.port)
        opened.append(writer)
        return reader, writer

    yield connected
    for writer in opened:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def test_it_passes_on(connect: Connect) -> None:
    reader, writer = await connect()
    writer.write(b"there and back")
    assert await reader.readexactly(14) == b"there and back"


async def test_a_cut_resets_what_is_open_and_refuses_what_comes_until_it_is_mended(
    proxy: Proxy, connect: Connect
) -> None:
    reader, writer = await connect()
    writer.write(b"x")
    await reader.readexactly(1)
    await proxy.cut()
    with suppress(ConnectionResetError):
        assert await reader.read() == b""
    with pytest.raises(ConnectionRefusedError):
        await connect()
    await proxy.mend()
    reader, writer = await connect()
    writer.write(b"again")
    assert await reader.readexactly(5) == b"again"


async def test_what_is_held_comes_when_it_is_mended(proxy: Proxy, connect: Connect) -> None:
    reader, writer = await connect()
    proxy.hold()
    writer.write(b"late")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.2)
    await proxy.mend()
    assert await reader.readexactly(4) == b"late"


async def test_a_truncated_chunk_ends_its_connection(proxy: Proxy, connect: Connect) -> None:
    reader, writer = await connect()
    writer.write(b"x")
    await reader.readexactly(1)
    proxy.truncate(3)
    writer.write(b"123456")
    with suppress(ConnectionResetError):
        # What was let through may or may not find its way back before the end.
        assert await asyncio.wait_for(reader.read(), 5) in (b"", b"123")
