"""The sink that production uses: chunks on the raw topic, acknowledged by all replicas in sync.

For each partition at most one send is in flight. What arrives meanwhile, or within the linger time of
the first event, leaves together as chunks in one batch, and each request waits for its own events.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from collector.metrics import Metrics
from collector.sinks import Placed, Published, all_failed
from collector.sinks.backlog import Backlog, Failure, Lane, Parcel, Publication
from collector.sinks.chunks import frame, pack
from collector.sinks.connection import Connection, Session
from eventrail import logs
from eventrail.contract.topics import RAW
from eventrail.errors import KafkaUnavailable
from eventrail.kafka import records

_log = logs.get(__name__)

_SEND_BYTES = 512 * 1024
"""A send takes parcels until it holds this much; with the largest parcel it still fits into one batch."""

CLOSED = Failure("the collector is shutting down")
FULL = Failure("too many events wait for Kafka")
AWAY = Failure("Kafka is away")
LATE = Failure("Kafka did not acknowledge in time")
"""What senders are told; which broker and why is for the log and `/readyz`."""


@dataclass(frozen=True)
class Bounds:
    """How long and how much: `patience` and `linger` in seconds, the rest in events and bytes."""

    patience: float = 10.0
    linger: float = 0.0
    queue_events: int = 50_000
    queue_bytes: int = 32 * 1024 * 1024
    chunk_events: int = 500
    chunk_bytes: int = 256 * 1024


class KafkaSink:
    """Publishes through `connection`, which it owns; use it inside the running loop, `open` it first."""

    def __init__(self, connection: Connection, bounds: Bounds, metrics: Metrics) -> None:
        self._connection = connection
        self._bounds = bounds
        self._metrics = metrics
        self.backlog = Backlog(bounds.queue_events, bounds.queue_bytes)
        self._lanes: defaultdict[int, Lane] = defaultdict(Lane)
        self._open: dict[Publication, None] = {}
        """What requests wait for, in the order of arrival."""
        self._deadline: asyncio.TimerHandle | None = None
        self._sends: set[asyncio.Task[None]] = set()
        self._closed = False
        metrics.watch(self.backlog, lambda: connection.trouble is None)

    def open(self) -> None:
        """Start connecting; returns at once."""
        self._connection.open()

    def trouble(self) -> str | None:
        if self._closed:
            return CLOSED
        return self._connection.trouble

    def publish(self, events: Sequence[Placed]) -> Awaitable[Published]:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Published] = loop.create_future()
        publication = Publication(done, loop.time() + self._bounds.patience)
        refusal = self._fill(publication, events)
        if refusal or not publication.parcels:
            done.set_result(all_failed(len(events), refusal) if refusal else Published())
            return done
        for parcel in publication.parcels.values():
            self._take(parcel)
        self._open[publication] = None
        if self._deadline is None:
            self._deadline = loop.call_at(publication.deadline, self._give_up_what_is_late)
        return done

    def _fill(self, publication: Publication, events: Sequence[Placed]) -> str | None:
        """Put `events` in, or say why they are not taken."""
        session = self._connection.session
        if self._closed or session is None:
            return CLOSED if self._closed else AWAY
        size = 0
        for place, event in enumerate(events):
            framed = frame(event.value)
            size += len(framed)
            publication.add(event.key % session.partitions, place, framed)
        return None if self.backlog.has_room(len(events), size) else FULL

    def give_up(self) -> None:
        self._give_up(list(self._open))

    async def close(self) -> None:
        self._closed = True
        if self._sends:
            await asyncio.wait(self._sends)
        if self._deadline is not None:
            self._deadline.cancel()
        await self._connection.close()

    def _take(self, parcel: Parcel) -> None:
        self.backlog.take(parcel)
        lane = self._lanes[parcel.partition]
        lane.put(parcel)
        if not lane.sending:
            lane.sending = True
            task = asyncio.create_task(self._empty(parcel.partition, lane))
            self._sends.add(task)
            task.add_done_callback(self._sends.discard)

    def _give_up_what_is_late(self) -> None:
        # All wait equally long: those that came first are late first, and one timer is enough.
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._give_up(list(takewhile(lambda publication: publication.deadline <= now, self._open)))
        first = next(iter(self._open), None)
        self._deadline = loop.call_at(first.deadline, self._give_up_what_is_late) if first else None

    def _give_up(self, publications: Iterable[Publication]) -> None:
        for publication in publications:
            for parcel in publication.parcels.values():
                if self._lanes[parcel.partition].withdraw(parcel):
                    self.backlog.release(parcel)
                self._settle(parcel, LATE)

    def _settle(self, parcel: Parcel, fate: int | Failure) -> None:
        parcel.settle(fate)
        if parcel.publication.done.done():
            self._open.pop(parcel.publication, None)

    async def _empty(self, partition: int, lane: Lane) -> None:
        try:
            await asyncio.sleep(self._bounds.linger)
            while lane:
                await self._send(partition, lane.next(_SEND_BYTES))
        finally:
            lane.sending = False

    async def _send(self, partition: int, parcels: list[Parcel]) -> None:
        frames = [item for parcel in parcels for item in parcel.frames]
        chunks, places = pack(frames, self._bounds.chunk_events, self._bounds.chunk_bytes)
        fate: int | Failure = LATE
        try:
            fate = await self._acknowledged(partition, chunks)
        finally:
            # Whatever happened: each request hears of it, and the queue gets its room back.
            end = -1
            for parcel in parcels:
                end += len(parcel.frames)
                self._settle(parcel, fate if isinstance(fate, Failure) else fate + places[end])
                self.backlog.release(parcel)
        self._metrics.sent(len(frames), chunks)

    async def _acknowledged(self, partition: int, chunks: list[bytes]) -> int | Failure:
        """Offset of the first chunk, or why they are not acknowledged."""
        session = self._connection.session
        if session is None:
            return AWAY
        try:
            async with asyncio.timeout(self._bounds.patience):
                return await _send_all(session, partition, chunks)
        except TimeoutError:
            reason = f"partition {partition}: not acknowledged within {self._bounds.patience:g} s"
        except KafkaUnavailable as error:
            reason = str(error)
        except Exception as error:  # a fault of the client library costs these events their answer, no more
            reason = repr(error)
            _log.exception("a send to Kafka failed in an unknown way")
        self._connection.replace(session, reason)
        return LATE


async def _send_all(session: Session, partition: int, chunks: list[bytes]) -> int:
    done = await records.send(
        session.producer, RAW.name, partition, [records.Record(chunk) for chunk in chunks]
    )
    return done[0].offset
