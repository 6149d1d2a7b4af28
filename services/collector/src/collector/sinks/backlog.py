"""Events that wait for the broker: bounded, and each parcel is told once what became of it."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field


class Failure(str):
    """Why a parcel was not acknowledged."""

    __slots__ = ()


@dataclass(slots=True, eq=False)
class Parcel:
    """The events of one request for one partition, framed; `fate` becomes the last raw offset or a Failure."""

    partition: int
    fate: asyncio.Future[int | Failure]
    frames: list[bytes] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    size: int = 0

    def add(self, place: int, frame: bytes) -> None:
        """Put an event in; `place` is its place in the request."""
        self.frames.append(frame)
        self.places.append(place)
        self.size += len(frame)

    def settle(self, fate: int | Failure) -> None:
        """Tell the request; only the first call counts."""
        if not self.fate.done():
            self.fate.set_result(fate)


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
