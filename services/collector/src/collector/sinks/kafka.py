"""The sink that production uses: chunks on the raw topic, acknowledged by all replicas in sync.

For each partition at most one send is in flight. What arrives meanwhile, or within the linger time of
the first event, leaves together as chunks in one batch, and each request waits for its own events.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from collector.metrics import Metrics
from collector.sinks import Placed, Published, all_failed
from collector.sinks.backlog import Backlog, Failure, Lane, Parcel
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
    linger: float = 0.002
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
        self._open: dict[Parcel, None] = {}
        """Parcels whose request still waits, in the order of arrival."""
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

    async def publish(self, events: Sequence[Placed]) -> Published:
        session = self._connection.session
        if self._closed or session is None:
            return all_failed(len(events), CLOSED if self._closed else AWAY)
        parcels = _parcels(events, session.partitions)
        if not self.backlog.has_room(len(events), sum(parcel.size for parcel in parcels)):
            return all_failed(len(events), FULL)
        for parcel in parcels:
            self._take(parcel)
        return await self._fates(parcels)

    def give_up(self) -> None:
        waiting, self._open = self._open, {}
        self._give_up(waiting)

    async def close(self) -> None:
        self._closed = True
        if self._sends:
            await asyncio.wait(self._sends)
        await self._connection.close()

    async def _fates(self, parcels: list[Parcel]) -> Published:
        deadline = asyncio.get_running_loop().call_later(self._bounds.patience, self._give_up, parcels)
        try:
            failures: dict[int, str] = {}
            offsets: dict[int, int] = {}
            for parcel in parcels:
                fate = await parcel.fate
                if isinstance(fate, Failure):
                    failures.update(dict.fromkeys(parcel.places, fate))
                else:
                    offsets[parcel.partition] = fate
            return Published(failures, offsets)
        finally:
            deadline.cancel()
            for parcel in parcels:
                self._open.pop(parcel, None)

    def _take(self, parcel: Parcel) -> None:
        self.backlog.take(parcel)
        self._open[parcel] = None
        lane = self._lanes[parcel.partition]
        lane.put(parcel)
        if not lane.sending:
            lane.sending = True
            task = asyncio.create_task(self._empty(parcel.partition, lane))
            self._sends.add(task)
            task.add_done_callback(self._sends.discard)

    def _give_up(self, parcels: Iterable[Parcel]) -> None:
        for parcel in parcels:
            if self._lanes[parcel.partition].withdraw(parcel):
                self.backlog.release(parcel)
            parcel.settle(LATE)

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
                parcel.settle(fate if isinstance(fate, Failure) else fate + places[end])
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


def _parcels(events: Sequence[Placed], partitions: int) -> list[Parcel]:
    loop = asyncio.get_running_loop()
    parcels: dict[int, Parcel] = {}
    for place, event in enumerate(events):
        partition = event.key % partitions
        parcel = parcels.get(partition)
        if parcel is None:
            parcel = parcels[partition] = Parcel(partition, loop.create_future())
        parcel.add(place, frame(event.value))
    return list(parcels.values())
