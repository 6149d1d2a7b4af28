"""A Kubernetes Service for tests: connections go round robin to the endpoints that are ready, as far as it has heard.

It passes bytes and knows nothing of HTTP, as kube-proxy does. It asks each endpoint for `/readyz`; a yes counts
for `lag` seconds, so that new connections still go there after it is no more true. Open ones stay where they are.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from devstack.ports import Address

_ASK_SECONDS = 0.2
_ASK_PATIENCE = 2.0
_NEVER = float("-inf")

Pipe = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Endpoint:
    """One replica; `until` is when it is left alone, by the monotonic clock."""

    address: Address
    until: float = _NEVER

    @property
    def used(self) -> bool:
        return time.monotonic() < self.until


@dataclass
class Proxy:
    """Where it listens and what it met: connections per endpoint, and those that an endpoint refused or reset."""

    endpoints: list[Endpoint]
    lag: float
    address: Address
    connections: dict[str, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    resets: list[str] = field(default_factory=list)
    _turn: int = 0
    _pipes: set[asyncio.Task[None]] = field(default_factory=set)

    async def until_used(self, address: Address, limit_s: float = 60) -> None:
        """Wait until new connections may go to `address`."""
        (endpoint,) = [found for found in self.endpoints if found.address == address]
        async with asyncio.timeout(limit_s):
            while not endpoint.used:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def watch(self, endpoint: Endpoint) -> None:
        while True:
            # From the question on: the replica may have got its signal since.
            asked = time.monotonic()
            if await _ready(endpoint.address):
                endpoint.until = asked + self.lag
            await asyncio.sleep(_ASK_SECONDS)

    def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._pipes.add(task)
        task.add_done_callback(self._pipes.discard)

    async def stop(self) -> None:
        for task in list(self._pipes):
            task.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    def _next(self) -> Address:
        ready = [endpoint for endpoint in self.endpoints if endpoint.used]
        if not ready:
            # On a busy machine no question may have had its answer in time.
            ready = [max(self.endpoints, key=lambda endpoint: endpoint.until)]
        self._turn += 1
        return ready[self._turn % len(ready)].address

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind: Pipe | None = None
        try:
            behind = await self._connected()
            if behind is not None:
                await asyncio.gather(
                    self._pass(reader, behind[1], writer), self._pass(behind[0], writer, behind[1], back=True)
                )
        finally:
            if behind is None:
                writer.transport.abort()
            else:
                behind[1].close()
            writer.close()

    async def _connected(self) -> Pipe | None:
        to = self._next()
        try:
            pipe = await asyncio.open_connection(to.host, to.port)
        except OSError:
            self.refused.append(str(to))
            return None
        self.connections[str(to)] = self.connections.get(str(to), 0) + 1
        return pipe

    async def _pass(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        own: asyncio.StreamWriter,
        *,
        back: bool = False,
    ) -> None:
        """Bytes one way until the end; a reset of `source`, whose other half is `own`, goes on to `sink`."""
        try:
            while data := await source.read(65_536):
                sink.write(data)
                await sink.drain()
            with suppress(OSError, RuntimeError):
                sink.write_eof()
        except OSError:
            if back and not sink.transport.is_closing():
                self.resets.append(str(own.get_extra_info("peername")))
            sink.transport.abort()
            own.transport.abort()


async def _ready(address: Address) -> bool:
    try:
        reader, writer = await asyncio.open_connection(address.host, address.port)
    except OSError:
        return False
    try:
        async with asyncio.timeout(_ASK_PATIENCE):
            writer.write(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            return (await reader.readline()).startswith(b"HTTP/1.1 200")
    except (OSError, TimeoutError):
        return False
    finally:
        writer.transport.abort()


@asynccontextmanager
async def service(listen: Address, endpoints: Sequence[Address], lag: float) -> AsyncIterator[Proxy]:
    """A Service at `listen` before `endpoints`."""
    proxy = Proxy([Endpoint(address) for address in endpoints], lag, listen)
    server = await asyncio.start_server(proxy.serve, listen.host, listen.port)
    watching = [asyncio.create_task(proxy.watch(endpoint)) for endpoint in proxy.endpoints]
    try:
        yield proxy
    finally:
        server.close()
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        await proxy.stop()
