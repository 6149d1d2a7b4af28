"""The real collector's application behind real sockets, in a thread, on a good or a bad day."""

import asyncio
import json
import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from typing import Any

import httpx

from collector.app import make_app, make_health, make_intake
from collector.metrics import Metrics
from collector.settings import CollectorSettings
from collector.sinks.memory import MemorySink
from eventrail.clock import SystemClock
from eventrail.contract.codec import decode_raw
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.websites import Websites

KEYS = {"k1": b"k" * 32}


class Fault(Enum):
    """What happens to a request."""

    UNREACHED = auto()
    """The connection ends before the collector has seen it."""

    UNHEARD = auto()
    """The collector took it, and the connection ends before the answer."""

    SILENT = auto()
    """The collector took it, and nothing comes back until the client hangs up."""

    PORTAL = auto()
    """Something else answers, with a page and 200."""

    BUSY = auto()
    """503 that names no event, with `Retry-After: 1`."""


class FaultyCollector:
    """Answers with `faults` first, one a request, and as the collector then; `partitions` may be made to fail."""

    def __init__(self, settings: CollectorSettings, websites: Websites | None) -> None:
        self.faults: deque[Fault] = deque()
        self.bodies: list[list[dict[str, Any]]] = []
        self.sink = MemorySink(partitions=3)
        self.silent = threading.Event()
        intake = make_intake(b"s" * 32, KEYS, settings, websites=websites)
        health = make_health(self.sink, lambda: None)
        self._app = make_app(settings, intake, self.sink, health, Metrics(), SystemClock())
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._thread.start()
        assert self._started.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._loop.close()

    def stored(self) -> list[RawEvent]:
        """What stands on the topic, in no order."""
        return [
            event for chunks in self.sink.chunks.values() for chunk in chunks for event in decode_raw(chunk)
        ]

    def tries(self) -> dict[str, int]:
        """How often the collector or a fault has seen each event id."""
        return dict(Counter(member["event_id"] for body in self.bodies for member in body))

    async def _serve(self) -> None:
        transport = httpx.ASGITransport(self._app, client=("203.0.113.7", 40_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://collector") as app:
            self._http = app
            server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
            self._started.set()
            await self._stop.wait()
            server.close()
            connections = asyncio.all_tasks() - {asyncio.current_task()}
            for connection in connections:
                connection.cancel()
            await asyncio.gather(*connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while answer := await self._answer(reader):
                writer.write(answer)
                await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        """What goes back; nothing where the connection shall end."""
        head = await reader.readuntil(b"\r\n\r\n")
        lines = [line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2]]
        headers = {name.decode().lower(): value.decode() for name, value in lines}
        body = await reader.readexactly(int(headers["content-length"]))
        fault = self.faults.popleft() if self.faults else None
        self.bodies.append(json.loads(body))
        if fault is None:
            return await self._collect(body, headers)
        if fault in (Fault.UNHEARD, Fault.SILENT):
            await self._collect(body, headers)
        if fault is Fault.SILENT:
            self.silent.set()
            await reader.read()
        return INSTEAD.get(fault, b"")

    async def _collect(self, body: bytes, headers: dict[str, str]) -> bytes:
        answer = await self._http.post("/api/collect", content=body, headers=headers)
        passed = {name: answer.headers[name] for name in ("retry-after",) if name in answer.headers}
        return written(answer.status_code, answer.content, **passed)


def written(status: int, body: bytes, **headers: str) -> bytes:
    named = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n{named}\r\n".encode() + body


INSTEAD = {
    Fault.PORTAL: written(200, b"<html>Welcome to the hotel</html>"),
    Fault.BUSY: written(503, b'{"error":{"code":"unavailable","message":"busy"}}', **{"retry-after": "1"}),
}


@contextmanager
def collecting(
    settings: CollectorSettings | None = None, websites: Websites | None = None
) -> Iterator[FaultyCollector]:
    """A running collector in this process."""
    made = FaultyCollector(settings or CollectorSettings(), websites)
    made.start()
    try:
        yield made
    finally:
        made.stop()
