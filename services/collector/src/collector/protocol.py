"""HTTP/1.1 as the collector speaks it: uvicorn's, with a bound on everything that a client can stretch.

uvicorn gives the head of a request no deadline, a connection without a request no end, a pipeline no bound; it answers
broken bytes out of turn and in plain text, and drops the answer of a client that half-closed. All that is settled here.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from collector import cross_origin
from collector.admission import REQUEST_COST, Admission
from collector.answers import CLOSE, Answer, lines
from collector.lingering import LingeringTransport
from collector.receipts import whole
from collector.refusals import KINDS, Refused
from collector.settings import CollectorSettings

HEADERS_MAX: Final = 100
"""Headers of one request; browsers send about 20."""

PIPELINE_MAX: Final = 100
"""Requests of one connection that wait for their answers."""


class ShortWay(Protocol):
    """What answers requests that arrived whole, without a task and messages for each."""

    def takes(self, method: bytes, url: bytes) -> bool:
        """Whether requests like this one may be handed to `serve`."""
        ...

    def serve(
        self,
        host: str | None,
        headers: list[tuple[bytes, bytes]],
        body: bytes,
        answered: Callable[[Answer], None],
    ) -> None:
        """Call `answered` once, now or later, and never raise. `host` is the peer's."""
        ...


class _Exchange:
    """A request on the short way, as uvicorn knows requests: it stands where the cycles of the others do."""

    __slots__ = ("disconnected", "keep_alive", "response_complete")
    more_body = response_started = False
    message_event = asyncio.Event()
    """Nobody waits for it."""

    def __init__(self, *, keep_alive: bool) -> None:
        self.keep_alive = keep_alive
        self.disconnected = self.response_complete = False


class BoundedProtocol(HttpToolsProtocol):
    """One connection. Every deadline and bound ends in a JSON answer where one is possible, in the order of requests.

    A connection rests (no request; closed after `keep_alive`), reads a head (`head_timeout` in all, however it
    dribbles), or has requests that wait for their answers. `admission` is shared by all connections.
    A request that came in one piece goes the short way where that takes it; the others are ASGI's.
    """

    transport: LingeringTransport

    def __init__(
        self,
        admission: Admission,
        settings: CollectorSettings,
        short_way: ShortWay | None,
        *args: Any,
        **named: Any,
    ) -> None:
        super().__init__(*args, **named)
        self._admission = admission
        self._settings = settings
        self._short_way = short_way
        self._pieces: list[bytes] | None = None
        """The body of a request that may go the short way."""
        self._head_in_piece = False
        self._taking_in = self._answered = False
        self._head = 0
        self._in_body = False
        self._piece = 0
        self._held = 0
        self._waiting = 0
        self._ended = False
        self._offered = False
        self._last_words: bytes | None = None
        self._resting_since: float | None = None
        self._rest_timer: asyncio.TimerHandle | None = None
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
        self._resting_since = self.loop.time()
        if self._rest_timer is None:
            self._rest_timer = self.loop.call_later(self.timeout_keep_alive, self._has_rested)

    def _has_rested(self) -> None:
        # One timer for many requests: it looks when the rest began, and comes again where it has not lasted yet.
        self._rest_timer = None
        if self._resting_since is None:
            return
        end = self._resting_since + self.timeout_keep_alive
        if self.loop.time() >= end:
            self.timeout_keep_alive_handler()
        else:
            self._rest_timer = self.loop.call_at(end, self._has_rested)

    def _cut(self, reason: str) -> None:
        self._admission.metrics.connections_closed.labels(reason).inc()
        self.transport.abort()

    def _stop_timers(self) -> None:
        for timer in (self._head_timer, self._write_timer, self._rest_timer):
            if timer is not None:
                timer.cancel()

    # Bytes come in

    def data_received(self, data: bytes) -> None:
        if self._last_words is not None or self.transport.is_closing():
            return
        self._admission.wake(self)
        self._resting_since = None
        self._head_in_piece = False
        self._piece = len(data)
        if not self._in_body:
            self._head += self._piece
        if self._hold(self._piece):
            self._take_in(data)
        if self._head:
            self._watch_head()

    def _take_in(self, data: bytes) -> None:
        self._taking_in = True
        self._feed(data)
        self._taking_in = False
        if self._pieces is not None:
            self._go_the_long_way(self._pieces)
        if self._answered:
            self._after_answers()

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
        self._head_in_piece = True
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        self._head, self._in_body = 0, True
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        if self._last_words is not None or self.transport.is_closing():
            return
        if self._too_large() or not self._hold(REQUEST_COST):
            return
        self._offered = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if self._offered:
            return
        if self._waiting >= PIPELINE_MAX:
            self._refuse(Refused("unavailable", "too many requests of one connection wait for their answers"))
        elif self._may_go_the_short_way():
            self._pieces = []
        else:
            self._begin_cycle()

    def on_body(self, body: bytes) -> None:
        if self._pieces is not None:
            self._pieces.append(body)
        elif self._last_words is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_body = False
        if self._pieces is not None:
            self._go_the_short_way(self._pieces)
        elif self._last_words is None and not self._offered:
            super().on_message_complete()

    def _begin_cycle(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()  # makes the scope, and empties what it is made of
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)
        super().on_headers_complete()
        self._waiting += 1

    # The short way

    def _may_go_the_short_way(self) -> bool:
        return (
            self._short_way is not None
            and not self._waiting
            and not self.expect_100_continue
            and not self.flow.write_paused
            and self._short_way.takes(self.parser.get_method(), self.url)
        )

    def _go_the_long_way(self, pieces: list[bytes]) -> None:
        # What is left of the body may take its time.
        self._pieces = None
        if self._last_words is not None:
            return
        self._begin_cycle()
        for piece in pieces:
            super().on_body(piece)

    def _go_the_short_way(self, pieces: list[bytes]) -> None:
        self._pieces = None
        if self._last_words is not None or self._short_way is None:
            return
        exchange = _Exchange(
            keep_alive=self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0"
        )
        self.cycle = exchange  # type: ignore[assignment]
        self._waiting += 1
        host = self.client[0] if self.client else None
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._short_way.serve(host, self.headers, body, partial(self._answer, exchange, self.headers))

    def _answer(self, exchange: _Exchange, headers: list[tuple[bytes, bytes]], answer: Answer) -> None:
        if exchange.disconnected:
            return
        ends = self._admission.draining or not exchange.keep_alive
        readable = cross_origin.answer_lines(cross_origin.origin_of(headers))
        usual = lines(self.server_state.default_headers)
        self.transport.write(answer.on_the_wire(usual, readable, CLOSE if ends else b""))
        exchange.response_complete = True
        if ends:
            self.transport.close()
        self.on_response_complete()

    def _hold(self, size: int) -> bool:
        self._held += size
        if self._admission.hold(size):
            return True
        self._refuse(Refused("unavailable", "too many bytes wait to be answered; try again later"))
        return False

    def _too_large(self) -> bool:
        most = self._settings.header_bytes
        if self._head_in_piece and self._piece + HEADERS_MAX <= most and len(self.headers) <= HEADERS_MAX:
            return False  # each header is counted with one byte more than it may have had
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
        if self.pipeline:
            super().on_response_complete()
        else:
            self.server_state.total_requests += 1
            if not self.transport.is_closing():
                self.flow.resume_reading()
        if self._taking_in:
            self._answered = True  # what else came with the request is looked at first
        else:
            self._after_answers()

    def _after_answers(self) -> None:
        self._answered = False
        if self._waiting:
            return
        self._release()
        if self._last_words is not None:
            self._say_last_words()
        elif self._ended:
            self.transport.close()
        elif not self._head and not self.transport.is_closing():
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
        self._last_words = self._rendered(refused)
        self._head = 0
        self._pieces = None
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

    def _rendered(self, refused: Refused) -> bytes:
        status = refused.kind.status
        readable = cross_origin.answer_lines(cross_origin.origin_of(self.headers or ()))
        later = b"retry-after: %d\r\n" % self._settings.retry_after
        return Answer(status, whole(refused)).on_the_wire(
            readable, later if status == KINDS["unavailable"].status else b"", CLOSE
        )


def factory(
    admission: Admission, settings: CollectorSettings, short_way: ShortWay | None = None
) -> Callable[..., BoundedProtocol]:
    """Makes the protocol of each connection, as uvicorn asks for it."""
    return partial(BoundedProtocol, admission, settings, short_way)
