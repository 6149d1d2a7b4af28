"""The short way of requests that arrived whole, beside the long way of the others."""

import asyncio
import gzip
import json
import socket
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
import pytest_asyncio

from collector.answers import Answer
from collector.app import Application
from collector.metrics import Metrics
from collector.server import serve
from collector.settings import CollectorSettings
from collector.sinks import Placed, Published
from collector.sinks.memory import MemorySink

EVENT = {
    "website_id": "shop",
    "type": "event",
    "event_name": "a",
    "event_id": "9f0c1c1e-52b5-4a9f-8a3c-0d8a3b1c2d3e",
    "timestamp": 1_770_000_000_000,
}
BODY = json.dumps(EVENT).encode()
HEALTH = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"
NONSENSE = b"nonsense\r\n\r\n"


def post(
    body: bytes = BODY, *headers: bytes, path: bytes = b"/api/collect", version: bytes = b"1.1"
) -> bytes:
    head = b"POST %b HTTP/%b\r\nhost: x\r\ncontent-length: %d\r\n" % (path, version, len(body))
    return head + b"".join(b"%b\r\n" % header for header in headers) + b"\r\n" + body


class Ways:
    """The application, which counts the requests on each way."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self.long = self.short = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.long += 1
        await self._app(scope, receive, send)

    def takes(self, method: bytes, url: bytes) -> bool:
        return self._app.hot.takes(method, url)

    def serve(self, host: str | None, headers: Any, body: bytes, answered: Callable[[Answer], None]) -> None:
        self.short += 1
        self._app.hot.serve(host, headers, body, answered)


class HeldSink(MemorySink):
    """Tells of a fate only while it is let."""

    def __init__(self) -> None:
        super().__init__(partitions=3)
        self.let = asyncio.Event()
        self.let.set()

    async def publish(self, events: Sequence[Placed]) -> Published:
        await self.let.wait()
        return await super().publish(events)


@pytest.fixture
def sink() -> HeldSink:
    return HeldSink()


@pytest.fixture
def settings() -> CollectorSettings:
    return CollectorSettings(keep_alive=1)


@pytest.fixture
def ways(app: Application) -> Ways:
    return Ways(app)


@pytest_asyncio.fixture
async def stop() -> asyncio.Event:
    return asyncio.Event()


Address = tuple[str, int]


@pytest_asyncio.fixture
async def door(
    ways: Ways, settings: CollectorSettings, metrics: Metrics, stop: asyncio.Event
) -> AsyncIterator[Address]:
    listening = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(serve(ways, settings, listening, stop, metrics, short_way=ways))
    yield listening.getsockname()
    stop.set()
    await asyncio.wait_for(serving, 10)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the conditions are plain values
            await asyncio.sleep(0.002)


async def said_to(door: Address, *pieces: bytes, after: Callable[[], object] = lambda: True) -> bytes:
    """All that is answered to `pieces`, the second one sent when `after` holds, until the connection ends."""
    reader, writer = await asyncio.open_connection(*door)
    writer.write(pieces[0])
    await until(after)
    for piece in pieces[1:]:
        writer.write(piece)
    writer.write_eof()
    said = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return said


def parsed(said: bytes) -> tuple[bytes, set[bytes], Any]:
    """Status line, headers and body without what changes, or tells that there was no need to read on."""
    head, _, body = said.partition(b"\r\n\r\n")
    first, *headers = head.split(b"\r\n")
    told = json.loads(body)
    told.pop("token", None)
    told["event_ids"] = len(told.get("event_ids", ()))
    return (
        first,
        {header for header in headers if not header.startswith((b"date", b"content-length", b"connection"))},
        told,
    )


def held(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value("eventrail_collector_received_bytes")


@pytest.mark.parametrize(
    "request_",
    [
        post(),
        post(json.dumps([EVENT, EVENT | {"event_name": ""}]).encode(), path=b"/e"),
        post(json.dumps(EVENT | {"misspelt": 1, "timestamp": 5}).encode(), b"user-agent: x", b"dnt: 1"),
        post(BODY, b"Origin: https://shop.example", b"Content-Type: text/plain"),
        post(BODY, b"origin: not an origin"),
        post(b"{", b"origin: https://shop.example"),
        post(BODY, b"content-type: image/png"),
        post(gzip.compress(BODY, mtime=0), b"content-encoding: gzip"),
        post(b"not gzip", b"content-encoding: gzip"),
        post(b" " * 102_401),
        post(BODY, b"connection: close"),
        post(BODY, version=b"1.0"),
        post(BODY, b"upgrade: h2c", b"connection: upgrade"),
        post(BODY, *[b"x-%d: y" % number for number in range(98)]),
    ],
)
async def test_both_ways_lead_to_the_same_answer(door: Address, ways: Ways, request_: bytes) -> None:
    whole = await said_to(door, request_)
    assert (ways.short, ways.long) == (1, 0)
    in_pieces = await said_to(door, request_[:-1], request_[-1:], after=lambda: ways.long == 1)
    assert parsed(whole) == parsed(in_pieces)


async def test_what_arrives_whole_goes_the_short_way_and_the_rest_the_long_one(
    door: Address, ways: Ways
) -> None:
    await said_to(door, post())
    assert (ways.short, ways.long) == (1, 0)
    await said_to(door, post(BODY[:-1])[: -len(BODY) + 1], BODY[-1:], after=lambda: ways.long == 1)
    assert (ways.short, ways.long) == (1, 1)
    for other in (HEALTH, post(path=b"/e?x=1"), post(BODY, b"expect: 100-continue")):
        await said_to(door, other)
    assert (ways.short, ways.long) == (1, 4)


async def test_answers_keep_the_order_of_requests_on_either_way(
    door: Address, ways: Ways, sink: HeldSink, metrics: Metrics
) -> None:
    sink.let.clear()
    sending = asyncio.create_task(
        said_to(door, post() + HEALTH + post(b"{") + post(), after=lambda: ways.short == 1)
    )
    await until(lambda: ways.short == 1)
    sink.let.set()
    said = await sending
    marks = [said.index(mark) for mark in (b'"accepted"', b'"alive"', b"invalid_json")]
    assert marks == sorted(marks)
    assert said.count(b'"accepted"') == 2
    await until(lambda: held(metrics) == 0)


async def test_answers_at_once_keep_the_order_too(door: Address, metrics: Metrics) -> None:
    said = await said_to(door, post(b"{") + HEALTH + post(b"[]") + NONSENSE + post())
    marks = [said.index(mark) for mark in (b"invalid_json", b'"alive"', b"is empty", b"bad_request")]
    assert marks == sorted(marks)
    assert b"accepted" not in said
    await until(lambda: held(metrics) == 0)


async def test_after_a_close_nothing_more_is_taken(door: Address, sink: HeldSink) -> None:
    said = await said_to(door, post(b"{", b"connection: close") + post())
    assert said.count(b"HTTP/1.1 ") == 1
    assert not sink.chunks


class TestOneConnection:
    @pytest.fixture
    def settings(self) -> CollectorSettings:
        return CollectorSettings(connections=1)

    async def test_a_connection_whose_request_waits_does_not_rest_and_so_gives_no_way(
        self, door: Address, sink: HeldSink
    ) -> None:
        sink.let.clear()
        reader, writer = await asyncio.open_connection(*door)
        writer.write(post(b"{") + post())
        await reader.readuntil(b'"rejected":[]}')
        assert b"too many connections" in await said_to(door, post())
        sink.let.set()
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 202")
        writer.close()


async def test_an_idle_connection_is_closed_in_time_however_many_requests_it_had(door: Address) -> None:
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection(*door)
    ended = loop.time()
    for _ in range(5):
        writer.write(post(b"{"))
        await reader.readuntil(b'"rejected":[]}')
        ended = loop.time()
    assert await asyncio.wait_for(reader.read(), 5) == b""
    assert 0.9 <= loop.time() - ended < 3
    writer.close()


async def test_a_client_that_left_costs_nothing(
    door: Address, ways: Ways, sink: HeldSink, metrics: Metrics
) -> None:
    sink.let.clear()
    _, writer = await asyncio.open_connection(*door)
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, no end
    writer.write(post())
    await until(lambda: ways.short == 1)
    writer.transport.abort()
    await until(lambda: held(metrics) == 0)
    sink.let.set()
    await until(lambda: sink.chunks)
    assert metrics.registry.get_sample_value("eventrail_collector_requests_in_flight") == 0


async def test_while_it_drains_an_answer_asks_to_go(door: Address, stop: asyncio.Event) -> None:
    reader, writer = await asyncio.open_connection(*door)
    writer.write(post())
    assert b"connection: close" not in await reader.readuntil(b"\r\n\r\n")
    await reader.readuntil(b'"rejected":[]}')
    stop.set()
    await asyncio.sleep(0)
    writer.write(post())
    assert b"connection: close" in await asyncio.wait_for(reader.read(), 5)
    writer.close()
