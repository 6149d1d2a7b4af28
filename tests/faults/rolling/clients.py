"""Clients of a Service that note each thing that they would complain about."""

import asyncio
import json
import random
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

from devstack.ports import Address

Pipe = tuple[asyncio.StreamReader, asyncio.StreamWriter]

REFUSED = "connection refused"
BROKEN = "connection broke before the answer"
NO_RETRY_AFTER = "503 without Retry-After"


class _Line:
    """One client's connection; kept from request to request only if `keep`."""

    def __init__(self, address: Address, *, keep: bool) -> None:
        self._address = address
        self._keep = keep
        self._pipe: Pipe | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.hang_up()

    async def connect(self) -> None:
        if self._pipe is None:
            self._pipe = await asyncio.open_connection(self._address.host, self._address.port)

    async def exchange(self, request: bytes) -> str:
        """Head of the answer, in lower case. Raises OSError or EOFError where none comes."""
        assert self._pipe
        reader, writer = self._pipe
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        await reader.readexactly(int(head.partition("content-length:")[2].split("\r\n", 1)[0]))
        if not self._keep or "connection: close" in head:
            self.hang_up()
        return head

    def hang_up(self) -> None:
        if self._pipe is not None:
            self._pipe[1].close()
        self._pipe = None


@dataclass
class Clients:
    """`count` clients of `address`, every second of which keeps its connection open; the others open one a request."""

    address: Address
    website: str
    count: int
    pause: float = 0.05
    source: random.Random = field(default_factory=lambda: random.Random(7))
    answers: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    slowest: float = 0.0
    _stopped: bool = False

    def stop(self) -> None:
        self._stopped = True

    async def send(self) -> None:
        """Post events until `stop`; each is posted again until it was accepted."""
        await asyncio.gather(*(self._send(keep=n % 2 == 0) for n in range(self.count)))

    async def ask(self) -> None:
        """Ask for the counts until `stop`."""
        request = f"GET /api/websites/{self.website}/events HTTP/1.1\r\nhost: x\r\n\r\n".encode()
        await asyncio.gather(*(self._repeat(request, keep=n % 2 == 0) for n in range(self.count)))

    async def _send(self, *, keep: bool) -> None:
        async with _Line(self.address, keep=keep) as line:
            while not self._stopped:
                event_id = str(uuid.UUID(int=self.source.getrandbits(128), version=4))
                request = self._post(event_id)
                while await self._exchange(request, line) != "202":
                    pass
                self.accepted.append(event_id)

    async def _repeat(self, request: bytes, *, keep: bool) -> None:
        async with _Line(self.address, keep=keep) as line:
            while not self._stopped:
                await self._exchange(request, line)

    def _post(self, event_id: str) -> bytes:
        event: dict[str, Any] = {
            "website_id": self.website,
            "event_type": "custom",
            "event_name": "rolled",
            "event_id": event_id,
            "timestamp": int(time.time() * 1000),
            "visitor_id": event_id[0],
        }
        body = json.dumps(event).encode()
        return b"POST /e HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)

    async def _exchange(self, request: bytes, line: "_Line") -> str:
        """The status, or what went wrong; and then a pause."""
        began = time.monotonic()
        problem = REFUSED
        try:
            await line.connect()
            problem = BROKEN
            head = await line.exchange(request)
        except (OSError, EOFError) as error:
            line.hang_up()
            self.complaints.append(f"{problem}: {error!r}")
            status = problem
        else:
            self._judge(head, time.monotonic() - began)
            status = head[9:12]
        await asyncio.sleep(self.pause * self.source.random() * 2)
        return status

    def _judge(self, head: str, took: float) -> None:
        status = head[9:12]
        self.answers[status] += 1
        self.slowest = max(self.slowest, took)
        if status == "503" and "retry-after:" not in head:
            self.complaints.append(NO_RETRY_AFTER)
        elif status not in {"200", "202", "503"}:
            self.complaints.append(f"status {status}")
