"""What both clients are: events are taken without waiting for anything, and a worker does the rest."""

import os
import random
import secrets
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Generic, TypeVar, Unpack

from eventrail_client import events, process, wire
from eventrail_client.delivery import Counts, Delivery, NoAnswer, NoJournal
from eventrail_client.errors import InvalidEvent
from eventrail_client.events import Event, Fields
from eventrail_client.options import Options
from eventrail_client.posting import now_ms
from eventrail_client.properties import Properties
from eventrail_client.receipts import Answer
from eventrail_client.spool_thread import SpoolThread
from eventrail_client.telling import OnRefused, Teller

_RANDOM_BITS: Final = 74
_DEFAULTS: Final = Options()

Transport = TypeVar("Transport")
Http = TypeVar("Http")


class Tracking(ABC, Generic[Transport, Http]):
    """Takes events for one website, from any thread; what sends them is what `Client` and `AsyncClient` differ in.

    `url` is the collector's. `server_key` lets events say on whose behalf they are sent. `on_refused` is called with
    each event that will not be counted, from the thread that tracks or sends. `spool` is a folder on a local disk in
    which events survive the end of the process. A `strict` client raises InvalidEvent. `transport` is for tests.

    Raises ValueError for a url, an id or a key that cannot be right. In a child process that was forked a client goes
    on with an empty queue and a worker of its own: what waited is the parent's to send.
    """

    _http: Http | None

    def __init__(
        self,
        url: str,
        website_id: str,
        *,
        server_key: str | None = None,
        on_refused: OnRefused | None = None,
        spool: str | os.PathLike[str] | None = None,
        strict: bool = False,
        options: Options = _DEFAULTS,
        transport: Transport | None = None,
    ) -> None:
        if not events.is_website_id(website_id):
            raise ValueError("website_id must be 1 to 64 characters of A-Z a-z 0-9 . _ -")
        self._endpoint = wire.endpoint(url)
        self._headers = wire.headers(server_key)
        self._website_id = website_id
        self._teller = Teller(on_refused)
        self._strict = strict
        self._options = options
        self._transport = transport
        self._closed = False
        self._spool = SpoolThread(Path(spool) / website_id, self._found) if spool is not None else None
        self._begin()
        # Not in the worker: what is wrong is seen here, and no fork meets httpx half imported.
        self._http = self._open()
        process.watch(self)
        if self._spool is not None:
            self._spool.start()

    def _begin(self) -> None:
        """Everything that a forked child has anew."""
        self._lock = threading.RLock()
        self._stopping = False
        self._http = None
        self._delivery = Delivery(self._options, random.random, self._spool or NoJournal())

    def track(
        self, name: str, properties: Properties | None = None, /, **fields: Unpack[Fields]
    ) -> str | None:
        """Take an event and send it soon; returns its `event_id`. Does no IO and waits for nothing.

        None means that it was not taken: the collector would refuse it, which `on_refused` or a log line tells, or the
        client is closed. Raises InvalidEvent where the client is `strict`, TypeError for a field that no event has, and
        nothing else.
        """
        try:
            event = events.make(
                self._website_id, name, properties, fields, now_ms(), secrets.randbits(_RANDOM_BITS)
            )
        except InvalidEvent as error:
            if self._strict:
                raise
            self._teller.invalid(name, error)
            return None
        return event.event_id if self._take(event) else None

    def visitor(self, **fields: Unpack[Fields]) -> "Visitor":
        """What tracks events that all have these fields, such as those of one request that a server handles."""
        return Visitor(self, fields)

    @property
    def counts(self) -> Counts:
        """What became of the events so far, since the process began or was forked."""
        with self._lock:
            return self._delivery.counts

    def _take(self, event: Event) -> bool:
        with self._lock:
            if self._closed:
                return False
            now = time.monotonic()
            before = self._delivery.seconds_until_due(now)
            self._delivery.take(event, now)
            if self._delivery.seconds_until_due(now) < before or not self._has_worker():
                self._wake()
        return True

    def _found(self, left: Iterable[Event]) -> None:
        """Take what the spool found; also in a client that is about to close, for the next one."""
        with self._lock:
            for event in left:
                self._delivery.take(event, time.monotonic())
            self._wake()

    def _end(self, answer: Answer | NoAnswer) -> None:
        with self._lock:
            now = time.monotonic()
            ended = self._delivery.end(answer, now)
            dropped = self._delivery.counts.dropped
            self._progressed()
        self._teller.ended(ended)
        self._teller.dropped(dropped, now)

    def _connector(self) -> Http:
        """What the worker that starts sends with; a worker closes it when it ends."""
        made, self._http = self._http, None
        return self._open() if made is None else made

    @abstractmethod
    def _open(self) -> Http:
        """What sends requests; nothing is connected yet."""

    @abstractmethod
    def _has_worker(self) -> bool:
        """Whether something sends what waits. Called with the lock held."""

    @abstractmethod
    def _wake(self) -> None:
        """Let the worker look at the queue; start it where there is none. Called with the lock held."""

    @abstractmethod
    def _progressed(self) -> None:
        """Something may have become of the events that a `flush` waits for. Called with the lock held."""

    @abstractmethod
    def at_exit(self) -> None:
        """The interpreter ends: send what waits, within `exit_timeout`."""

    def hold(self) -> None:
        """Before a fork: keep everything still."""
        if self._spool is not None:
            self._spool.hold()
        self._lock.acquire()

    def release(self, *, child: bool) -> None:
        """After a fork: go on; in the child with an empty queue, because what waits is the parent's to send."""
        if child:
            if self._spool is not None:
                self._spool.forked()
            self._begin()
            return
        self._lock.release()
        if self._spool is not None:
            self._spool.release()

    def _shut(self) -> bool:
        """The first step of closing: take nothing more; False where that was done before."""
        with self._lock:
            was, self._closed = self._closed, True
        return not was

    def _leave(self) -> None:
        """The last step of closing: what waits goes to the next client, or is lost, which is told."""
        with self._lock:
            left = self._delivery.counts
        self._teller.dropped(left.dropped, float("inf"))
        lost = left.waiting if self._spool is None else self._spool.close(self._options.exit_timeout)
        self._teller.left(lost)


class Visitor:
    """Tracks events with fields that are the same for all of them; those of one event win."""

    def __init__(self, tracking: Tracking[Any, Any], fields: Fields) -> None:
        self._tracking = tracking
        self._fields = fields

    def track(
        self, name: str, properties: Properties | None = None, /, **fields: Unpack[Fields]
    ) -> str | None:
        """As `Client.track`."""
        merged: Fields = {**self._fields, **fields}
        return self._tracking.track(name, properties, **merged)
