"""Plain bytes to a server, and its answers, without an HTTP client that would be too polite."""

import asyncio
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from devstack.ports import Address


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str | None:
        """Error code of a JSON refusal, None where it is none."""
        found: Any = json.loads(self.body) if self.body else {}
        return found["error"]["code"] if "error" in found else None


async def talk(
    address: Address, *pieces: bytes, every: float = 0.0, half_close: bool = False, within: float = 20.0
) -> list[Answer]:
    """Send `pieces`, one each `every` seconds, and read until the server closes.

    Fails where it does not close in time, where it resets the connection, and where an answer is cut.
    """
    reader, writer = await asyncio.open_connection(address.host, address.port, limit=1 << 24)
    sending = asyncio.create_task(_send(writer, pieces, every, half_close=half_close))
    try:
        async with asyncio.timeout(within):
            return list(parse(await reader.read()))
    finally:
        sending.cancel()
        with suppress(asyncio.CancelledError, OSError):
            await sending
        writer.transport.abort()


async def _send(
    writer: asyncio.StreamWriter, pieces: Iterable[bytes], every: float, *, half_close: bool
) -> None:
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(every)
    if half_close:
        writer.write_eof()


def parse(data: bytes) -> Iterable[Answer]:
    """Whole answers, one behind the other; an interim answer is one without a body."""
    while data:
        head, mark, data = data.partition(b"\r\n\r\n")
        assert mark, f"the answer ends in its head: {head!r}"
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        size = int(headers.get("content-length", "0"))
        assert len(data) >= size, "the answer ends in its body"
        yield Answer(int(first.split()[1]), headers, data[:size])
        data = data[size:]


def post(body: bytes, *headers: bytes, path: bytes = b"/e", length: int | None = None) -> bytes:
    """A POST request; `length` is what it claims, by default the truth."""
    told = len(body) if length is None else length
    lines = (b"POST " + path + b" HTTP/1.1", b"host: x", b"content-length: %d" % told, *headers)
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def get(path: bytes = b"/livez", *headers: bytes, version: bytes = b"1.1") -> bytes:
    """A GET request."""
    return b"\r\n".join((b"GET " + path + b" HTTP/" + version, b"host: x", *headers)) + b"\r\n\r\n"
