"""uvicorn as the collector runs it: bounded headers, quiet, stopped by an event instead of a signal."""

import asyncio
import logging
import socket
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from collector.receipts import whole
from collector.refusals import Refused
from collector.settings import CollectorSettings
from eventrail.logs import RateLimit


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 that refuses endless headers, and answers what is no HTTP in JSON; uvicorn does neither."""

    header_bytes = 32 * 1024
    _head = 0
    _in_head = True

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head += len(data)
        super().data_received(data)
        if self._in_head and self._head > self.header_bytes and not self.transport.is_closing():
            self._refuse(Refused("headers_too_large", f"at most {self.header_bytes:,} bytes are taken"))

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head, self._head = False, 0
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self.header_bytes:
            self._refuse(Refused("headers_too_large", f"at most {self.header_bytes:,} bytes are taken"))
            return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_head = True
        if not self.transport.is_closing():
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(Refused("bad_request", msg))

    def _refuse(self, refused: Refused) -> None:
        body = whole(refused)
        phrase = {400: "Bad Request", 431: "Request Header Fields Too Large"}[refused.kind.status]
        head = (
            f"HTTP/1.1 {refused.kind.status} {phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


class _Server(uvicorn.Server):
    """uvicorn inside somebody else's event loop: it leaves the signals alone."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


async def serve(app: Any, settings: CollectorSettings, listening: socket.socket, stop: asyncio.Event) -> None:
    """Serve `app` until `stop` is set and the running requests have ended (or `stop_timeout` passed)."""
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(RateLimit())
    protocol = type("Protocol", (BoundedProtocol,), {"header_bytes": settings.header_bytes})
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=settings.keep_alive,
        timeout_graceful_shutdown=settings.stop_timeout,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopping.cancel()
    await serving
