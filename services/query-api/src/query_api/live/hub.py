"""Readers come and go; the enriched topic is read while there are any, and for a while after the last one."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from functools import partial
from typing import Final, Protocol

from eventrail.clock import Clock
from eventrail.errors import KafkaUnavailable
from query_api.engine import Engine
from query_api.errors import TooManyReaders
from query_api.live.judging import Decoder, Judge, Recent
from query_api.live.metrics import LiveMetrics
from query_api.live.reader import Reader
from query_api.live.ring import NOT_READ, Ring
from query_api.live.suppressed import NothingErased, Suppressed
from query_api.question.live import LiveQuestion
from query_api.settings import QueryApiSettings

_FIRST_CONNECTION_SECONDS: Final = 10.0


class Source(Protocol):
    """Where records come from."""

    async def run(self, ring: Ring) -> None:
        """Feed `ring` until cancelled, from where it ends; while that is not possible, say so in `ring.waiting`."""
        ...


class Live:
    """All live streams of a process. Build it and use it inside one event loop."""

    def __init__(
        self,
        source: Source,
        engine: Engine,
        clock: Clock,
        settings: QueryApiSettings,
        metrics: LiveMetrics,
        suppressed: Suppressed | None = None,
    ) -> None:
        self._source = source
        self._clock = clock
        self._settings = settings
        self._metrics = metrics
        self._ring = Ring(settings.live_ring_records, settings.live_ring_bytes)
        self._decoder = Decoder()
        self._judge = Judge(
            self._ring,
            self._decoder,
            Recent(2 * settings.live_ring_records),
            engine,
            suppressed or NothingErased(),
            clock,
            metrics,
        )
        self._readers = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._ending: asyncio.TimerHandle | None = None
        self._closed = False
        metrics.watch(self._ring)
        metrics.waiting.set_function(lambda: float(self._readers > 0 and self._ring.waiting is not None))

    async def admit(self) -> None:
        """Wait until a stream can begin, and give it one of the places. Every call needs one of `leave`.

        Raises TooManyReaders, or KafkaUnavailable where Kafka was never reached and is not now.
        """
        if self._closed:
            raise KafkaUnavailable("this process is stopping")
        if self._readers >= self._settings.live_max_readers:
            raise TooManyReaders(f"{self._readers} live streams are open, no more are served here")
        self._count(1)
        try:
            await self._connected()
        except BaseException:
            self.leave()
            raise

    def leave(self) -> None:
        """Give the place back."""
        self._count(-1)

    async def messages(
        self, question: LiveQuestion, last_event_id: str | None
    ) -> AsyncGenerator[bytes, None]:
        """The stream of an admitted reader; it ends when the process does, or after `live_stream_seconds`."""
        view = self._ring.follow(source_of(question.website_id))
        self._ring.news.tell()  # to the judge
        reader = Reader(
            question,
            view,
            self._ring,
            self._judge,
            self._decoder,
            self._clock,
            self._settings.live_heartbeat_seconds,
            self._metrics,
        )
        end = self._clock.monotonic() + self._settings.live_stream_seconds
        closing = partial(self._is_over, end)
        try:
            async with aclosing(reader.messages(last_event_id, closing)) as messages:
                async for said in messages:
                    yield said
        finally:
            self._ring.leave(view)

    def _is_over(self, end: float) -> bool:
        return self._closed or self._clock.monotonic() >= end

    @asynccontextmanager
    async def until(self, stop: asyncio.Event) -> AsyncIterator[None]:
        """Serve while the block lasts; all streams end as soon as `stop` is set, or with the block."""
        watching = asyncio.create_task(self._close_at(stop))
        try:
            yield
        finally:
            watching.cancel()
            await self.close()

    async def close(self) -> None:
        """End all streams after a whole message, and stop reading."""
        self._closed = True
        self._ring.news.tell()
        await self._stop_reading()

    async def _close_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._closed = True
        self._ring.news.tell()

    def _count(self, more: int) -> None:
        self._readers += more
        self._metrics.readers.set(self._readers)
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
        if self._readers and not self._tasks:
            self._start_reading()
        elif not self._readers and self._tasks:
            loop = asyncio.get_running_loop()
            self._ending = loop.call_later(self._settings.live_linger_seconds, self._end_reading)

    def _start_reading(self) -> None:
        self._tasks = [
            asyncio.create_task(self._source.run(self._ring)),
            asyncio.create_task(self._judge.run()),
        ]

    def _end_reading(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks = []
        self._ring.begin_anew("gap")
        self._ring.waiting = NOT_READ

    async def _stop_reading(self) -> None:
        tasks = self._tasks
        self._end_reading()
        if tasks:
            await asyncio.wait(tasks)

    async def _connected(self) -> None:
        """Wait until Kafka was reached once; later outages are told in the stream."""
        ring = self._ring
        with suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_CONNECTION_SECONDS):
                while not ring.opened and ring.waiting == NOT_READ and not self._closed:
                    await ring.news.wait()
        if not ring.opened:
            raise KafkaUnavailable(ring.waiting or NOT_READ)


def source_of(website_id: str) -> bytes:
    """The CloudEvents source of a website's events, as the enricher writes it."""
    return f"/websites/{website_id}".encode()
