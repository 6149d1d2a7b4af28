"""Many connections: they cost little, rest in peace, and never keep a good client out."""

import asyncio
import json
import os
import resource
import socket
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from devstack.ports import Address
from tests.faults.collector.child import EVENT, Child, collector
from tests.faults.collector.wire import Answer, get, parse, post, talk

pytestmark = pytest.mark.stack

IDLE = 10_000


@contextmanager
def many_files(wanted: int) -> Iterator[None]:
    """Let this process open so many files."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[0] < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@asynccontextmanager
async def connections(address: Address, count: int, data: bytes = b"") -> AsyncIterator[list[socket.socket]]:
    """`count` plain connections, each with `data` sent."""
    loop = asyncio.get_running_loop()
    made: list[socket.socket] = []
    try:
        for _ in range(count):
            made.append(socket.socket())
            made[-1].setblocking(False)
            await loop.sock_connect(made[-1], (address.host, address.port))
            if data:
                await loop.sock_sendall(made[-1], data)
        yield made
    finally:
        for connection in made:
            connection.close()


async def reply(connection: socket.socket) -> list[Answer]:
    """What the server says on a connection until it closes it."""
    loop = asyncio.get_running_loop()
    pieces: list[bytes] = []
    async with asyncio.timeout(10):
        while piece := await loop.sock_recv(connection, 65_536):
            pieces.append(piece)
    return list(parse(b"".join(pieces)))


async def asks(connection: socket.socket) -> None:
    """The connection is served."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connection, get())
    assert (await loop.sock_recv(connection, 65_536)).startswith(b"HTTP/1.1 200")


async def latencies(child: Child, count: int) -> list[float]:
    """Milliseconds from sending an event to its 202, one after the other."""
    took = []
    for _ in range(count):
        began = time.perf_counter()
        assert (await child.http.post("/e", json=EVENT)).status_code == 202
        took.append((time.perf_counter() - began) * 1000)
    return sorted(took)


async def until_connections(child: Child, count: int) -> None:
    async with asyncio.timeout(60):
        while await child.metric("eventrail_collector_connections") != count:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_ten_thousand_idle_connections_do_not_hurt(broker: str, tmp_path: Path) -> None:
    with many_files(IDLE + 500):
        async with AsyncExitStack() as stack:
            log = tmp_path / "collector.log"
            child = await stack.enter_async_context(collector(broker, log, keep_alive=20))
            await latencies(child, 200)
            rss, alone = child.rss_mib(), await latencies(child, 200)
            await stack.enter_async_context(connections(child.address, IDLE))
            await until_connections(child, IDLE + 1)
            crowded_rss, crowded = child.rss_mib(), await latencies(child, 200)
            each = (crowded_rss - rss) * 1024 / IDLE
            print(  # noqa: T201 - the figures of docs/collector-under-load.md
                f"\nidle connections {IDLE:,}: {rss:.0f} -> {crowded_rss:.0f} MiB, {each:.1f} KiB each; "
                f"p50 {statistics.median(alone):.1f} -> {statistics.median(crowded):.1f} ms, "
                f"p99 {alone[-2]:.1f} -> {crowded[-2]:.1f} ms"
            )
            assert each < 16
            await until_connections(child, 1)
            assert (await child.http.get("/livez")).status_code == 200


async def test_beyond_the_bound_the_longest_idle_gives_way(broker: str, tmp_path: Path) -> None:
    async with collector(broker, tmp_path / "collector.log", connections=50) as child:
        await child.http.aclose()
        async with connections(child.address, 50) as idle:
            # The second one is not idle longest any more.
            await asks(idle[1])
            async with connections(child.address, 3):
                for gone in (idle[0], idle[2], idle[3]):
                    assert await reply(gone) == []
                await asks(idle[1])


async def test_where_all_are_busy_a_new_one_is_told_so(broker: str, tmp_path: Path) -> None:
    async with collector(broker, tmp_path / "collector.log", connections=50, head_timeout=5) as child:
        await child.http.aclose()
        async with connections(child.address, 50, b"POST /e HTTP/1.1\r\n"):
            (answer,) = await talk(child.address, post(json.dumps(EVENT).encode()))
            assert (answer.status, answer.code) == (503, "unavailable")
            assert (answer.headers["retry-after"], answer.headers["connection"]) == ("1", "close")
            # Answers wait up to two seconds for their readers; where even those are too many, they are cut.
            async with connections(child.address, 100) as more:
                assert [answer.status for answer in await reply(more[0])] == [503]
                assert await reply(more[-1]) == []
        assert await child.metric_anew('eventrail_collector_connections_closed_total{reason="crowded"}') > 30


async def test_bytes_of_unanswered_requests_are_bounded(broker: str, tmp_path: Path) -> None:
    mib = 1024 * 1024
    settings = {"received_bytes": mib, "body_timeout": 3, "head_timeout": 3}
    async with collector(broker, tmp_path / "collector.log", **settings) as child:
        part = post(b" " * 90_000, length=100_000)
        async with connections(child.address, 20, part) as clients:
            answers = await asyncio.gather(*(reply(client) for client in clients))
            codes = [str(answer.code) for (answer,) in answers]
            assert sorted(set(codes)) == ["request_timeout", "unavailable"]
            assert mib // 100_000 - 1 <= codes.count("request_timeout") <= mib // 90_000
        assert (await child.http.post("/e", json=EVENT)).status_code == 202
        assert await child.metric("eventrail_collector_received_bytes") < 10_000


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="limits of another process are set on Linux only")
async def test_the_limit_of_open_files_lowers_the_bound(broker: str, tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with collector(broker, tmp_path / "collector.log", connections=before[1]) as child:
        assert '"connections": ' in child.log()
        assert "raise the limit of open files" in child.log()
