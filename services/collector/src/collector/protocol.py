"""HTTP/1.1 as the collector speaks it: uvicorn's, with a bound on everything that a client can stretch.

uvicorn gives the head of a request no deadline, a connection without a request no end, a pipeline no bound; it answers
broken bytes out of turn and in plain text, and drops the answer of a client that half-closed. All that is settled here.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from collector import cross_origin
from collector.admission import REQUEST_COST, Admission
from collector.lingering import LingeringTransport
from collector.receipts import whole
from collector.refusals import Refused
from collector.settings import CollectorSettings

HEADERS_MAX: Final = 100
"""Headers of one request; browsers send about 20."""

PIPELINE_MAX: Final = 100
"""Requests of one connection that wait for their answers."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. Every deadline and bound ends in a JSON answer where one is possible, in the order of requests.

    A connection rests (no request; closed after `keep_alive`), reads a head (`head_timeout` in all, however it
    dribbles), or has requests that wait for their answers. `admission` is shared by all connections.
    """

    transport: LingeringTransport

    def __init__(self, admission: Admission, settings: CollectorSettings, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._admission = admission
        self._settings = settings
        self._head = 0
        self._in_body = False
        self._piece = 0
        self._held = 0
        self._waiting = 0
        self._ended = False
        self._offered = False
        self._last_words: bytes | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    # A connection from its beginning to its end

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(LingeringTransport(transport, self.loop))
        entered = self._admission.enter()
        if self._admission.crowded:
            self._cut("crowded")
        elif entered:
            self._rest()
        else:
            self._refuse(Refused("unavailable", "too many connections; try again later"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._admission.leave(self, self._held)
        self._held = self._head = 0
        self._stop_timers()
        self.transport.lost()
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]
        """A client may close its side after the last request and still wait for the answers."""
        self.transport.ended()
        self._ended = True
        if self._last_words is None and (self._head or self._reading_body()):
            self._refuse(Refused("bad_request", "the connection ended before the request was complete"))
        return self._waiting > 0 and not self.transport.is_closing()

    def give_way(self) -> None:
        self.transport.close_at_once()

    def shutdown(self) -> None:
        """The process ends: what rests is closed, what has begun gets its answer."""
        if self._head:
            self._refuse(Refused("unavailable", "the collector is shutting down"))
        elif self._waiting:
            super().shutdown()
        elif not self.transport.is_closing():
            self.transport.close_at_once()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_timer = self.loop.call_later(self._settings.keep_alive, self._cut, "takes_no_answers")

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()

    def _rest(self) -> None:
        self._admission.rest(self)
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _cut(self, reason: str) -> None:
        self._admission.metrics.connections_closed.labels(reason).inc()
        self.transport.abort()

    def _stop_timers(self) -> None:
        for timer in (self._head_timer, self._write_timer, self.timeout_keep_alive_task):
            if timer is not None:
                timer.cancel()

    # Bytes come in

    def data_received(self, data: bytes) -> None:
        if self._last_words is not None or self.transport.is_closing():
            return
        self._admission.wake(self)
        self._piece = len(data)
        if not self._in_body:
            self._head += self._piece
        if self._hold(self._piece):
            self._unset_keepalive_if_required()
            self._feed(data)
        if self._head:
            self._watch_head()

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._overlook(data[offer.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("what arrived is no HTTP/1.1 request")

    def _overlook(self, rest: bytes) -> None:
        # The parser takes a request that offers another protocol (as Java's and curl's clients do, to reach
        # HTTP/2) for one without a body, and stops. So it is read again without the offer (RFC 9110 section 7.8).
        if not self._offered or self._last_words is not None:
            return
        self._offered = False
        kept = (b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade")
        first = b"%b %b HTTP/%b\r\n" % (
            self.parser.get_method(),
            self.url,
            self.parser.get_http_version().encode(),
        )
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._feed(first + b"".join(kept) + b"\r\n" + rest)

    def on_message_begin(self) -> None:
        # It may begin in the middle of a piece; its first byte is enough to start the clock.
        self._head = self._head or 1
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head, self._in_body = 0, True
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        if self._last_words is not None or self._too_large() or not self._hold(REQUEST_COST):
            return
        self._offered = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if self._offered:
            return
        if self._waiting >= PIPELINE_MAX:
            self._refuse(Refused("unavailable", "too many requests of one connection wait for their answers"))
            return
        super().on_headers_complete()
        self._waiting += 1

    def on_body(self, body: bytes) -> None:
        if self._last_words is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_body = False
        if self._last_words is None and not self._offered:
            super().on_message_complete()

    def _hold(self, size: int) -> bool:
        self._held += size
        if self._admission.hold(size):
            return True
        self._refuse(Refused("unavailable", "too many bytes wait to be answered; try again later"))
        return False

    def _too_large(self) -> bool:
        most = self._settings.header_bytes
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size <= most and len(self.headers) <= HEADERS_MAX:
            return False
        self._refuse(
            Refused("headers_too_large", f"at most {most:,} bytes and {HEADERS_MAX} headers are taken")
        )
        return True

    def _watch_head(self) -> None:
        if self._head > self._settings.header_bytes:
            self._refuse(
                Refused("headers_too_large", f"at most {self._settings.header_bytes:,} bytes are taken")
            )
        elif self._head_timer is None and self._last_words is None:
            self._head_timer = self.loop.call_later(self._settings.head_timeout, self._head_is_late)

    def _head_is_late(self) -> None:
        seconds = self._settings.head_timeout
        self._refuse(Refused("request_timeout", f"the headers did not arrive within {seconds:g} s"))

    # Answers go out

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        super()._start_asgi_task(cycle, partial(self._serve_one, cycle, app))

    async def _serve_one(
        self, cycle: RequestResponseCycle, app: Any, scope: Any, receive: Any, send: Any
    ) -> None:
        async def sending(message: Any) -> None:
            if cycle.more_body or self._admission.draining:
                # What is left of the body would have to be read to find the next request.
                cycle.keep_alive = False
            await send(message)

        await app(scope, receive, sending)

    def on_response_complete(self) -> None:
        self._waiting -= 1
        super().on_response_complete()
        if self._waiting:
            return
        self._release()
        if self._last_words is not None:
            self._say_last_words()
        elif self._ended:
            self.transport.close()
        elif self._head:
            self._unset_keepalive_if_required()
        elif not self.transport.is_closing():
            self._rest()

    def _release(self) -> None:
        kept = self._piece if self._head else 0
        self._admission.hold(kept - self._held)
        self._held = kept

    # What cannot be served

    def send_400_response(self, msg: str) -> None:
        self._refuse(Refused("bad_request", msg))

    def _refuse(self, refused: Refused) -> None:
        """Take nothing more; when the requests before have their answers, say why, and close."""
        if self._last_words is not None:
            return
        self._admission.metrics.refused.labels(refused.kind.code).inc()
        readable = cross_origin.answer_headers(cross_origin.origin_of(self.headers or ()))
        self._last_words = _rendered(refused, self._settings.retry_after, readable)
        self._head = 0
        self._stop_timers()
        if self._reading_body():
            self._drop_newest()
        if not self._waiting:
            self._say_last_words()

    def _reading_body(self) -> bool:
        newest: RequestResponseCycle | None = self.cycle
        return newest is not None and newest.more_body and not newest.response_complete

    def _drop_newest(self) -> None:
        # The request that is being read is the one that is refused.
        self._waiting -= 1
        if self.cycle.response_started:
            self._last_words = b""
        if self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()
        self.cycle.disconnected = True
        self.cycle.message_event.set()

    def _say_last_words(self) -> None:
        if self._last_words and not self.transport.is_closing():
            self.transport.write(self._last_words)
        self.transport.close()


def _rendered(refused: Refused, retry_after: int, headers: cross_origin.Headers) -> bytes:
    status, body = HTTPStatus(refused.kind.status), whole(refused)
    added = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *headers]
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        added.append((b"retry-after", b"%d" % retry_after))
    lines = b"".join(b"%b: %b\r\n" % header for header in added)
    first = f"HTTP/1.1 {status} {status.phrase}\r\n".encode()
    return first + lines + b"connection: close\r\n\r\n" + body


def factory(admission: Admission, settings: CollectorSettings) -> Callable[..., BoundedProtocol]:
    """Makes the protocol of each connection, as uvicorn asks for it."""
    return partial(BoundedProtocol, admission, settings)
