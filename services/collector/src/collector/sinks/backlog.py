"""Events that wait for the broker: bounded, and each parcel is told once what became of it."""

import asyncio
from collections import OrderedDict

from collector.sinks import Published


class Failure(str):
    """Why a parcel was not acknowledged."""

    __slots__ = ()


class Publication:
    """The events of one request on their way: `done` is told once, when each of its parcels has its fate.

    `deadline` is a time of the running loop.
    """

    __slots__ = ("_failures", "_offsets", "_unsettled", "deadline", "done", "parcels")

    def __init__(self, done: asyncio.Future[Published], deadline: float) -> None:
        self.done = done
        self.deadline = deadline
        self.parcels: dict[int, Parcel] = {}
        """By partition."""
        self._unsettled = 0
        self._failures: dict[int, str] = {}
        self._offsets: dict[int, int] = {}

    def add(self, partition: int, place: int, frame: bytes) -> None:
        """Put an event in; `place` is its place in the request."""
        parcel = self.parcels.get(partition)
        if parcel is None:
            parcel = self.parcels[partition] = Parcel(partition, self)
            self._unsettled += 1
        parcel.frames.append(frame)
        parcel.places.append(place)
        parcel.size += len(frame)

    def settled(self, parcel: "Parcel", fate: int | Failure) -> None:
        """`parcel` has its fate."""
        if isinstance(fate, Failure):
            self._failures.update(dict.fromkeys(parcel.places, fate))
        else:
            self._offsets[parcel.partition] = fate
        self._unsettled -= 1
        if not self._unsettled and not self.done.done():
            self.done.set_result(Published(self._failures, self._offsets))


class Parcel:
    """The events of one request for one partition, framed; its fate is the last raw offset or a Failure."""

    __slots__ = ("frames", "is_settled", "partition", "places", "publication", "size")

    def __init__(self, partition: int, publication: Publication) -> None:
        self.partition = partition
        self.publication = publication
        self.frames: list[bytes] = []
        self.places: list[int] = []
        self.size = 0
        self.is_settled = False

    def settle(self, fate: int | Failure) -> None:
        """Tell the request; only the first call counts."""
        if not self.is_settled:
            self.is_settled = True
            self.publication.settled(self, fate)


class Backlog:
    """What was taken and is not settled, over all partitions, held under `max_events` and `max_bytes`."""

    def __init__(self, max_events: int, max_bytes: int) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self.events = 0
        self.bytes = 0

    def has_room(self, events: int, size: int) -> bool:
        """Whether `events` of `size` bytes fit in."""
        return self.events + events <= self._max_events and self.bytes + size <= self._max_bytes

    def take(self, parcel: Parcel) -> None:
        """Count `parcel` in."""
        self.events += len(parcel.frames)
        self.bytes += parcel.size

    def release(self, parcel: Parcel) -> None:
        """Count `parcel` out."""
        self.events -= len(parcel.frames)
        self.bytes -= parcel.size


class Lane:
    """Parcels of one partition that were not handed to the producer yet, in the order of arrival."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[Parcel, None] = OrderedDict()
        self.sending = False

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, parcel: Parcel) -> None:
        self._waiting[parcel] = None

    def withdraw(self, parcel: Parcel) -> bool:
        """Take `parcel` out again; False where it was handed over already."""
        if parcel not in self._waiting:
            return False
        del self._waiting[parcel]
        return True

    def next(self, max_bytes: int) -> list[Parcel]:
        """Take parcels from the front, at least one, until `max_bytes` are reached."""
        taken: list[Parcel] = []
        size = 0
        while self._waiting and size < max_bytes:
            parcel, _ = self._waiting.popitem(last=False)
            taken.append(parcel)
            size += parcel.size
        return taken
