"""A TCP proxy between two parts of the stack that can cut, hold, delay and truncate what passes through it."""

import asyncio
from contextlib import suppress

from devstack.ports import Address

_CHUNK = 65_536

Pipe = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Proxy:
    """Passes on everything between its clients and `target`, until told otherwise.

    `delay_s` is added to each chunk in each direction; `held` lets nothing through while it is set, with the
    connections open: what a lost route looks like.
    """

    def __init__(self, listen: Address, target: Address) -> None:
        self.listen = listen
        self.target = target
        self.delay_s = 0.0
        self._open = asyncio.Event()
        self._open.set()
        self._truncate_after: int | None = None
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; does nothing where it listens already."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, self.listen.host, self.listen.port)

    async def cut(self) -> None:
        """Reset all connections and refuse new ones until `mend`."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self._reset()

    def hold(self) -> None:
        """Let nothing through until `mend`."""
        self._open.clear()

    def truncate(self, after: int) -> None:
        """Let `after` more bytes of the next chunk of any connection through, then reset that connection."""
        self._truncate_after = after

    async def mend(self) -> None:
        """Be an ordinary proxy again."""
        self.delay_s, self._truncate_after = 0.0, None
        self._open.set()
        await self.start()

    async def close(self) -> None:
        """End for good."""
        await self.cut()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _reset(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with suppress(OSError, asyncio.CancelledError):
            there = await asyncio.open_connection(self.target.host, self.target.port)
            self._writers.add(there[1])
            await asyncio.gather(self._pass(reader, there[1]), self._pass(there[0], writer))
            there[1].transport.abort()
            self._writers.discard(there[1])
        writer.transport.abort()
        self._writers.discard(writer)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                await self._open.wait()
                after, self._truncate_after = self._truncate_after, None
                writer.write(data if after is None else data[:after])
                await writer.drain()
                if after is not None:
                    break
        # Half-open connections are not kept: neither Kafka's nor ClickHouse's clients use them.
        writer.close()
