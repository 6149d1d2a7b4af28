"""The sink that spools: what the sink behind it does not take goes to disk, and from there to it in order.

While the spool holds events, new ones go through it too, so that those of one key stay in order. While it is emptied,
only half as many may come as leave, and the other requests wait a moment: so it ends, whatever the load, and then the
short way is used again.
"""

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from collector.metrics import Metrics
from collector.sinks import Placed, Published, Sink, all_failed
from collector.sinks.spool_file import EVENT_COST, Held, SpoolBroken, SpoolFull, Stored
from collector.sinks.spool_thread import SpoolThread
from eventrail import logs
from eventrail.clock import Clock
from eventrail.health import OK

_log = logs.get(__name__)
# A full spool is told of by each request; one line in ten seconds is enough.
logging.getLogger(__name__).addFilter(logs.RateLimit(10.0))

CLOSED: Final = "the collector is shutting down"
FULL: Final = "Kafka is away or slow, and the spool is full"
BROKEN: Final = "Kafka is away or slow, and the spool cannot be written"
UNREGISTERED: Final = "Kafka is away or slow, and the spool is not registered there yet"
"""What senders are told; which broker, disk and reason are for the log and `/readyz`."""

_LOOK_SECONDS: Final = 0.1
_LONGEST_PAUSE: Final = 2.0


@dataclass(frozen=True)
class SpoolBounds:
    """`file_bytes`: what the spool may hold. `waiting_bytes`: what may wait to be written to it.

    `batch_events` and `batch_bytes`: what is read of it and published at once; one batch must fit into the sink behind.
    `farewell`: seconds that `close` goes on emptying it while Kafka is there. `patience`: seconds that a request waits
    for the disk, and for its turn while the spool is emptied.
    """

    file_bytes: int
    waiting_bytes: int = 32 * 1024 * 1024
    batch_events: int = 2000
    batch_bytes: int = 512 * 1024
    farewell: float = 5.0
    patience: float = 10.0


class SpoolSink:
    """Publishes through `inner` and, where that fails, through the spool of `thread`; it owns both.

    Until `unregistered` answers None nothing new goes to the spool: somebody might tell that all accepted events are
    stored who does not know that this spool is there. Use it inside the running loop, `open` it first. An event that
    is in the spool counts as accepted, with `Published.on_disk`; it has no offset yet.
    """

    def __init__(
        self,
        inner: Sink,
        thread: SpoolThread,
        bounds: SpoolBounds,
        metrics: Metrics,
        clock: Clock,
        unregistered: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._inner = inner
        self._thread = thread
        self._bounds = bounds
        self._metrics = metrics
        self._clock = clock
        self._unregistered = unregistered
        self._publishing = self._direct = self._unwritten = self._unwritten_bytes = 0
        self._open: OrderedDict[asyncio.Future[None], None] = OrderedDict()
        """Requests in the order of arrival that are with the sink behind, or about to ask for their write."""
        self._writes: set[asyncio.Task[None]] = set()
        self._fault: str | None = None
        self._place = 0
        """The last event that is acknowledged, also where a full disk does not let it be taken out."""
        self._closed = False
        self._away = False
        self._some = asyncio.Event()
        self._emptying = False
        """Whether the last batch of the spool was taken by Kafka."""
        self._room = 0
        """Events that may come until the next batch has left."""
        self._left = asyncio.Event()
        """Set when a batch has left, and then replaced."""
        self._draining: asyncio.Task[None] | None = None
        metrics.watch_spool(lambda: self.held, lambda: self.oldest_seconds, bounds.file_bytes)

    @property
    def held(self) -> Held:
        """What is on disk now."""
        return self._thread.held

    @property
    def waiting(self) -> int:
        """Events that are in the spool or on their way into it."""
        return self._unwritten + self._thread.held.events

    @property
    def unsettled(self) -> int:
        """As `waiting`, and at least one for each damaged file out of which events may still be saved."""
        return self.waiting + self.held.asides

    @property
    def oldest_seconds(self) -> float:
        """Age of the oldest event in the spool; 0 where it is empty."""
        oldest = self._thread.held.oldest_ms
        return 0.0 if oldest is None else max(0.0, (self._clock.now_ms() - oldest) / 1000)

    def open(self) -> None:
        """Start to empty what an earlier process left, and what comes; returns at once."""
        if self.waiting:
            _log.info("the spool holds events of an earlier run, they go first", events=self.waiting)
            self._away = True
            self._some.set()
        self._draining = asyncio.create_task(self._drain())

    async def check(self) -> str:
        """For `/readyz`: "ok", or what is in the spool, or why it cannot be written."""
        if self._fault:
            return f"the spool cannot be written: {self._fault}"
        if (why := self._unregistered()) is not None:
            return f"the spool takes no events, it is not registered: {why}"
        if not self.waiting:
            return OK
        return f"{self.waiting} events wait on disk, the oldest for {self.oldest_seconds:.0f} s"

    def trouble(self) -> str | None:
        if self._closed:
            return CLOSED
        if not self.waiting and not self._inner.trouble():
            return None
        return BROKEN if self._fault else self._refusal()

    async def publish(self, events: Sequence[Placed]) -> Published:
        self._publishing += 1
        try:
            return await self._publish_or_spool(events)
        finally:
            self._publishing -= 1

    async def _publish_or_spool(self, events: Sequence[Placed]) -> Published:
        await self._turn(len(events))
        if self._closed:
            return all_failed(len(events), CLOSED)
        if not events:
            return Published()
        ticket: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._open[ticket] = None
        try:
            if self.waiting or self._inner.trouble():
                if (refusal := self._refusal()) is not None:
                    return all_failed(len(events), refusal)
                return await self._spool(events, Published(dict.fromkeys(range(len(events)), "")), ticket)
            published = await self._publish_directly(events)
            if not published.failures or self._refusal() is not None:
                return published
            return await self._spool(events, published, ticket)
        finally:
            self._has_left(ticket)

    def _refusal(self) -> str | None:
        return None if self._unregistered() is None else UNREGISTERED

    async def _publish_directly(self, events: Sequence[Placed]) -> Published:
        self._direct += 1
        try:
            return await self._inner.publish(events)
        finally:
            self._direct -= 1

    def give_up(self) -> None:
        self._inner.give_up()

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self._say_farewell()
        if self._draining is not None:
            self._draining.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._draining
        self._let_in(emptying=False)
        # What Kafka does not take at the last moment still goes to disk: one wait for Kafka, and one for the disk.
        end = self._clock.monotonic() + 2 * self._bounds.patience
        while self._publishing and self._clock.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await self._thread.close(self._bounds.patience)
        if self.waiting:
            _log.warning("events stay in the spool for the next start, nothing is lost", events=self.waiting)
        await self._inner.close()

    async def _say_farewell(self) -> None:
        end = self._clock.monotonic() + self._bounds.farewell
        while self.waiting and not self._inner.trouble() and self._clock.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    # Into the spool

    async def _turn(self, events: int) -> None:
        with contextlib.suppress(TimeoutError):  # then the disk or Kafka hangs: on, to learn which
            async with asyncio.timeout(self._bounds.patience):
                while self._emptying and self.waiting and self._room <= 0:
                    await self._left.wait()
        self._room -= events

    def _let_in(self, *, emptying: bool, left: int = 0) -> None:
        self._emptying, self._room = emptying, left // 2
        self._left.set()
        self._left = asyncio.Event()

    async def _spool(
        self, events: Sequence[Placed], published: Published, ticket: asyncio.Future[None]
    ) -> Published:
        """Write the failures of `published` to disk; those that are not there in the end stay failures."""
        places = sorted(published.failures)
        failed = [events[place] for place in places]
        # Counted before anything is waited for: from here on no later request goes past the spool.
        self._unwritten += len(failed)
        try:
            await self._until_first(ticket)
            reason = await self._written(failed, ticket)
        finally:
            self._unwritten -= len(failed)
        if reason:
            return Published(dict.fromkeys(places, reason), published.offsets)
        self._metrics.spooled.inc(len(failed))
        return Published({}, published.offsets, on_disk=True)

    async def _until_first(self, ticket: asyncio.Future[None]) -> None:
        """Wait until all that came before has asked for its write, or is acknowledged."""
        if self._direct:
            # At the start of an outage: what is with the sink behind came earlier, and would be written later.
            self._inner.give_up()
        while (first := next(iter(self._open))) is not ticket:
            await asyncio.wait([first])

    def _has_left(self, ticket: asyncio.Future[None]) -> None:
        self._open.pop(ticket, None)
        if not ticket.done():
            ticket.set_result(None)

    async def _written(self, events: list[Placed], ticket: asyncio.Future[None]) -> str | None:
        """None when `events` are on disk, else why not, as senders are told."""
        size = sum(len(event.value) + EVENT_COST for event in events)
        if not self._has_room(size):
            return self._full()
        writing = self._ask_for_write(events, size)
        self._has_left(ticket)
        # Given up here, it goes on there: it may still be on disk in the end, as a copy that counts once.
        await asyncio.wait([writing], timeout=self._bounds.patience)
        if not writing.done():
            self._fails(f"the disk did not answer within {self._bounds.patience:g} s")
            return BROKEN
        try:
            writing.result()
        except SpoolFull as error:
            if self._is_near_its_bound():
                return self._full()
            self._fails(str(error))
            return BROKEN
        except SpoolBroken as error:
            self._fails(str(error))
            return BROKEN
        self._begins()
        return None

    def _ask_for_write(self, events: list[Placed], size: int) -> asyncio.Task[None]:
        writing = asyncio.create_task(self._thread.write(events, size))
        self._unwritten_bytes += size
        self._writes.add(writing)

        def ended(task: asyncio.Task[None]) -> None:
            self._writes.discard(task)
            self._unwritten_bytes -= size
            if not task.cancelled() and task.exception() is None:
                self._some.set()  # also where nobody waits for it any more

        writing.add_done_callback(ended)
        return writing

    def _has_room(self, size: int) -> bool:
        waiting = self._unwritten_bytes + size
        used = self._thread.held.bytes + waiting
        return waiting <= self._bounds.waiting_bytes and used <= self._bounds.file_bytes

    def _is_near_its_bound(self) -> bool:
        """Where it is not, what is full is the disk."""
        return self._thread.held.bytes + self._unwritten_bytes > 0.8 * self._bounds.file_bytes

    def _full(self) -> str:
        _log.warning("the spool is full, events are refused", events=self.waiting)
        return FULL

    def _begins(self) -> None:
        if self._fault:
            _log.info("the spool can be written again")
            self._fault = None
        if not self._away:
            self._away = True
            reason = self._inner.trouble() or "not acknowledged in time"
            _log.warning("events go to the spool until Kafka takes them, nothing is lost", reason=reason)
        self._some.set()

    def _fails(self, reason: str) -> None:
        if not self._fault:
            _log.error("the spool cannot be written, events are refused", reason=reason)
        self._fault = reason

    # Out of the spool

    async def _drain(self) -> None:
        pause = _LOOK_SECONDS
        while True:
            await self._some.wait()
            try:
                await self._drain_once()
                pause = _LOOK_SECONDS
            except Exception as error:  # whatever it is: the events are still there, and it is tried again
                if isinstance(error, SpoolFull | SpoolBroken):
                    self._fails(str(error))
                else:
                    _log.exception("the spool could not be emptied, trying again")
                self._let_in(emptying=False)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    async def _drain_once(self) -> None:
        await self._until_kafka_is_there()
        batch = await self._thread.read(self._place, self._bounds.batch_events, self._bounds.batch_bytes)
        if batch:
            await self._publish(batch)
            self._place = batch[-1].seq
            self._metrics.drained.inc(len(batch))
        await self._forget(more=bool(batch))
        self._let_in(emptying=True, left=len(batch))
        if not self.waiting and not self.held.kept:
            await self._emptied()

    async def _forget(self, *, more: bool) -> None:
        try:
            await self._thread.forget(self._place)
        except (SpoolFull, SpoolBroken) as error:
            # They are acknowledged all the same, and not read again: what comes after them can leave.
            self._fails(str(error))
            if not more:
                raise

    async def _until_kafka_is_there(self) -> None:
        while self._inner.trouble():
            self._let_in(emptying=False)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _publish(self, batch: list[Stored]) -> None:
        """Return when all of `batch` is acknowledged. Only what failed is sent again, still before what comes after."""
        left, pause = [stored.event for stored in batch], _LOOK_SECONDS
        while True:
            failures = (await self._inner.publish(left)).failures
            if not failures:
                return
            left = [left[place] for place in sorted(failures)]
            self._let_in(emptying=False)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            await self._until_kafka_is_there()

    async def _emptied(self) -> None:
        self._some.clear()
        self._emptying = False
        if self._away:
            _log.info("the spool is empty again")
        self._away = False
        self._fault = None
        await self._thread.shrink()
