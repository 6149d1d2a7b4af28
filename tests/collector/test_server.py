"""The server inside this process: its order of answers, its account of bytes, its end."""

import asyncio
import json
import resource
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest
import pytest_asyncio

from collector.metrics import Metrics
from collector.server import make_admission, raise_open_files, serve
from collector.settings import CollectorSettings

Scope = Any

GET = b"GET /%b HTTP/1.1\r\nhost: x\r\n\r\n"


class Application:
    """Answers a request when it is let; `broken` are those whose body ended in a disconnect."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.seen: list[str] = []
        self.broken: list[str] = []

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        path = scope["path"]
        self.seen.append(path)
        message = await receive()
        while message.get("more_body"):
            message = await receive()
        if message["type"] == "http.disconnect":
            self.broken.append(path)
            return
        await self.let.wait()
        headers = [(b"content-length", str(len(path)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": path.encode()})


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


Start = Callable[..., Any]


@pytest_asyncio.fixture
async def stop() -> asyncio.Event:
    return asyncio.Event()


@pytest_asyncio.fixture
async def start(application: Application, metrics: Metrics, stop: asyncio.Event) -> AsyncIterator[Start]:
    running: list[asyncio.Task[None]] = []

    async def starting(**settings: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        listening = socket.create_server(("127.0.0.1", 0))
        address = listening.getsockname()
        chosen = CollectorSettings(**settings)
        running.append(asyncio.create_task(serve(application, chosen, listening, stop, metrics)))
        return await asyncio.open_connection(*address)

    yield starting
    application.let.set()
    stop.set()
    await asyncio.wait_for(asyncio.gather(*running), 10)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the conditions are plain values
            await asyncio.sleep(0.005)


async def until_refused(host: str, port: int) -> None:
    """Nobody listens there any more."""
    async with asyncio.timeout(5):
        with suppress(ConnectionError):
            while True:
                _, writer = await asyncio.open_connection(host, port)
                writer.close()
                await asyncio.sleep(0.01)


def held(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value("eventrail_collector_received_bytes")


async def test_a_refusal_is_the_last_answer(application: Application, start: Start) -> None:
    reader, writer = await start()
    writer.write(GET % b"1" + GET % b"2" + b"nonsense\r\n\r\n" + GET % b"3")
    await until(lambda: application.seen == ["/1"])
    application.let.set()
    said = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert [said.index(text) for text in (b"/1", b"/2", b"bad_request")] == sorted(
        said.index(text) for text in (b"/1", b"/2", b"bad_request")
    )
    assert application.seen == ["/1", "/2"]


async def test_a_request_whose_body_breaks_is_taken_from_the_application(
    application: Application, start: Start, metrics: Metrics
) -> None:
    reader, writer = await start()
    writer.write(b"POST /1 HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n")
    await until(lambda: application.seen == ["/1"])
    writer.write(b"nonsense\r\n")
    said = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert said.startswith(b"HTTP/1.1 400 ")
    assert json.loads(said.partition(b"\r\n\r\n")[2])["error"]["code"] == "bad_request"
    assert application.broken == ["/1"]
    await until(lambda: held(metrics) == 0)


async def test_bytes_are_held_until_the_answer(
    application: Application, start: Start, metrics: Metrics
) -> None:
    reader, writer = await start()
    for _ in range(3):
        application.let.clear()
        writer.write(b"POST /one HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n" + b"x" * 5000)
        await until(lambda: (held(metrics) or 0) > 9000)
        application.let.set()
        assert (await reader.readuntil(b"/one")).startswith(b"HTTP/1.1 200")
        assert held(metrics) == 0
    # The next head has begun: only what came last is held.
    writer.write(GET % b"two" + b"GET /three")
    await reader.readuntil(b"/two")
    assert held(metrics) == len(GET % b"two" + b"GET /three")
    writer.close()
    await until(lambda: held(metrics) == 0)


async def test_the_stop_answers_and_closes(
    application: Application, start: Start, stop: asyncio.Event
) -> None:
    reader, writer = await start()
    writer.write(GET % b"1")
    await until(lambda: application.seen == ["/1"])
    stop.set()
    await until_refused(*writer.get_extra_info("peername"))
    application.let.set()
    said = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert said.endswith(b"/1")
    assert b"connection: close" in said


async def test_while_it_drains_it_takes_new_connections_and_asks_each_to_go(
    application: Application, metrics: Metrics, stop: asyncio.Event
) -> None:
    application.let.set()
    listening = socket.create_server(("127.0.0.1", 0))
    address = listening.getsockname()
    serving = asyncio.create_task(serve(application, CollectorSettings(), listening, stop, metrics, 1.0))
    kept = await asyncio.open_connection(*address)
    stop.set()
    for reader, writer in (kept, await asyncio.open_connection(*address)):
        writer.write(GET % b"1")
        said = await asyncio.wait_for(reader.read(), 0.9)
        writer.close()
        assert said.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in said
    await asyncio.wait_for(serving, 10)


def test_the_limit_of_open_files_is_raised_to_what_is_allowed() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 1000), hard))
        assert raise_open_files() == min(hard, 65_536)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (min(hard, 65_536), hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_more_connections_than_files_are_not_promised(metrics: Metrics) -> None:
    admission = make_admission(CollectorSettings(connections=10_000_000), metrics)
    assert admission.bounds.most_connections < raise_open_files()
