"""An open-loop load: requests leave at their time, whatever became of those before."""

import asyncio
import json
import random
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from devstack.ports import Address
from tests.faults.collector.wire import post

BATCH = 10
BATCHES = 0.3
"""Share of the requests that carry BATCH events; the others carry one."""

NOT_CONNECTED = -1
BROKEN = 0

Pipe = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(slots=True)
class Outcome:
    """One request: when it left, seconds to its answer, status, and event ids.

    Instead of a status: NOT_CONNECTED where there was nothing to send on, BROKEN where it broke after that.
    """

    left: float
    took: float
    status: int
    ids: list[str]
    accepted: list[str]


@dataclass
class Load:
    """`rate` requests a second to `address` until `stop`; `outcomes` has those that have their answer."""

    address: Address
    rate: float
    source: random.Random = field(default_factory=lambda: random.Random(7))
    outcomes: list[Outcome] = field(default_factory=list)
    _free: deque[Pipe] = field(default_factory=deque)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _stopped: bool = False

    async def run(self) -> None:
        """Send until `stop`, then wait for the last answers."""
        began, count = time.monotonic(), 0
        while not self._stopped:
            await asyncio.sleep(max(0.0, began + count / self.rate - time.monotonic()))
            task = asyncio.create_task(self._one())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            count += 1
        await asyncio.gather(*self._tasks)
        for _, writer in self._free:
            writer.transport.abort()

    def stop(self) -> None:
        self._stopped = True

    async def until(self, condition: Callable[["Load"], bool], seconds: float) -> None:
        """Wait for a condition of the outcomes. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not condition(self):  # noqa: ASYNC110 - a plain value
                await asyncio.sleep(0.05)

    def steady(self, since: float) -> bool:
        """Whether all requests that left in the last two seconds and have an answer were accepted."""
        now = time.monotonic()
        recent = [outcome.status for outcome in self.outcomes[-2000:] if outcome.left > now - 2]
        return now > since + 2 and len(recent) > self.rate and set(recent) == {202}

    async def _one(self) -> None:
        ids = [self._new_id() for _ in range(BATCH if self.source.random() < BATCHES else 1)]
        body = json.dumps([_event(event_id) for event_id in ids] if len(ids) > 1 else _event(ids[0])).encode()
        left = time.monotonic()
        status, answer = NOT_CONNECTED, b""
        with suppress(OSError):
            pipe = self._pooled() or await self._connected()
            status = BROKEN
            with suppress(EOFError):
                status, answer = await self._exchange(pipe, post(body))
        accepted: Iterable[str] = json.loads(answer)["event_ids"] if status == 202 else ()
        self.outcomes.append(Outcome(left, time.monotonic() - left, status, ids, list(accepted)))

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self.source.getrandbits(128), version=4))

    def _pooled(self) -> Pipe | None:
        while self._free:
            # The one that rested longest: so all of them are used often, and hear when the server wants to end.
            reader, writer = self._free.popleft()
            if not reader.at_eof():
                return reader, writer
            writer.transport.abort()
        return None

    async def _connected(self) -> Pipe:
        return await asyncio.open_connection(self.address.host, self.address.port)

    async def _exchange(self, pipe: Pipe, request: bytes) -> tuple[int, bytes]:
        reader, writer = pipe
        writer.write(request)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            _, _, size = head.lower().partition(b"content-length:")
            body = await reader.readexactly(int(size.split(b"\r\n", 1)[0]))
        except (OSError, EOFError):
            writer.transport.abort()
            raise
        if b"connection: close" in head.lower():
            writer.close()
        else:
            self._free.append(pipe)
        return int(head[9:12]), body


def _event(event_id: str) -> dict[str, Any]:
    return {
        "website_id": "shop",
        "event_type": "custom",
        "event_name": "purchase",
        "event_id": event_id,
        "timestamp": int(time.time() * 1000),
        "visitor_id": event_id[:4],
        "url": "https://shop.example/cart?utm_source=news",
        "event_data": {"plan": "pro", "amount": 49.99, "currency": "USD"},
    }
