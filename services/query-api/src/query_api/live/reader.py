"""What one client is sent."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Final

from eventrail.clock import Clock
from eventrail.errors import TokenError
from query_api.live import frames, position
from query_api.live.judging import Decoder, Judge
from query_api.live.matching import matches
from query_api.live.metrics import LiveMetrics
from query_api.live.position import Position
from query_api.live.ring import Entry, Ring, Verdict, View
from query_api.live.telling import told
from query_api.question.live import LiveQuestion

MOST_AT_ONCE: Final = 100
"""Records that are looked at before others get their turn, and whose messages leave together."""


class Reader:
    """A stream of messages for one question. It stands in the ring by itself, and nothing is kept for it."""

    def __init__(
        self,
        question: LiveQuestion,
        view: View,
        ring: Ring,
        judge: Judge,
        decoder: Decoder,
        clock: Clock,
        heartbeat_seconds: float,
        metrics: LiveMetrics,
    ) -> None:
        self._question = question
        self._view = view
        self._ring = ring
        self._judge = judge
        self._decoder = decoder
        self._clock = clock
        self._heartbeat_seconds = heartbeat_seconds
        self._metrics = metrics
        self._generation = ring.generation
        self._spoken_at = clock.monotonic()
        self._started = self._told_waiting = False
        self._number = 0
        self._seen: dict[int, int] = {}
        self._mark: position.Mark | None = None
        self._wanted: Position | None = None
        self._reset: str | None = None
        self._asked: int | None = None

    async def messages(
        self, last_event_id: str | None, closing: Callable[[], bool]
    ) -> AsyncGenerator[bytes, None]:
        """Bytes of whole messages, until `closing` answers True. `last_event_id` is where to go on from."""
        self._wanted, self._reset = _decoded(last_event_id)
        yield frames.opening()
        while not closing():
            said = self._outage() + await self._step()
            if not said and self._rest() <= 0:
                said = frames.heartbeat(self._id()) if self._started else frames.opening()
            if said:
                yield said
                self._spoken_at = self._clock.monotonic()
            if said or self._has_more():
                await asyncio.sleep(0)  # a client that takes all at once leaves others their turn
            else:
                await self._ring.news.wait(self._rest())

    def _rest(self) -> float:
        """Seconds until something has to be said again."""
        return self._heartbeat_seconds - (self._clock.monotonic() - self._spoken_at)

    def _outage(self) -> bytes:
        """That nothing comes for now, once for each outage."""
        reason, told = self._ring.waiting, self._told_waiting
        self._told_waiting = reason is not None
        return frames.waiting(reason) if reason is not None and not told else b""

    async def _step(self) -> bytes:
        if self._started:
            return self._next()
        if not self._may_begin():
            return b""
        self._started = True
        return await self._begin()

    def _may_begin(self) -> bool:
        """Not before the ring has what the topic has; an id from another process may be ahead of this one's ring."""
        if not self._ring.filled:
            return False
        if self._wanted is None or not self._ring.is_ahead(self._wanted):
            return True
        if self._asked is None:
            self._asked = self._ring.ask_for_ends()
        return self._ring.ends_answered >= self._asked

    async def _begin(self) -> bytes:
        """Take a place in the ring: where the id says, or at the end."""
        self._generation = self._ring.generation
        if self._wanted is None:
            return self._from_now(self._reset)
        if reason := self._ring.why_not(self._wanted):
            return self._from_now(reason)
        await self._judge.sift(self._view, self._wanted.offsets)
        # What this client wants may have left the ring meanwhile.
        if self._generation == self._ring.generation and (reason := self._ring.why_not(self._wanted)):
            return self._from_now(reason)
        self._number = self._view.first
        self._stand_at(self._wanted)
        return b""

    def _from_now(self, reason: str | None) -> bytes:
        self._number = self._view.end
        self._stand_at(self._ring.now())
        if reason is None:
            return frames.heartbeat(self._id())
        self._metrics.resets.labels(reason).inc()
        return frames.reset(reason, self._id())

    def _stand_at(self, where: Position) -> None:
        self._seen, self._mark = dict(where.offsets), where.mark

    def _has_more(self) -> bool:
        if not self._started:
            return self._may_begin()
        return self._number < self._view.judged or self._generation != self._ring.generation

    def _next(self) -> bytes:
        """The messages of the next records, or that some are missing; empty where none of them is for this client."""
        if self._generation != self._ring.generation:
            self._generation = self._ring.generation
            return self._from_now(self._ring.anew)
        if self._number < self._view.first:
            return self._lagged()
        end = min(self._view.judged, self._number + MOST_AT_ONCE)
        said = b"".join(self._message(self._view.entry(number)) for number in range(self._number, end))
        self._number = end
        if end == self._view.end and self._ring.filled:
            # All that came so far was seen, also in partitions in which nothing of this website is.
            self._stand_at(self._ring.now())
        return said

    def _lagged(self) -> bytes:
        dropped = self._view.first - self._number
        self._number = self._view.first
        self._stand_at(self._ring.oldest(Position(self._seen, self._mark)))
        self._metrics.dropped.inc(dropped)
        return frames.lagged(dropped, self._id())

    def _message(self, entry: Entry) -> bytes:
        if entry.offset <= self._seen.get(entry.partition, -1):
            return b""
        self._seen[entry.partition] = entry.offset
        self._mark = position.Mark(entry.partition, entry.timestamp_ms)
        if entry.verdict is not Verdict.SHOWN or not matches(self._question, self._decoder.decoded(entry)):
            return b""
        self._metrics.sent.inc()
        return frames.event(self._text(entry), self._id())

    def _text(self, entry: Entry) -> str:
        if entry.text is None:
            entry.text = told(self._decoder.decoded(entry).columns)
        return entry.text

    def _id(self) -> str:
        return position.encode(Position(self._seen, self._mark))


def _decoded(last_event_id: str | None) -> tuple[Position | None, str | None]:
    if not last_event_id:
        return None, None
    try:
        return position.decode(last_event_id), None
    except TokenError:
        return None, "damaged"
