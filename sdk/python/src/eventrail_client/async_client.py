"""The client for programs with asyncio: one task sends."""

import asyncio
import math
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

import httpx

from eventrail_client.events import Event
from eventrail_client.posting import post, post_async
from eventrail_client.tracking import Tracking


class AsyncClient(Tracking[httpx.AsyncBaseTransport, httpx.AsyncClient]):
    """Sends in a task of the first loop in which it tracks; `track` is no coroutine and may be called anywhere.

    `flush` and `close` belong to that loop. What still waits when a program ends without `close` is sent by `at_exit`.
    """

    def _begin(self) -> None:
        super()._begin()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()
        self._progress = asyncio.Event()

    async def flush(self, within: float | None = None) -> bool:
        """Send what waits now and wait for its fate, for at most `within` seconds; whether all of it has one.

        A pause that the collector asked for is kept.
        """
        with self._lock:
            mark = self._delivery.hurry()
            self._wake()
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while not (self._stopping or self._delivery.settled(mark)):
                    self._progress.clear()
                    await self._progress.wait()
        return self._delivery.settled(mark)

    async def close(self, within: float | None = None) -> bool:
        """As `flush`, within `exit_timeout` where nothing is said; then take and send nothing more.

        What is left stays in the spool for the next client. Without one it is lost, and a log line says how much.
        """
        if not self._shut():
            return not self._delivery.counts.waiting
        done = await self.flush(self._options.exit_timeout if within is None else within)
        await self._stop()
        await asyncio.to_thread(self._leave)
        return done

    async def __aenter__(self) -> Self:
        with self._lock:
            self._wake()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def at_exit(self) -> None:
        """The loop is gone: send what waits from this thread, within `exit_timeout`."""
        if not self._shut():
            return
        with self._lock:
            self._stopping = True
            self._delivery.give_up()
            self._progress = asyncio.Event()
        if self._transport is None and self._delivery.counts.waiting:
            self._drain(time.monotonic() + self._options.exit_timeout)
        self._leave()

    def _open(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            headers=self._headers, timeout=self._options.request_timeout, transport=self._transport
        )

    def _has_worker(self) -> bool:
        return self._loop is not None and not self._loop.is_closed()

    def _wake(self) -> None:
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is not None and not self._has_worker():
            self._start(here)
        if self._loop is here:
            self._woken.set()
        elif self._loop is not None:
            with suppress(RuntimeError):  # it closes just now
                self._loop.call_soon_threadsafe(self._woken.set)

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._delivery.give_up()
        self._loop, self._woken, self._progress = loop, asyncio.Event(), asyncio.Event()
        self._task = loop.create_task(self._run(), name="eventrail-client")

    def _progressed(self) -> None:
        self._progress.set()

    async def _run(self) -> None:
        async with self._connector() as http:
            while batch := await self._next():
                self._end(await post_async(http, self._endpoint, batch))

    async def _next(self) -> list[Event]:
        """The next request's events, when it is time; none when the client stops."""
        while not self._stopping:
            with self._lock:
                seconds = self._delivery.seconds_until_due(time.monotonic())
                if seconds <= 0:
                    return self._delivery.begin()
                self._woken.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(None if math.isinf(seconds) else seconds):
                    await self._woken.wait()
        return []

    async def _stop(self) -> None:
        with self._lock:
            self._stopping = True
            self._woken.set()
            task, self._task = self._task, None
        if task is not None:
            if self._delivery.under_way:
                task.cancel()
            await asyncio.wait([task])
        with self._lock:
            self._delivery.give_up()

    def _drain(self, until: float) -> None:
        timeout = min(self._options.request_timeout, self._options.exit_timeout)
        with httpx.Client(headers=self._headers, timeout=timeout) as http:
            self._delivery.hurry()
            while (seconds := self._delivery.seconds_until_due(now := time.monotonic())) < until - now:
                time.sleep(seconds)
                self._end(post(http, self._endpoint, self._delivery.begin()))
