"""The client for programs with threads: one background thread sends."""

import math
import threading
import time
from types import TracebackType
from typing import Self

import httpx

from eventrail_client.events import Event
from eventrail_client.posting import post
from eventrail_client.threads import started
from eventrail_client.tracking import Tracking


class Client(Tracking[httpx.BaseTransport, httpx.Client]):
    """Sends in a background thread; all of it may be called from any thread."""

    def _begin(self) -> None:
        super()._begin()
        self._changed = threading.Condition(self._lock)
        self._thread: threading.Thread | None = None

    def flush(self, within: float | None = None) -> bool:
        """Send what waits now and wait for its fate, for at most `within` seconds; whether all of it has one.

        A pause that the collector asked for is kept.
        """
        with self._changed:
            mark = self._delivery.hurry()
            self._wake()
            if self._thread is not None:
                self._changed.wait_for(lambda: self._stopping or self._delivery.settled(mark), within)
            return self._delivery.settled(mark)

    def close(self, within: float | None = None) -> bool:
        """As `flush`, within `exit_timeout` where nothing is said; then take and send nothing more.

        What is left stays in the spool for the next client. Without one it is lost, and a log line says how much.
        """
        if not self._shut():
            return not self._delivery.counts.waiting
        done = self.flush(self._options.exit_timeout if within is None else within)
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if done and self._thread is not None:
            self._thread.join()
        self._leave()
        return done

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def at_exit(self) -> None:
        """As `close`."""
        self.close()

    def _open(self) -> httpx.Client:
        return httpx.Client(
            headers=self._headers, timeout=self._options.request_timeout, transport=self._transport
        )

    def _has_worker(self) -> bool:
        return self._thread is not None

    def _wake(self) -> None:
        if not self._has_worker():
            self._thread = started(self._run, "eventrail-client")
        self._changed.notify_all()

    def _progressed(self) -> None:
        self._changed.notify_all()

    def _run(self) -> None:
        with self._connector() as http:
            while batch := self._next():
                self._end(post(http, self._endpoint, batch))

    def _next(self) -> list[Event]:
        """The next request's events, when it is time; none when the client stops."""
        with self._changed:
            while not self._stopping:
                seconds = self._delivery.seconds_until_due(time.monotonic())
                if seconds <= 0:
                    return self._delivery.begin()
                self._changed.wait(None if math.isinf(seconds) else seconds)
        return []
